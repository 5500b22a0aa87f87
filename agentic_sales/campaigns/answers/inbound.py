"""Read what comes back: replies, automatic replies, bounces and complaints. Pure: bytes and JSON in, a record out.

A stranger wrote all of it, so nothing here raises for what it says, and every field is bounded.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from hashlib import sha256
from typing import Any, Literal

from agentic_sales.campaigns.answers.refusals import is_bad_address, is_undeliverable
from agentic_sales.contracts import TouchId
from agentic_sales.rules.wording import newest_text, readable
from agentic_sales.sources.html import read_html

Kind = Literal[
    "reply",
    "auto_reply",
    "bounced",
    "delayed",
    "complained",
    "unsubscribed",
    "sent",
    "delivered",
    "failed",
    "suppressed",
    "other",
]
LONGEST_TEXT_CHARS = 20_000
LONGEST_LINE_CHARS = 500
LONGEST_HTML_CHARS = 500_000
MOST_REFERENCES = 50
KEY_CHARS = 32
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
_QMAIL = "This is the qmail-send program"
_QMAIL_FAILED = re.compile(r"^<([^<>\s]+@[^<>\s]+)>:\s*$", re.MULTILINE)
_ENCLOSED_ID = re.compile(r"^Message-ID:\s*(<[^<>\s]{1,250}>)", re.MULTILINE | re.IGNORECASE)
_FOOTER = re.compile(r"^.*https?:\S*/unsubscribe(?:/|%2F).*$", re.MULTILINE | re.IGNORECASE)
_FOOTER_LINK = re.compile(r"<a\b[^<>]*/unsubscribe(?:/|%2F)[^<>]*>[^<>]*</a>", re.IGNORECASE)
"""Our own footer, as a reply quotes it: it is not the writer who speaks of unsubscribing there."""
_AUTOMATIC_PRECEDENCE = {"auto_reply", "bulk", "junk"}
"""Not `list`: a group address in front of the inbox, as Google Groups is one, puts that on what people write."""
_AUTOMATIC_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Auto-Reply", "X-AutoReply-From")
_AUTOMATIC_SUBJECT = re.compile(
    r"^(?:automatic reply|auto(?:matic)?[- ]?(?:reply|response)|out of (?:the )?office|automatische antwort"
    r"|abwesenheitsnotiz|réponse automatique|respuesta automática|risposta automatica|automatisch antwoord"
    r"|resposta automática|automatisk svar|autosvar)\b",
    re.IGNORECASE,
)
_RESEND_KINDS: Mapping[str, Kind] = {
    "email.sent": "sent",
    "email.delivered": "delivered",
    "email.delivery_delayed": "delayed",
    "email.complained": "complained",
    "email.suppressed": "suppressed",
    "email.received": "reply",
}
_RESEND_SUPPRESSED: Mapping[str, Kind] = {"bounce": "bounced", "complaint": "complained"}
"""Why Resend put an address on its own list; by hand else."""
_INVALID_RECIPIENT = re.compile(
    r"(?:invalid|unknown)[ _-](?:recipient|address|mailbox|`?to\b)|no[ _-]such[ _-](?:user|recipient)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message or event that came back."""

    event_id: str
    """What makes it one: the provider's id of the event, or mailbox and a digest."""
    source: str
    """`resend`, or `imap:` and the mailbox."""
    kind: Kind
    """What it is; only what nobody can get is `bounced`. `failed`, `suppressed`: the provider never sent it."""
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
    is_signed: bool = False
    """True: the provider signed it. False: it is a mail, which anybody can write."""


def parse_mail(raw: bytes, *, source: str, received_at: datetime) -> Inbound:
    """Read a mail that lies in a mailbox.

    Args:
        raw: The mail.
        source: Where it was read from.
        received_at: When it came.
    """
    try:
        return _read_mail(raw, source, received_at)
    except RecursionError:  # Nested deeper than anything that a person or a server writes.
        return Inbound(event_id=_event_id(source, raw), source=source, kind="other", received_at=received_at)


def _read_mail(raw: bytes, source: str, received_at: datetime) -> Inbound:
    message = message_from_bytes(raw)
    own_id = next(iter(_ids(message, "Message-ID")), "")
    report = _reported(message)
    kind, address, text = report or (_kind(message), _address(message, "From"), own_words(text_of(message)))
    about = tuple(_reported_ids(message)) if report else _ids(message, "In-Reply-To", "References")
    return Inbound(
        event_id=_event_id(source, own_id.encode() or raw),
        source=source,
        kind=kind,
        received_at=received_at,
        about_ids=about[-MOST_REFERENCES:],
        address=address,
        message_id=own_id,
        subject=_header(message, "Subject"),
        text=text[:LONGEST_TEXT_CHARS],
    )


def _event_id(source: str, identity: bytes) -> str:
    """Return a digest, because a `Message-ID` tells who wrote, and an event's id outlives the person's row."""
    return f"{source}:{sha256(identity).hexdigest()[:KEY_CHARS]}"


