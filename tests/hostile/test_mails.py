"""No mail stops the reading of mails, and no word of a stranger changes the form of a mail that goes out."""

import sys
from datetime import UTC, datetime
from email import message_from_bytes
from random import Random

import pytest

from agentic_sales.campaigns.answers.inbound import LONGEST_TEXT_CHARS, parse_mail
from agentic_sales.campaigns.sending.messages import LONGEST_SUBJECT_CHARS, build_message, check_words, to_bytes
from agentic_sales.errors import InvalidMessage
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.mailboxes import MailboxRow
from agentic_sales.store.touches import TouchRow
from tests.hostile.mails import PIECES, broken_mails

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
MAILS = 1_000
WORDS = 1_000
WRITTEN = (
    *("Hi", "Grüße", "日本", "=?utf-8?q?", "?=", "=0D=0A", "Bcc: x@evil.example", "a" * 70),
    *(" ", ",", '"', "\\", "<", ">", "@"),
)
HEADERS = {
    *("from", "to", "subject", "date", "message-id", "list-unsubscribe", "list-unsubscribe-post"),
    *("mime-version", "content-type"),
}


def test_every_broken_mail_is_read_as_one_event_of_bounded_texts() -> None:
    kinds: dict[str, int] = {}
    for raw in broken_mails(MAILS):
        event = parse_mail(raw, source="imap:hostile", received_at=NOW)
        assert len(event.text) <= LONGEST_TEXT_CHARS
        told = event.subject + event.address + event.message_id
        assert not {"\r", "\n", "\x00"} & set(told + event.event_id)
        (event.text + told).encode()
        kinds[event.kind] = kinds.get(event.kind, 0) + 1
    sys.stdout.write(f"{MAILS} broken mails tried, all held: {kinds}\n")
    assert {"reply", "auto_reply", "bounced", "complained"} <= kinds.keys(), "too few kinds to say anything"


def test_no_words_make_a_mail_that_its_receiver_reads_otherwise() -> None:
    random = Random(7)  # noqa: S311 - these are no secrets
    sent = sum(_is_sent_as_meant(_words(random), _words(random), _words(random)) for _ in range(WORDS))
    sys.stdout.write(f"{WORDS} subjects and names tried, all held: {sent} sent, {WORDS - sent} refused\n")
    assert min(sent, WORDS - sent) > WORDS // 10, "too few of one sort to say anything"


def _words(random: Random) -> str:
    known = [*WRITTEN * 8, *(piece.decode("utf-8", "surrogateescape") for piece in PIECES[:16])]
    return "".join(random.choice(known) for _ in range(random.randint(1, 5)))[:LONGEST_SUBJECT_CHARS]


def _is_sent_as_meant(subject: str, name: str, text: str) -> bool:
    try:
        check_words(subject=subject, text=text)
        message = build_message(
            TouchRow(
                touch_id="t", to_email="jo@x.example", subject=subject, text=text, html="", message_id="<t@x.example>",
                in_reply_to="", references="",
            ),
            ContactRow(first_name=name, last_name=""),
            MailboxRow(display_name="Ann", address="ann@x.example", postal_address="1 Main Street", reply_to=None),
            unsubscribe_url="https://x.example/unsubscribe/t",
            date=NOW,
        )  # fmt: skip
    except InvalidMessage:
        return False
    received = message_from_bytes(to_bytes(message))
    assert {header.lower() for header in received} == HEADERS
    assert [part.get_content_type() for part in received.get_payload()] == ["text/plain", "text/html"]  # type: ignore[union-attr]
    return True


@pytest.mark.parametrize("piece", PIECES, ids=str)
def test_a_piece_alone_is_a_mail_too(piece: bytes) -> None:
    assert parse_mail(piece, source="imap:hostile", received_at=NOW).event_id.startswith("imap:hostile:")
