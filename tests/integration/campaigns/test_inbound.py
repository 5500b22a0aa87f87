"""What comes back is told apart: people, machines, bounces for good and for now, complaints; and acted on once."""

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from agentic_sales.campaigns.answers.events import record, unsubscribe
from agentic_sales.campaigns.answers.inbound import Inbound, parse_mail
from agentic_sales.campaigns.answers.resend_events import parse_resend, with_content
from agentic_sales.campaigns.sending.door import resolve
from agentic_sales.campaigns.sending.transports.contract import Handover
from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.contracts import ContactId, TouchId
from agentic_sales.errors import StateConflict
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import enrollment
from agentic_sales.store.inbound import inbound_of
from agentic_sales.store.suppressions import suppressions
from agentic_sales.store.touches import WAITING, expire_leases, touches
from tests.integration.campaigns.test_door import Dying
from tests.support import mails
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, later, small_campaign

KINDS = {
    "GMAIL_REPLY": ("reply", "jo@gmail.example"),
    "EXCHANGE_OUT_OF_OFFICE": ("auto_reply", "jo@corp.example"),
    "VACATION": ("auto_reply", "jo@unix.example"),
    "POSTFIX_BOUNCE": ("bounced", "gone@corp.example"),
    "EXCHANGE_BOUNCE_WITH_HEADERS_ALONE": ("bounced", "gone@corp.example"),
    "EXIM_BOUNCE": ("bounced", "gone@corp.example"),
    "FULL_MAILBOX": ("delayed", "gone@corp.example"),
    "STILL_TRYING": ("delayed", "gone@corp.example"),
    "RECEIPT": ("delivered", "gone@corp.example"),
    "COMPLAINT": ("complained", "jo@isp.example"),
    "OFFICE_365_BOUNCE": ("bounced", "gone@corp.example"),
    "EXIM_BOUNCE_WITHOUT_A_REASON": ("bounced", "gone@corp.example"),
    "UNCODED_BOUNCE": ("bounced", "gone@corp.example"),
    "QMAIL_BOUNCE": ("bounced", "gone@corp.example"),
    "SEVERAL_RECIPIENTS": ("bounced", "gone@corp.example"),
    "FULL_FOR_GOOD": ("delayed", "gone@corp.example"),
    "DISLIKED": ("delayed", "gone@corp.example"),
    "UNAUTHENTICATED": ("delayed", "gone@corp.example"),
    "UNCODED_DISLIKE": ("delayed", "gone@corp.example"),
    "TOO_BIG": ("delayed", "gone@corp.example"),
    "EXPIRED": ("delayed", "gone@corp.example"),
    "FORWARDED_BOUNCE": ("reply", "jo@corp.example"),
    "GROUP_REPLY": ("reply", "jo@corp.example"),
    "BOTTOM_POSTED": ("reply", "jo@unix.example"),
}


def read(raw: str | bytes) -> Inbound:
    """Read a mail of the inbox."""
    content = raw if isinstance(raw, bytes) else raw.replace("\n", "\r\n").encode()
    return parse_mail(content, source="imap:sales", received_at=NOW)


@pytest.mark.parametrize("name", KINDS)
def test_a_mail_is_told_for_what_it_is_and_which_message_it_is_about(name: str) -> None:
    event = read(getattr(mails, name))
    assert (event.kind, event.address) == KINDS[name]
    assert mails.OURS in event.about_ids
    assert event.event_id == read(getattr(mails, name)).event_id
    assert not event.message_id or event.message_id not in event.event_id


def test_a_reply_says_what_the_person_wrote_without_what_it_quotes() -> None:
    event = read(mails.GMAIL_REPLY)
    assert (event.subject, event.text) == ("Re: Grüße", mails.GMAIL_WORDS)


def test_an_answer_below_the_quote_is_what_the_person_wrote() -> None:
    assert read(mails.BOTTOM_POSTED).text == "Yes, Thursday."


def test_a_reply_in_html_alone_is_read_without_its_style_and_without_our_footer() -> None:
    html = mails.OUTLOOK_HTML.format(css="x" * 5_000)
    event = read(mails.OUTLOOK_REPLY.format(html=b64encode(html.encode()).decode()))
    assert (event.kind, event.text, event.about_ids) == ("reply", "Klingt gut, wann?", (mails.OURS,))


