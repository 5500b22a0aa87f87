"""Read what comes back: replies, automatic replies, bounces and complaints. Pure: bytes and JSON in, a record out.

A stranger wrote all of it, so nothing here raises for what it says, and every field is bounded.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from hashlib import sha256
from html import unescape
from typing import Any, Literal

from agentic_sales.contracts import TouchId

Kind = Literal["reply", "auto_reply", "bounced", "delayed", "complained", "unsubscribed", "sent", "delivered", "other"]
LONGEST_TEXT_CHARS = 20_000
LONGEST_LINE_CHARS = 500
MOST_REFERENCES = 50
KEY_CHARS = 32
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
_PERMANENT = re.compile(r"\b5\.\d{1,3}\.\d{1,3}\b|\b55\d\b")
_QUOTE_BEGINS = re.compile(
    r"^(?:On|Am|Le|El|Op|Il)\b.{0,200}(?:wrote|schrieb|écrit|escribió|schreef|scritto).{0,120}:\s*$"
    r"|^-{2,}\s*(?:Original Message|Ursprüngliche Nachricht|Message d'origine)\s*-{2,}"
    r"|^_{20,}\s*$|^From: .+@.+$",
    re.MULTILINE | re.IGNORECASE,
)
_AUTOMATIC_PRECEDENCE = {"auto_reply", "bulk", "junk", "list"}
_AUTOMATIC_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Auto-Reply", "X-AutoReply-From")
_AUTOMATIC_SUBJECT = re.compile(
    r"^(?:automatic reply|auto(?:matic)?[- ]?(?:reply|response)|out of (?:the )?office|automatische antwort"
    r"|abwesenheitsnotiz|réponse automatique|respuesta automática|risposta automatica)\b",
    re.IGNORECASE,
)
_RESEND_KINDS: Mapping[str, Kind] = {
    "email.sent": "sent",
    "email.delivered": "delivered",
    "email.delivery_delayed": "delayed",
    "email.complained": "complained",
    "email.received": "reply",
}


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message or event that came back."""

    event_id: str
    """What makes it one: the provider's id of the event, or mailbox and a digest."""
    source: str
    """`resend`, or `imap:` and the mailbox."""
    kind: Kind
    """What it is; only a permanent failure is `bounced`."""
    received_at: datetime
    """When it came, as its source tells."""
    touch_id: TouchId | None = None
    """Touch that it names itself; None: it names none."""
    provider_id: str | None = None
    """The provider's name of the message that it is about."""
    about_ids: tuple[str, ...] = ()
    """`Message-ID`s of what it answers or reports, as far as it tells."""
    address: str = ""
    """Whom it is from, or whose address it is about."""
    message_id: str = ""
    """Its own `Message-ID`."""
    subject: str = ""
    """Its subject."""
    text: str = ""
    """What it says; the diagnosis of a bounce."""


def parse_mail(raw: bytes, *, source: str, fallback_id: str, received_at: datetime) -> Inbound:
    """Read a mail that lies in a mailbox.

    Args:
        raw: The mail.
        source: Where it was read from.
        fallback_id: What makes it one mail if it has no `Message-ID`.
        received_at: When it came.
    """
    message = message_from_bytes(raw)
    own_id = next(iter(_ids(message, "Message-ID")), "")
    # A digest, because a `Message-ID` tells who wrote, and an event's id outlives the person's row in a suppression.
    event_id = f"{source}:{sha256((own_id or fallback_id).encode()).hexdigest()[:KEY_CHARS]}"
    report = _reported(message)
    kind, address, text = report or (_kind(message), _address(message, "From"), own_words(text_of(message)))
    about = tuple(_reported_ids(message)) if report else _ids(message, "In-Reply-To", "References")
    return Inbound(
        event_id=event_id,
        source=source,
        kind=kind,
        received_at=received_at,
        about_ids=about[-MOST_REFERENCES:],
        address=address,
        message_id=own_id,
        subject=_header(message, "Subject"),
        text=text[:LONGEST_TEXT_CHARS],
    )


def parse_resend(event_id: str, event: Mapping[str, Any], *, received_at: datetime) -> Inbound | None:
    """Read an event of Resend's webhooks; None: it is about nothing that a campaign acts on, such as an opened mail."""
    data = event.get("data")
    name = event.get("type")
    if not isinstance(data, Mapping) or not isinstance(name, str):
        return None
    kind = _bounce_kind(data) if name == "email.bounced" else _RESEND_KINDS.get(name)
    if kind is None:
        return None
    party = data.get("from") if kind == "reply" else next(iter(_texts(data.get("to"))), "")
    return Inbound(
        event_id=f"resend:{event_id}",
        source="resend",
        kind=kind,
        received_at=received_at,
        touch_id=_touch_tag(data.get("tags")),
        provider_id=_text(data.get("email_id")) or None,
        address=_only_address(_text(party)),
        message_id=_text(data.get("message_id")),
        subject=_text(data.get("subject")),
        text=_text(_mapping(data.get("bounce")).get("message")),
    )


def with_content(event: Inbound, content: Mapping[str, Any]) -> Inbound:
    """Complete a received mail's event, which has no headers and no text, by what Resend's API returns for it."""
    headers = Message()
    for name, value in _mapping(content.get("headers")).items():
        if isinstance(value, str):
            headers[str(name)] = " ".join(value.split())
    return Inbound(
        event_id=event.event_id,
        source=event.source,
        kind=_kind(headers),
        received_at=event.received_at,
        about_ids=_ids(headers, "In-Reply-To", "References")[-MOST_REFERENCES:],
        address=event.address,
        message_id=event.message_id,
        subject=event.subject,
        text=own_words(_text(content.get("text"), LONGEST_TEXT_CHARS)),
    )


