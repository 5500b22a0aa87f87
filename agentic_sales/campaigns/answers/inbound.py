"""Read inbound mail: replies, automatic ones, reports and complaints. Pure: a mail in, a record out.

A stranger wrote all of it. So every field is bounded, and all text is cut before any search in it.
"""

from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from hashlib import sha256
from typing import Literal

from agentic_sales.campaigns.answers.mail_reports import report_of
from agentic_sales.campaigns.answers.mails import address, header, ids, read_mail, text_of
from agentic_sales.contracts import TouchId
from agentic_sales.rules.absences import by_subject
from agentic_sales.rules.quotes import own_words

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
    "unreadable",
]
LONGEST_TEXT_CHARS = 20_000
MOST_REFERENCES = 50
KEY_CHARS = 32
_AUTOMATIC_PRECEDENCE = {"auto_reply", "bulk", "junk"}
"""`list` is missing here. A group address in front of the inbox, such as Google Groups, puts it on people's mail."""
_AUTOMATIC_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Auto-Reply", "X-AutoReply-From")


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message or event that came back."""

    event_id: str
    """Identity of the event: the provider's id, or mailbox and a digest."""
    source: str
    """`resend`, or `imap:` with the mailbox."""
    kind: Kind
    """Kind of the event.

    `bounced` is only for mail that nobody can get. `failed` and `suppressed` mean that the provider never sent it.
    """
    received_at: datetime
    """When it came, as its source tells."""
    touch_id: TouchId | None = None
    """Touch that the event names itself. None if it names none."""
    provider_id: str | None = None
    """The provider's name of the message that it is about."""
    about_ids: tuple[str, ...] = ()
    """`Message-ID`s of the answered or reported messages, as far as it tells."""
    address: str = ""
    """Address of the sender, or of the person that the event is about."""
    reply_to: str = ""
    """Address that wants the answer. Empty if it is the sender's."""
    message_id: str = ""
    """Its own `Message-ID`."""
    subject: str = ""
    """Its subject."""
    text: str = ""
    """Text of the mail, or the diagnosis of a bounce."""
    is_signed: bool = False
    """True if the provider signed it. False for a mail, which anybody can write."""


def parse_mail(raw: bytes, *, source: str, received_at: datetime) -> Inbound:
    """Read a mail that lies in a mailbox.

    Args:
        raw: The mail.
        source: Where it was read.
        received_at: When it came.
    """
    message = read_mail(raw)
    own_id = next(iter(ids(message, "Message-ID")), "")
    sender, text = address(message, "From"), text_of(message)
    report = report_of(message, text)
    about = report.about_ids if report else ids(message, "In-Reply-To", "References")
    return Inbound(
        # Machines give one `Message-ID` to mails of several people.
        event_id=event_id_of(source, f"{own_id}\0{sender}".encode() if own_id else raw),
        source=source,
        kind=report.kind if report else kind_of(message),
        received_at=received_at,
        about_ids=about[-MOST_REFERENCES:],
        address=report.address if report else sender,
        reply_to="" if report else address(message, "Reply-To"),
        message_id=own_id,
        subject=header(message, "Subject"),
        text=(report.text if report else own_words(text))[:LONGEST_TEXT_CHARS],
    )


def event_id_of(source: str, identity: bytes) -> str:
    """Return a digest. A `Message-ID` names its writer, and an event's id outlives the person's row."""
    return f"{source}:{sha256(identity).hexdigest()[:KEY_CHARS]}"


def kind_of(message: Message) -> Kind:
    """Tell a person's reply from a machine's, by RFC 3834 and by the marks that machines send in its stead."""
    submitted = header(message, "Auto-Submitted").partition(";")[0].strip().lower()
    is_automatic = (
        submitted not in {"", "no"}
        or header(message, "Precedence").strip().lower() in _AUTOMATIC_PRECEDENCE
        or any(name in message for name in _AUTOMATIC_HEADERS)
        or header(message, "Return-Path").strip() == "<>"
        or by_subject(header(message, "Subject")) is not None
    )
    return "auto_reply" if is_automatic else "reply"