def test_a_link_of_our_footer_is_not_the_persons_wish_where_nothing_marks_the_quote() -> None:
    footer = "Unsubscribe<https://sales.example/unsubscribe/x>"
    assert read(f"From: jo@x.example\n\nSounds good\n\n{footer}\n").text == "Sounds good"


def test_a_bounce_says_why() -> None:
    assert read(mails.POSTFIX_BOUNCE).text == "5.1.1 smtp; 550 5.1.1 <gone@corp.example>: User unknown"


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Auto-Submitted: no", "reply"),
        ("Auto-Submitted: auto-replied; owner-email=jo@x.example", "auto_reply"),
        ("X-Autoreply: yes", "auto_reply"),
        ("Precedence: auto_reply", "auto_reply"),
        ("Precedence: first-class", "reply"),
        ("Subject: Abwesenheitsnotiz: Urlaub", "auto_reply"),
        ("Subject: Re: your automatic reply feature", "reply"),
    ],
)
def test_a_machine_is_told_by_its_headers(header: str, kind: str) -> None:
    assert read(f"From: jo@x.example\n{header}\n\nHello").kind == kind


@pytest.mark.parametrize("raw", mails.GARBAGE)
def test_nothing_that_a_stranger_sends_breaks_the_reader(raw: bytes) -> None:
    event = read(raw)
    assert event.event_id.startswith("imap:sales:")
    assert event.kind not in {"bounced", "complained"}
    for told in (event.text, event.subject, event.address, event.message_id):
        assert b"\0" not in told.encode()


def test_a_mail_without_an_id_is_one_mail_however_its_server_numbers_it() -> None:
    first, second = read("From: jo@x.example\n\nHi"), read("From: jo@x.example\n\nHo")
    assert (read("From: jo@x.example\n\nHi").event_id, first.event_id == second.event_id) == (first.event_id, False)


def resend_event(kind: str, **data: Any) -> dict[str, Any]:
    """Make an event of Resend."""
    return {
        "type": kind,
        "created_at": "2026-03-02T10:00:00Z",
        "data": {"email_id": "re_1", "to": ["jo@x.example"], **data},
    }


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (resend_event("email.sent"), "sent"),
        (resend_event("email.delivered"), "delivered"),
        (resend_event("email.delivery_delayed"), "delayed"),
        (resend_event("email.complained"), "complained"),
        (resend_event("email.bounced", bounce={"type": "Permanent", "message": "no such user"}), "bounced"),
        (resend_event("email.bounced", bounce={"type": "Transient"}), "delayed"),
        (resend_event("email.bounced"), "delayed"),
        (resend_event("email.failed", failed={"reason": "reached_daily_quota"}), "failed"),
        (resend_event("email.failed", failed={"reason": "Invalid `to` field"}), "bounced"),
        (resend_event("email.failed", failed={"reason": "550 5.1.1 user unknown"}), "bounced"),
        (resend_event("email.suppressed", suppressed={"type": "OnAccountSuppressionList"}), "suppressed"),
    ],
)
def test_an_event_of_resend_is_told_for_what_it_is(event: dict[str, Any], kind: str) -> None:
    parsed = parse_resend("msg_1", event, received_at=NOW)
    assert parsed is not None
    assert (parsed.kind, parsed.provider_id, parsed.address) == (kind, "re_1", "jo@x.example")


@pytest.mark.parametrize(
    ("origin", "kind"), [("bounce", "bounced"), ("complaint", "complained"), ("manual", "suppressed")]
)
def test_an_address_that_resend_puts_on_its_list_is_one_of_nobody_to_be_written_to(origin: str, kind: str) -> None:
    data = {"id": "e169aa45", "email": "jo@x.example", "origin": origin, "source_id": None}
    parsed = parse_resend("msg_1", {"type": "suppression.added", "data": data}, received_at=NOW)
    assert parsed is not None
    assert (parsed.kind, parsed.address, parsed.provider_id) == (kind, "jo@x.example", None)


@pytest.mark.parametrize("event", [resend_event("email.opened"), {}, {"type": 7, "data": []}, {"type": "email.sent"}])
def test_an_event_that_no_campaign_acts_on_is_none(event: dict[str, Any]) -> None:
    assert parse_resend("msg_1", event, received_at=NOW) is None


@pytest.mark.parametrize("tags", [{"touch": "abc"}, [{"name": "touch", "value": "abc"}]])
def test_an_event_names_our_touch_by_its_tag(tags: object) -> None:
    parsed = parse_resend("msg_1", resend_event("email.delivered", tags=tags), received_at=NOW)
    assert parsed is not None
    assert parsed.touch_id == "abc"


