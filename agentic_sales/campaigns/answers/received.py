"""Fetch a mail that Resend received. Its event has no headers, which tell a person's reply from a machine's."""

from typing import Any
from urllib.parse import quote

from agentic_sales.errors import ProviderUnavailable
from agentic_sales.outbound.http import httpx
from agentic_sales.settings import Settings

TIMEOUT_S = 10.0


async def received_content(configuration: Settings, email_id: str) -> dict[str, Any]:
    """Return headers and text of a received mail.

    Raises:
        ProviderUnavailable: Resend does not return it now. Its webhook comes again.
    """
    key = configuration.resend_api_key
    if key is None:
        raise ProviderUnavailable("resend", "received mail needs RESEND_API_KEY")
    headers = {"authorization": f"Bearer {key.get_secret_value()}"}
    async with httpx.AsyncClient(base_url=configuration.resend_url, timeout=TIMEOUT_S, headers=headers) as client:
        try:
            answer = await client.get("/emails/receiving/" + quote(email_id, safe=""))
            body = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as exc:
            raise ProviderUnavailable("resend", exc) from exc
    return body if isinstance(body, dict) else {}
