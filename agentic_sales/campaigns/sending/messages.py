"""Make a complete mail of a touch: both bodies, the footer that the law asks for, and safe headers.

The same touch always makes the same message, except for its date. So all tries of it can be recognized as one.
"""

import re
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from html import escape
from typing import Any

from agentic_sales.campaigns.sending.wire import check_received
from agentic_sales.errors import InvalidMessage
from agentic_sales.rules.wording import encoded_word, unreadable
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.mailboxes import MailboxRow
from agentic_sales.store.touches import TouchRow

_FOLDED = SMTP.clone(max_line_length=76)
_UNFOLDED = SMTP.clone(max_line_length=998)
_WHOLE = frozenset({"message-id", "in-reply-to", "references", "list-unsubscribe"})


class _Wire(EmailPolicy):
    """Fold headers at 76 characters, as RFC 2047 asks of encoded words. Headers that programs read are not folded.

    A long URL or id has no place to fold at. Python would encode it, and no mail reader would find it. RFC 5322 allows
    998 characters.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return a header as it goes over the line."""
        return (_UNFOLDED if name.lower() in _WHOLE else _FOLDED).fold_binary(name, value)


_WIRE = _Wire(linesep="\r\n", max_line_length=998)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters of ASCII and of Latin-1, and all else at which Python ends a line."""
LONGEST_SUBJECT_CHARS = 400


def check_words(*, subject: str, text: str, html: str = "") -> None:
    """Refuse words that cannot become a mail, before anybody is asked about them.

    Raises:
        InvalidMessage: The subject is empty, too long or not one line, there is no text, or nothing could send it.
    """
    _subject(subject)
    if not (text.strip() or html.strip()):
        raise InvalidMessage("text", "it is empty")
    for part, words in (("text", text), ("html", html)):
        if (found := unreadable(words)) is not None:
            raise InvalidMessage(part, f"it contains {found}, which no mail can carry")


def check_sender(*, display_name: str, postal_address: str) -> None:
    """Refuse a sender that no mail could name, before anything is written for it.

    Raises:
        InvalidMessage: The name is not one line, the postal address is empty, or nothing could send them.
    """
    _line("From", display_name)
    if not postal_address.strip():
        raise InvalidMessage("postal address", "it is empty, and the law asks for one")
    if (found := unreadable(postal_address)) is not None:
        raise InvalidMessage("postal address", f"it contains {found}, which no mail can carry")


def build_message(
    touch: TouchRow, person: ContactRow, sender: MailboxRow, *, unsubscribe_url: str, date: datetime
) -> EmailMessage:
    """Make the mail of a touch.

    Raises:
        InvalidMessage: A value cannot stand in a header.
    """
    headers = _headers(touch, person, sender, unsubscribe_url)
    text = f"{touch.text.rstrip()}\n\n-- \n{sender.postal_address}\nUnsubscribe: {unsubscribe_url}\n"
    html = _html(touch, sender, unsubscribe_url)
    message = EmailMessage(policy=SMTP)
    for name, value in headers.items():
        message[name] = value
    message["Date"] = date
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    message.set_boundary(f"=_{touch.touch_id}")  # Python's own is drawn anew for every try.
    meant = {**{name: str(value) for name, value in headers.items()}, "Date": str(message["Date"])}
    try:
        raw = to_bytes(message)
    except (MessageError, ValueError) as exc:  # Pythons with a patch of CVE-2024-6923 refuse here.
        raise InvalidMessage("headers", f"they cannot be written: {exc}") from exc
    check_received(raw, meant, text=text, html=html)
    return message


def _headers(touch: TouchRow, person: ContactRow, sender: MailboxRow, unsubscribe_url: str) -> dict[str, str | Address]:
    headers: dict[str, str | Address] = {
        "From": _address("From", sender.display_name, sender.address),
        "To": _address("To", f"{person.first_name} {person.last_name}".strip(), touch.to_email),
        "Subject": _subject(touch.subject),
        "Message-ID": _line("Message-ID", touch.message_id),
        "List-Unsubscribe": f"<{_line('List-Unsubscribe', unsubscribe_url)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    if sender.reply_to:
        headers["Reply-To"] = _address("Reply-To", sender.display_name, sender.reply_to)
    if touch.in_reply_to:
        headers["In-Reply-To"] = _line("In-Reply-To", touch.in_reply_to)
        headers["References"] = _line("References", touch.references)
    return headers


def to_bytes(message: EmailMessage) -> bytes:
    """Return a message as it goes over the line."""
    return message.as_bytes(policy=_WIRE)


def envelope_of(message: EmailMessage) -> tuple[str, str]:
    """Return the addresses of sender and recipient."""
    return message["From"].addresses[0].addr_spec, message["To"].addresses[0].addr_spec


def bodies_of(message: EmailMessage) -> tuple[str, str]:
    """Return the plain text and the HTML of a message of ours."""
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None and html is not None  # noqa: S101, PT018 - `build_message` writes both
    return plain.get_content(), html.get_content()


def _html(touch: TouchRow, sender: MailboxRow, unsubscribe_url: str) -> str:
    body = touch.html or _paragraphs(touch.text)
    postal = "<br>".join(escape(line) for line in sender.postal_address.splitlines())
    link = f'<a href="{escape(unsubscribe_url)}">Unsubscribe</a>'
    return f'{body}\n<hr>\n<p style="color:#666;font-size:small">{postal}<br>{link}</p>\n'


def _paragraphs(text: str) -> str:
    blocks = re.split(r"\n\s*\n", text.strip())
    return "\n".join(f"<p>{escape(block).replace(chr(10), '<br>')}</p>" for block in blocks)


def _address(header: str, name: str, address: str) -> Address:
    if len(name) > LONGEST_SUBJECT_CHARS:  # The library folds a name in quadratic time.
        raise InvalidMessage(header, f"the name has {len(name)} of at most {LONGEST_SUBJECT_CHARS} characters")
    try:
        return Address(_line(header, name), addr_spec=_line(header, address))
    except (ValueError, IndexError) as exc:
        raise InvalidMessage(header, f"`{address}` is not an address") from exc


def _subject(subject: str) -> str:
    if not subject.strip() or len(subject) > LONGEST_SUBJECT_CHARS:
        raise InvalidMessage("Subject", f"it has {len(subject.strip())} of 1 to {LONGEST_SUBJECT_CHARS} characters")
    return _line("Subject", subject)


def _line(header: str, text: str) -> str:
    """Refuse a text that would end its header and begin another, also once it is decoded."""
    if _CONTROL.search(text):
        raise InvalidMessage(header, "it contains a line break or a control character")
    if (found := encoded_word(text)) is not None:
        raise InvalidMessage(header, f"it contains the encoded word `{found}`, which mail programs decode")
    return text