def test_a_received_mail_is_told_by_its_headers_once_they_are_there() -> None:
    received = resend_event("email.received", **{"from": "Jo <jo@x.example>", "subject": "Re: Hi"})
    parsed = parse_resend("msg_1", received, received_at=NOW)
    assert parsed is not None
    headers = {"In-Reply-To": mails.OURS, "Auto-Submitted": "auto-replied"}
    whole = with_content(parsed, {"headers": headers, "text": "I am away"})
    assert (whole.kind, whole.about_ids, whole.text, whole.address) == (
        *("auto_reply", (mails.OURS,), "I am away", "jo@x.example"),
    )


async def sent(campaign: SmallCampaign, email: str = "jo@example.com") -> tuple[ContactId, TouchId, TouchId]:
    """Send a first message to a person and write a second one."""
    contact_id = await campaign.person(email)
    first = await campaign.write(contact_id)
    await campaign.door().send(first, now=NOW)
    return contact_id, first, await campaign.write(contact_id, 1)


def about(touch_id: TouchId, raw: str) -> Inbound:
    """Read a mail about a message."""
    return read(raw.replace(mails.OURS, f"<{touch_id}@sales.example>"))


@pytest.mark.parametrize(
    ("name", "reason"), [("GMAIL_REPLY", "replied"), ("POSTFIX_BOUNCE", "bounced"), ("COMPLAINT", "complained")]
)
async def test_what_ends_a_conversation_ends_it_in_every_campaign_and_once(
    migrated: Settings, name: str, reason: str
) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id, first, second = await sent(campaign)
        event = about(first, getattr(mails, name))
        for expected in ("recorded", "known"):
            async with campaign.database.writing() as connection:
                assert await record(connection, event, now=later(days=1)) == expected
        async with campaign.database.reading() as connection:
            way = await enrollment(connection, CAMPAIGN, contact_id)
            assert way is not None
            assert (way.state, way.reason) == ("stopped", reason)
            assert [(row.reason, row.source) for row in await suppressions(connection)] == [(reason, event.event_id)]
            assert len(await inbound_of(connection, contact_id)) == 1
            assert await touches(connection, states=WAITING) == []
        assert ((await campaign.row(first)).outcome, (await campaign.row(second)).state) == (reason, "suppressed")


@pytest.mark.parametrize("name", ["EXCHANGE_OUT_OF_OFFICE", "FULL_MAILBOX", "RECEIPT"])
async def test_what_ends_no_conversation_is_kept_and_the_next_message_goes(migrated: Settings, name: str) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id, first, second = await sent(campaign)
        async with campaign.database.writing() as connection:
            assert await record(connection, about(first, getattr(mails, name)), now=NOW) == "recorded"
            assert len(await inbound_of(connection, contact_id)) == 1
        assert (await campaign.door().send(second, now=NOW)).state == "sent"
        assert ((await campaign.row(first)).delivered_at is not None) == (name == "RECEIPT")


async def test_a_reply_that_names_no_message_is_known_by_who_wrote_it_and_a_strangers_mail_is_not_kept(
    migrated: Settings,
) -> None:
    async with small_campaign(migrated) as campaign:
        await sent(campaign, "jo@gmail.example")
        async with campaign.database.writing() as connection:
            assert await record(connection, read("From: bo@example.com\nSubject: Hi\n\nHi"), now=NOW) == "ignored"
            assert await record(connection, read("From: JO@gmail.example\nSubject: Hi\n\nHi"), now=NOW) == "recorded"
            assert [row.reason for row in await suppressions(connection)] == ["replied"]


@pytest.mark.parametrize("raw", [mails.POSTFIX_BOUNCE, mails.COMPLAINT])
async def test_a_report_that_names_no_message_of_ours_is_kept_and_stops_nobody(migrated: Settings, raw: str) -> None:
    forged = raw.replace(mails.OURS, "<made-up@stranger.example>")
    async with small_campaign(migrated) as campaign:
        contact_id, _, second = await sent(campaign, read(forged).address)
        async with campaign.database.writing() as connection:
            assert await record(connection, read(forged), now=NOW) == "recorded"
        async with campaign.database.reading() as connection:
            assert await suppressions(connection) == []
            [kept] = await inbound_of(connection, contact_id)
        assert (kept.kind, kept.touch_id) == (read(raw).kind, None)
        assert (await campaign.door().send(second, now=NOW)).state == "sent"
        signed = replace(read(forged), event_id="resend:1", source="resend", is_signed=True)
        async with campaign.database.writing() as connection:
            assert await record(connection, signed, now=NOW) == "recorded"
            assert [row.reason for row in await suppressions(connection)] == [read(raw).kind]