def parse_resend(event_id: str, event: Mapping[str, Any], *, received_at: datetime) -> Inbound | None:
    """Read an event of Resend's webhooks; None: it is about nothing that a campaign acts on, such as an opened mail."""
    data = event.get("data")
    name = event.get("type")
    if not isinstance(data, Mapping) or not isinstance(name, str):
        return None
    kind = _resend_kind(name, data)
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
        address=_only_address(_text(party)),
        message_id=_text(data.get("message_id")),
        subject=_text(data.get("subject")),
        text=_resend_reason(data),
        is_signed=True,
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
        text=own_words(
            _text(content.get("text"), LONGEST_TEXT_CHARS) or _shown(_text(content.get("html"), LONGEST_HTML_CHARS))
        ),
    )


def own_words(text: str) -> str:
    """Return what somebody wrote, without the quoted message below or above it; empty: it quotes, and says nothing."""
    newest = newest_text(_FOOTER.sub("", text))
    return "\n".join(line for line in newest.splitlines() if not line.startswith(">")).strip()


def text_of(message: Message) -> str:
    """Return the plain text of a mail; of one that is HTML alone, what it shows."""
    for kind in ("text/plain", "text/html"):
        for part in _own_parts(message):
            if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
                text = _decoded(part)
                return text if kind == "text/plain" else _shown(text)
    return ""


def _shown(markup: str) -> str:
    # The link of our footer shows as one word, which the writer never wrote.
    return read_html(_FOOTER_LINK.sub("", markup[:LONGEST_HTML_CHARS]), "").text


def _own_parts(message: Message) -> Iterator[Message]:
    """Yield the parts of a mail itself; a mail that is enclosed in it is somebody else's."""
    yield message
    if message.get_content_maintype() == "multipart":
        for part in _payloads(message):
            yield from _own_parts(part)


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
    for part in _own_parts(message):
        if part.get_content_type() == "message/delivery-status":
            return _delivery_status(part)
    return _told_in_words(message)


def _told_in_words(message: Message) -> tuple[Kind, str, str] | None:
    """Read a report without the form of RFC 3464, as Exim and qmail write it; None: it is none."""
    text = text_of(message)
    failed = _header(message, "X-Failed-Recipients")  # Exim's bounces, and Gmail's beside its report.
    if not failed and _QMAIL in text[:500] and (found := _QMAIL_FAILED.search(text)):
        failed = found[1]
    return (_failed(text), _only_address(failed), text) if failed else None


def _delivery_status(part: Message) -> tuple[Kind, str, str]:
    """Read RFC 3464: the first block is about the report, each further one about a recipient."""
    blocks = [block for block in _payloads(part) if "Action" in block or "Status" in block]
    if not blocks:
        return "other", "", ""
    block = next((b for b in blocks if _action(b) == "failed"), blocks[0])
    recipient = _header(block, "Original-Recipient") or _header(block, "Final-Recipient")
    status = _header(block, "Status")
    told = f"{status} {_header(block, 'Diagnostic-Code')}".strip()
    return _status_kind(_action(block), told), _only_address(recipient.rpartition(";")[2]), told


def _status_kind(action: str, told: str) -> Kind:
    match action:
        case "failed":
            return _failed(told)
        case "delayed":
            return "delayed"
        case "delivered" | "relayed" | "expanded":
            return "delivered"
        case _:
            return "other"


def _failed(told: str) -> Kind:
    """Tell an address that nobody has from one that may be right: a full mailbox, or a server that dislikes us."""
    return "bounced" if is_undeliverable(told) else "delayed"


def _reported_ids(message: Message) -> Iterator[str]:
    """Yield the `Message-ID`s of the mail that a report gives back, wherever it gives them."""
    for part in message.walk():
        if part.get_content_type() == "text/rfc822-headers":
            yield from _ids(message_from_bytes(_decoded(part).encode()), "Message-ID")
        elif part is not message:
            yield from _ids(part, "Message-ID")
    yield from _ENCLOSED_ID.findall(text_of(message))
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
    except (HeaderParseError, ValueError, LookupError):  # An encoded word that is broken, or of an unknown charset.
        text = raw
    return " ".join(readable(text).split())[:limit]


def _address(message: Message, name: str) -> str:
    return _only_address(_header(message, name))


def _only_address(text: str) -> str:
    return next((address for _, address in getaddresses([text]) if "@" in address), "").strip()


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return readable(payload.decode(part.get_content_charset() or "utf-8", errors="replace"))
    except (LookupError, ValueError):  # A charset that nobody knows, or that is for something else, such as `idna`.
        return readable(payload.decode("latin-1"))


def _resend_kind(name: str, data: Mapping[str, Any]) -> Kind | None:
    match name:
        case "email.bounced":
            return "bounced" if _mapping(data.get("bounce")).get("type") == "Permanent" else "delayed"
        case "email.failed":
            reason = _resend_reason(data)
            return "bounced" if is_bad_address(reason) or _INVALID_RECIPIENT.search(reason) else "failed"
        case "suppression.added":
            return _RESEND_SUPPRESSED.get(_text(data.get("origin")), "suppressed")
        case _:
            return _RESEND_KINDS.get(name)


def _resend_reason(data: Mapping[str, Any]) -> str:
    """Return why a message did not arrive, as the event says it; empty: it does not."""
    told = (("bounce", "message"), ("failed", "reason"), ("suppressed", "message"))
    return next((text for name, field in told if (text := _text(_mapping(data.get(name)).get(field)))), "")


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
    return readable(value[:limit]) if isinstance(value, str) else ""
