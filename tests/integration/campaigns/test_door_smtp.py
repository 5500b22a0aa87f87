"""The door before real SMTP servers that misbehave in the ways in which servers do."""

import pytest

from agentic_sales.campaigns.sending.door import RETRY_AFTER, resolve
from agentic_sales.campaigns.sending.transports.smtp import SmtpServer, SmtpTransport
from agentic_sales.local.ports import LOOPBACK
from agentic_sales.settings import Settings
from tests.support.ports import free_port
from tests.support.small_campaign import NOW, later, parsed, small_campaign
from tests.support.smtp_server import MailSink, Reply, drops_the_connection, hangs, smtp_server


def smtp(server: SmtpServer) -> SmtpTransport:
    """Return the transport to a server, which does not wait long for its word."""
    return SmtpTransport(server, data_timeout_s=0.3)


async def test_a_greylisted_message_arrives_once_under_one_identity(migrated: Settings) -> None:
    answers = ["450 4.7.1 greylisted, try later", "250 OK"]
    sink = MailSink(on_recipient=lambda number: answers[number - 1])
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()
        with smtp_server(sink) as server:
            door = campaign.door(smtp(server))
            deferred = await door.send(touch_id, now=NOW)
            assert (deferred.state, deferred.slot_day) == ("deferred", None)
            assert (await door.send(touch_id, now=NOW)).attempts == 1
            sent = await door.send(touch_id, now=later(minutes=1) + RETRY_AFTER[0])
    (mail,) = map(parsed, sink.taken)
    assert (sent.state, sent.attempts, mail["Message-ID"]) == ("sent", 2, deferred.message_id)


@pytest.mark.parametrize("misbehaves", [drops_the_connection, hangs])
async def test_a_message_whose_taking_nobody_confirmed_is_shown_and_not_sent_again(
    migrated: Settings, misbehaves: Reply
) -> None:
    sink = MailSink(on_message=misbehaves)
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()
        with smtp_server(sink) as server:
            door = campaign.door(smtp(server))
            assert (await door.send(touch_id, now=NOW)).state == "ambiguous"
            assert (await door.send(touch_id, now=later(days=1))).state == "ambiguous"
        resolved = await resolve(campaign.database, touch_id, "sent", by="Ann", now=later(days=1))
    assert (resolved.state, resolved.sent_at, len(sink.taken)) == ("sent", NOW, 1)


async def test_an_address_that_the_server_does_not_know_ends_every_message_to_it(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("gone@example.com")
        first, second = await campaign.write(contact_id), await campaign.write(contact_id, 1)
        with smtp_server(MailSink(on_recipient=lambda _: "550 5.1.1 no such user")) as server:
            failed = await campaign.door(smtp(server)).send(first, now=NOW)
        assert (failed.state, failed.detail) == ("failed", "550 5.1.1 no such user")
        assert (await campaign.row(second)).state == "suppressed"


async def test_a_server_that_is_away_is_asked_by_one_message_and_lets_all_go_when_it_is_back(
    migrated: Settings,
) -> None:
    sink, port = MailSink(), free_port()
    async with small_campaign(migrated) as campaign:
        first, second = [await campaign.message(f"p{number}@example.com") for number in range(2)]
        door = campaign.door(smtp(SmtpServer(LOOPBACK, port, start_tls=None)))
        refused = await door.send(first, now=NOW)
        told = await door.send(second, now=NOW)
        assert (refused.state, refused.attempts, told.state, told.attempts) == ("deferred", 1, "pending", 0)
        assert f"no session with {LOOPBACK}" in told.detail
        with smtp_server(sink, port=port):
            back_at = refused.not_before_at
            assert [(await door.send(touch_id, now=back_at)).state for touch_id in (first, second)] == ["sent"] * 2
    assert len(sink.taken) == 2