async def told_by_resend(campaign: SmallCampaign, kind: str, touch_id: TouchId, **data: Any) -> None:
    """Record an event of Resend about a message."""
    event = parse_resend("msg_1", resend_event(kind, tags={"touch": touch_id}, **data), received_at=later(hours=1))
    assert event is not None
    async with campaign.database.writing() as connection:
        assert await record(connection, event, now=later(hours=1)) == "recorded"


async def test_a_message_that_the_provider_took_and_could_not_send_has_failed_and_stops_nobody(
    migrated: Settings,
) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id, touch_id, _ = await sent(campaign)
        await told_by_resend(campaign, "email.failed", touch_id, failed={"reason": "reached_daily_quota"})
        row = await campaign.row(touch_id)
        assert (row.state, row.detail, row.outcome) == ("failed", "resend: reached_daily_quota", None)
        assert (await campaign.door().send(touch_id, now=later(days=1))).state == "failed"
        async with campaign.database.reading() as connection:
            assert await suppressions(connection) == []
            found = await enrollment(connection, CAMPAIGN, contact_id)
        assert found is not None
        assert found.state == "active"


async def test_an_address_on_the_providers_list_is_on_ours_which_names_the_event(migrated: Settings) -> None:
    message = "it is on the account-level suppression list"
    async with small_campaign(migrated) as campaign:
        _, touch_id, further = await sent(campaign)
        await told_by_resend(campaign, "email.suppressed", touch_id, suppressed={"message": message})
        row = await campaign.row(touch_id)
        assert (row.state, row.detail, row.outcome) == ("suppressed", f"resend: {message}", "suppressed")
        assert (await campaign.row(further)).state == "suppressed"
        async with campaign.database.reading() as connection:
            told = [(entry.reason, entry.source) for entry in await suppressions(connection)]
        assert told == [("suppressed", "resend:msg_1")]


async def test_a_sender_that_is_late_does_not_call_sent_what_the_provider_has_failed_to_send(
    migrated: Settings,
) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()

        class Telling(MaildirTransport):
            """A way on which the provider's word about a message is faster than its answer."""

            async def deliver(self, message: EmailMessage, *, key: TouchId) -> Handover:
                """Hand the message over; the provider tells that it failed before it answers."""
                await told_by_resend(campaign, "email.failed", key, failed={"reason": "domain not verified"})
                return await super().deliver(message, key=key)

        ended = await campaign.door(Telling(campaign.folder)).send(touch_id, now=NOW)
        assert (ended.state, ended.detail) == ("failed", "resend: domain not verified")


async def test_the_providers_word_ends_an_unknown_and_a_person_need_not(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()
        with pytest.raises(KeyboardInterrupt):
            await campaign.door(Dying()).send(touch_id, now=NOW)
        async with campaign.database.writing() as connection:
            assert await expire_leases(connection, now=later(days=1), detail="lost") == [touch_id]
            delivered = parse_resend(
                "msg_1", resend_event("email.delivered", tags={"touch": touch_id}), received_at=NOW
            )
            assert delivered is not None
            assert await record(connection, delivered, now=later(days=1)) == "recorded"
        row = await campaign.row(touch_id)
        assert (row.state, row.resolved_by, row.provider_id) == ("sent", "resend:msg_1", "re_1")
        assert row.sent_at == NOW
        with pytest.raises(StateConflict):
            await resolve(campaign.database, touch_id, "failed", by="Ann", now=later(days=1))


async def test_a_person_leaves_by_the_link_once_and_for_every_campaign(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id, first, second = await sent(campaign)
        for expected in ("recorded", "known"):
            async with campaign.database.writing() as connection:
                assert await unsubscribe(connection, CAMPAIGN, contact_id, now=NOW + timedelta(hours=1)) == expected
        assert (await campaign.row(first)).outcome == "unsubscribed"
        assert (await campaign.row(second)).state == "suppressed"
        async with campaign.database.writing() as connection:
            assert await unsubscribe(connection, CAMPAIGN, ContactId("forgotten"), now=NOW) == "ignored"
