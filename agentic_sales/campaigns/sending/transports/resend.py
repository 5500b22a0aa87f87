"""Hand messages to Resend's HTTP API. Its idempotency key makes a retry of the same message harmless."""

from email.message import EmailMessage
from typing import Any

from pydantic import SecretStr

from agentic_sales.campaigns.sending.messages import bodies_of
from agentic_sales.campaigns.sending.transports.contract import Handover
from agentic_sales.contracts import TouchId
from agentic_sales.outbound.http import httpx

PATH = "/emails"
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
TRIES = 3
"""Tries in a row while the outcome is unknown. They share one idempotency key, so at most one of them counts."""
LONGEST_PAUSE_S = 86_400.0
"""Longest pause that a provider may ask for. A larger number could end beyond the calendar."""
TAG = "touch"
"""Name of the tag that carries our key into every event of the message."""
_FORWARDED = ("Message-ID", "In-Reply-To", "References", "List-Unsubscribe", "List-Unsubscribe-Post")


class ResendTransport:
    """Resend."""

    name = "resend"

    def __init__(self, client: httpx.AsyncClient, api_key: SecretStr) -> None:
        self._client = client
        self._api_key = api_key

    async def deliver(self, message: EmailMessage, *, key: TouchId) -> Handover:
        """Hand over the message. A try that ends in doubt is retried under the same key before it is reported."""
        doubt = ""
        for _ in range(TRIES):
            try:
                answer = await self._post(message, key)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as exc:
                if not doubt:
                    return Handover("deferred", f"Resend cannot be reached: {exc!r}", is_our_fault=True)
                continue
            except httpx.TransportError as exc:
                doubt = f"Resend has the request and did not answer: {exc!r}"
                continue
            if answer.is_server_error:
                doubt = _told(answer)
                continue
            delivery = _delivery(answer)
            return delivery if delivery.state == "sent" or not doubt else Handover("ambiguous", doubt)
        return Handover("ambiguous", doubt)

    async def _post(self, message: EmailMessage, key: TouchId) -> httpx.Response:
        headers = {"authorization": f"Bearer {self._api_key.get_secret_value()}", "idempotency-key": key}
        return await self._client.post(PATH, json=_payload(message, key), headers=headers)


def _payload(message: EmailMessage, key: TouchId) -> dict[str, Any]:
    """Write a message in Resend's words. Every try has the same payload, or Resend would refuse the key."""
    text, html = bodies_of(message)
    payload = {
        "from": str(message["From"]),
        "to": [str(message["To"])],
        "subject": str(message["Subject"]),
        "text": text,
        "html": html,
        "headers": {**{name: str(message[name]) for name in _FORWARDED if name in message}, **_own_reference(message)},
        "tags": [{"name": TAG, "value": key}],
    }
    return {**payload, "reply_to": str(message["Reply-To"])} if "Reply-To" in message else payload


def _own_reference(message: EmailMessage) -> dict[str, str]:
    """Refer to the message itself. Resend's carrier replaces its `Message-ID`, and a reply repeats the references."""
    return {"References": f"{message.get('References', '')} {message['Message-ID']}".strip()}


def _delivery(answer: httpx.Response) -> Handover:
    match answer.status_code:
        case 200 | 201:
            return Handover("sent", provider_id=_body(answer).get("id"))
        case 429:
            pause = answer.headers.get("retry-after", "")
            pause_s = min(float(pause), LONGEST_PAUSE_S) if pause.isdecimal() else None
            return Handover("deferred", _told(answer), retry_after_s=pause_s, is_our_fault=True)
        case 401 | 403 | 404 | 405:  # A key, a domain or a URL that is wrong.
            return Handover("deferred", _told(answer), is_our_fault=True)
        case 409:  # Another try under this key is under way, or was another message: either may have been taken.
            return Handover("ambiguous", _told(answer))
        case _:
            return Handover("failed", _told(answer))


def _told(answer: httpx.Response) -> str:
    return f"{answer.status_code} {_body(answer).get('message') or answer.text}"[:500]


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
