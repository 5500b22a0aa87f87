"""Log a mailbox in at Google by a device code (RFC 8628), which `google-auth` does not do itself.

Google gives the scope of mail to device codes of some organizations alone. Others use a service account.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from agentic_sales.errors import LoginRefused
from agentic_sales.outbound.http import httpx
from agentic_sales.settings import Settings

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_TIMEOUT_S = 20.0
_SLOWER_S = 5.0
"""Seconds that RFC 8628 adds to the interval after `slow_down`."""


def google_device_login(
    configuration: Settings, mailbox_id: str, scopes: Sequence[str], tell: Callable[[str], object]
) -> dict[str, Any]:
    """Return the stored login of a mailbox, as `google-auth` keeps it.

    Raises:
        LoginRefused: No application is configured, the person refused, or the code has expired.
    """
    client_id, secret = configuration.google_client_id, configuration.google_client_secret
    if client_id is None or secret is None:
        raise LoginRefused(
            mailbox_id,
            "AGENTIC_SALES_GOOGLE_CLIENT_ID and AGENTIC_SALES_GOOGLE_CLIENT_SECRET are not set; or give the key file "
            "of a service account as its secret",
        )
    application = {"client_id": client_id, "client_secret": secret.get_secret_value()}
    with httpx.Client(base_url=configuration.google_oauth_url, timeout=_TIMEOUT_S) as http:
        try:
            told = _tokens(http, mailbox_id, application, scopes, tell)
        except httpx.HTTPError as exc:
            raise LoginRefused(mailbox_id, f"Google does not answer: {exc!r}") from exc
    return {"type": "authorized_user", **application, "refresh_token": told["refresh_token"]}


def _tokens(
    http: httpx.Client,
    mailbox_id: str,
    application: dict[str, str],
    scopes: Sequence[str],
    tell: Callable[[str], object],
) -> dict[str, Any]:
    asked = {"client_id": application["client_id"], "scope": " ".join(scopes)}
    device = _json(http.post("/device/code", data=asked))
    if "device_code" not in device:
        raise LoginRefused(mailbox_id, str(device.get("error_description") or device.get("error") or device)[:300])
    url = device.get("verification_url") or device.get("verification_uri")
    tell(f"To sign in, open {url} and enter the code {device['user_code']}")
    pause_s, ends_s = float(device.get("interval", 5)), time.monotonic() + float(device["expires_in"])
    while time.monotonic() < ends_s:
        time.sleep(pause_s)
        body = {**application, "device_code": device["device_code"], "grant_type": _GRANT}
        told = _json(http.post("/token", data=body))
        if "refresh_token" in told:
            return told
        match told.get("error"):
            case "authorization_pending":
                continue
            case "slow_down":
                pause_s += _SLOWER_S
            case error:
                raise LoginRefused(
                    mailbox_id, str(told.get("error_description") or error or "no token was given")[:300]
                )
    raise LoginRefused(mailbox_id, "nobody entered the code in time")


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        told = None
    return told if isinstance(told, dict) else {"error": f"status {answer.status_code}"}