def own_words(text: str) -> str:
    """Return what somebody wrote, without the quoted message below it."""
    quote = _QUOTE_BEGINS.search(text)
    kept = text[: quote.start()] if quote else text
    return "\n".join(line for line in kept.splitlines() if not line.startswith(">")).strip()


def text_of(message: Message) -> str:
    """Return the plain text of a mail; of one that is HTML alone, what it shows."""
    for kind in ("text/plain", "text/html"):
        for part in message.walk():
            if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
                text = _decoded(part)
                return text if kind == "text/plain" else unescape(re.sub(r"<[^>]{0,2000}>", " ", text))
    return ""


def _kind(message: Message) -> Kind:
    """Tell a person's reply from a machine's, by RFC 3834 and by what is sent in its stead."""
    submitted = _header(message, "Auto-Submitted").partition(";")[0].strip().lower()
    is_automatic = (
        submitted not in {"", "no"}
        or _header(message, "Precedence").strip().lower() in _AUTOMATIC_PRECEDENCE
        or any(name in message for name in _AUTOMATIC_HEADERS)
        or _header(message, "Return-Path").strip() == "<>"
        or _AUTOMATIC_SUBJECT.search(_header(message, "Subject")) is not None
    )
    return "auto_reply" if is_automatic else "reply"


def _reported(message: Message) -> tuple[Kind, str, str] | None:
    """Read a report about a mail of ours: its kind, whose address it is about, and the diagnosis; None: it is none."""
    kind = str(message.get_param("report-type", "")).lower()
    if message.get_content_type() == "multipart/report" and kind == "feedback-report":
        return "complained", _complainer(message), "the recipient called it spam"
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            return _delivery_status(part)
    failed = _header(message, "X-Failed-Recipients")
    if failed:  # Exim's bounces, and Gmail's beside its report.
        text = text_of(message)
        return ("bounced" if _PERMANENT.search(text) else "delayed"), _only_address(failed), text
    return None


def _delivery_status(part: Message) -> tuple[Kind, str, str]:
    """Read RFC 3464: the first block is about the report, each further one about a recipient."""
    blocks = [block for block in _payloads(part) if "Action" in block or "Status" in block]
    if not blocks:
        return "other", "", ""
    block = next((b for b in blocks if _action(b) == "failed"), blocks[0])
    recipient = _header(block, "Original-Recipient") or _header(block, "Final-Recipient")
    status = _header(block, "Status")
    told = f"{status} {_header(block, 'Diagnostic-Code')}".strip()
    return _status_kind(_action(block), status), _only_address(recipient.rpartition(";")[2]), told


def _status_kind(action: str, status: str) -> Kind:
    match action, status[:2]:
        case "failed", "5.":
            return "bounced"
        case "failed" | "delayed", _:  # Failed with 4.x.x: the server gave up; the address may be right.
            return "delayed"
        case "delivered" | "relayed" | "expanded", _:
            return "delivered"
        case _:
            return "other"


def _reported_ids(message: Message) -> Iterator[str]:
    """Yield the `Message-ID`s of the mail that a report gives back, wherever it gives them."""
    for part in message.walk():
        if part.get_content_type() == "text/rfc822-headers":
            yield from _ids(message_from_bytes(_decoded(part).encode()), "Message-ID")
        elif part is not message:
            yield from _ids(part, "Message-ID")
    yield from _ids(message, "In-Reply-To", "References")


def _complainer(message: Message) -> str:
    for part in message.walk():
        if part.get_content_type() == "message/feedback-report":
            for block in (part, *_payloads(part)):
                if recipient := _header(block, "Original-Rcpt-To"):
                    return _only_address(recipient)
            fields = message_from_bytes(_decoded(part).lstrip().encode())
            if recipient := _header(fields, "Original-Rcpt-To"):
                return _only_address(recipient)
    return ""


def _payloads(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []


def _action(block: Message) -> str:
    return _header(block, "Action").strip().lower()


def _ids(message: Message, *names: str) -> tuple[str, ...]:
    found = [found for name in names for found in _MESSAGE_ID.findall(_header(message, name, LONGEST_TEXT_CHARS))]
    return tuple(dict.fromkeys(found))


def _header(message: Message, name: str, limit: int = LONGEST_LINE_CHARS) -> str:
    raw = str(message.get(name, ""))
    try:
        text = str(make_header(decode_header(raw)))
    except (ValueError, LookupError):  # An encoded word that is broken, or of a charset that nobody knows.
        text = raw
    return " ".join(text.split())[:limit]


def _address(message: Message, name: str) -> str:
    return _only_address(_header(message, name))


def _only_address(text: str) -> str:
    return next((address for _, address in getaddresses([text]) if "@" in address), "").strip()


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(part.get_content_charset() or "utf-8", errors="replace")
    except LookupError:
        return payload.decode("latin-1")


def _bounce_kind(data: Mapping[str, Any]) -> Kind:
    return "bounced" if _mapping(data.get("bounce")).get("type") == "Permanent" else "delayed"


def _touch_tag(tags: object) -> TouchId | None:
    """Return the touch that we tagged the message with; Resend writes tags as an object or as a list of pairs."""
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
    return value[:limit] if isinstance(value, str) else ""
