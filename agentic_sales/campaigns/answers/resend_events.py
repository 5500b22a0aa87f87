"""Read the events of Resend's webhooks and its received mails. Pure: JSON in, a record out."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from email.message import Message
from typing import Any

from agentic_sales.campaigns.answers.inbound import (
    LONGEST_TEXT_CHARS,
    MOST_REFERENCES,
    Inbound,
    Kind,
    kind_of,
)
from agentic_sales.campaigns.answers.mail_reports import report_of
from agentic_sales.campaigns.answers.mails import (
    LONGEST_HEADER_CHARS,
    LONGEST_HTML_CHARS,
    LONGEST_LINE_CHARS,
    LONGEST_LIST_CHARS,
    MOST_HEADERS,
    ids,
    only_address,
    shown,
)
from agentic_sales.campaigns.answers.signs import bounce_signs
from agentic_sales.contracts import TouchId
from agentic_sales.rules.bounces import ENDING, cause_of, ends_address
from agentic_sales.rules.quotes import own_words
from agentic_sales.rules.wording import readable

_RESEND_KINDS: Mapping[str, Kind] = {
    "email.sent": "sent",
    "email.delivered": "delivered",
    "email.delivery_delayed": "delayed",
    "email.complained": "complained",
    "email.suppressed": "suppressed",
    "email.received": "reply",
}
_RESEND_SUPPRESSED: Mapping[str, Kind] = {"bounce": "bounced", "complaint": "complained"}
"""Why Resend put an address on its own list. Other entries were made by hand."""
_OWN = frozenset({"from", "subject", "content-type", "content-transfer-encoding", "mime-version"})
"""Headers that do not describe the text as Resend returns it, or are told by the event."""
_INVALID_RECIPIENT = re.compile(
    r"(?:invalid|unknown)[ _-](?:recipient|address|mailbox|`?to\b)|no[ _-]such[ _-](?:user|recipient)", re.IGNORECASE
)


def parse_resend(event_id: str, event: Mapping[str, Any], *, received_at: datetime) -> Inbound | None:
    """Read an event of Resend's webhooks. Return None if no campaign acts on it, such as an opened mail."""
    data = event.get("data")
    name = event.get("type")
    if not isinstance(data, Mapping) or not isinstance(name, str):
        return None
    kind = _kind(name, data)
    if kind is None:
        return None
    party = data.get("from") if kind == "reply" else data.get("email") or next(iter(_texts(data.get("to"))), "")
    return Inbound(
        event_id=f"resend:{event_id}",
        source="resend",
        kind=kind,
        received_at=received_at,
        touch_id=_touch_tag(data.get("tags")),
        provider_id=_text(data.get("email_id")) or None,
        address=only_address(_text(party)),
        message_id=_text(data.get("message_id")),
        subject=_text(data.get("subject")),
        text=_reason(data),
        is_signed=True,
    )


def with_content(event: Inbound, content: Mapping[str, Any]) -> Inbound:
    """Complete a received mail's event, which has no headers and no text, by the content from Resend's API."""
    text = _text(content.get("text"), LONGEST_TEXT_CHARS) or shown(_text(content.get("html"), LONGEST_HTML_CHARS))
    message = _as_mail(event, _mapping(content.get("headers")), text)
    report = report_of(message, text)
    about = report.about_ids if report else ids(message, "In-Reply-To", "References")
    return replace(
        event,
        kind=report.kind if report else kind_of(message),
        about_ids=about[-MOST_REFERENCES:],
        address=report.address if report else event.address,
        text=(report.text if report else own_words(text))[:LONGEST_TEXT_CHARS],
        provider_id=None,
        is_signed=False,  # Resend vouches for the mail's arrival, not for its text.
    )


def _as_mail(event: Inbound, headers: Mapping[str, Any], text: str) -> Message:
    message = Message()
    for name, value in list(headers.items())[:MOST_HEADERS]:
        if isinstance(value, str) and name.lower() not in _OWN:
            message[str(name)[:100]] = " ".join(value[:LONGEST_LIST_CHARS].split())
    message["From"], message["Subject"] = event.address, event.subject
    message.set_payload(text, "utf-8")
    return message


def _kind(name: str, data: Mapping[str, Any]) -> Kind | None:
    match name:
        case "email.bounced":
            return _bounce_kind(_mapping(data.get("bounce")))
        case "email.failed":
            reason = _reason(data)
            return "bounced" if ends_address(reason, bounce_signs()) or _INVALID_RECIPIENT.search(reason) else "failed"
        case "suppression.added":
            return _RESEND_SUPPRESSED.get(_text(data.get("origin")), "suppressed")
        case _:
            return _RESEND_KINDS.get(name)


def _bounce_kind(bounce: Mapping[str, Any]) -> Kind:
    """Believe the server's own words before Resend's reading of them, which calls a refused sender permanent too."""
    told = " ".join(_texts(bounce.get("diagnosticCode")))[:LONGEST_HEADER_CHARS]
    if cause := cause_of(told, bounce_signs()):
        return "bounced" if cause in ENDING else "delayed"
    return "bounced" if bounce.get("type") == "Permanent" else "delayed"


def _reason(data: Mapping[str, Any]) -> str:
    """Return the event's reason why a message did not arrive. Empty if it gives none."""
    told = (("bounce", "message"), ("failed", "reason"), ("suppressed", "message"))
    return next((text for name, field in told if (text := _text(_mapping(data.get(name)).get(field)))), "")


def _touch_tag(tags: object) -> TouchId | None:
    """Return the touch that we tagged the message with. Resend writes tags as an object or as a list of pairs."""
    pairs = (
        tags.items()
        if isinstance(tags, Mapping)
        else [(_mapping(t).get("name"), _mapping(t).get("value")) for t in _list(tags)]
    )
    return next((TouchId(value) for name, value in pairs if name == "touch" and isinstance(value, str)), None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]


def _text(value: object, limit: int = LONGEST_LINE_CHARS) -> str:
    return readable(value[:limit]) if isinstance(value, str) else ""
