"""Campaigns' events: each is written with what happens, and told at least once under one id, whoever dies."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import event, update
from sqlalchemy.engine import Engine
from standardwebhooks import Webhook

from agentic_sales.campaigns.answers import events
from agentic_sales.campaigns.answers.inbound import Inbound, Kind
from agentic_sales.campaigns.answers.reclassify import reclassify
from agentic_sales.campaigns.answers.replies import note_class
from agentic_sales.campaigns.plan import desk
from agentic_sales.campaigns.plan.windows import zone_named
from agentic_sales.campaigns.sending.approval import ask_approval
from agentic_sales.campaigns.webhooks import keeping
from agentic_sales.campaigns.webhooks.outbox import SignedCall, deliver_outbox
from agentic_sales.contracts import ContactId, TouchId
from agentic_sales.errors import InvalidRequest, StateConflict, UnknownRecord
from agentic_sales.outbound.http import httpx
from agentic_sales.runs.webhooks import MOST_ATTEMPTS
from agentic_sales.settings import Settings
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.inbound import inbound
from agentic_sales.store.webhooks import WebhookMessageRow, messages
from tests.support.receiver import Receiver, receiver
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, small_campaign

SECRET = "whsec_YSBzZWNyZXQgb2YgdHdlbnR5LWZvdXI="
Send = Callable[[SignedCall], Awaitable[int | str]]


@pytest.fixture
def listener() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


async def post(call: SignedCall) -> int | str:
    """Make a request without a guard."""
    async with httpx.AsyncClient() as http:
        answer = await http.post(call.url, content=call.body, headers=dict(call.headers))
    return answer.status_code


async def deliver(database: Database, post: Send = post) -> int:
    return await deliver_outbox(database, post, fleet_secret=SecretStr(SECRET))


@asynccontextmanager
async def told_campaign(
    configuration: Settings, url: str = "http://127.0.0.1:1/", *, kinds: tuple[str, ...] = (), **values: Any
) -> AsyncIterator[SmallCampaign]:
    """Make a campaign whose events an endpoint is told of."""
    async with small_campaign(configuration, **values) as spring:
        await keeping.open_endpoint(spring.database, "crm", url=url, events=kinds, secret="", now=NOW)
        yield spring


async def outbox(database: Database, **narrowed: Any) -> list[WebhookMessageRow]:
    async with database.reading() as connection:
        return await messages(connection, **narrowed)


async def change(database: Database, **values: Any) -> None:
    """Change columns of all messages, as when time passes."""
    async with database.writing() as connection:
        await connection.execute(update(WebhookMessageRow).values(**values))


def kinds(rows: list[WebhookMessageRow]) -> list[str]:
    return sorted(row.kind for row in rows)


async def happens(spring: SmallCampaign, kind: Kind, touch_id: TouchId, **values: Any) -> str:
    told = Inbound(f"{kind}-{touch_id}", "test", kind, NOW, touch_id=touch_id, **values)
    async with spring.database.writing() as connection:
        await events.record(connection, told, now=NOW)
    return told.event_id


# What is written


async def test_a_message_is_told_when_it_waits_is_sent_and_comes_back_and_each_of_it_once(migrated: Settings) -> None:
    async with told_campaign(migrated) as spring:
        touch_id = await spring.message()
        for _ in range(2):
            async with spring.database.writing() as connection:
                await ask_approval(connection, await spring.row(touch_id), expires_at=NOW + timedelta(days=1), now=NOW)
        for _ in range(2):
            await spring.door().send(touch_id, now=NOW)
            await happens(spring, "bounced", touch_id)
        rows = await outbox(spring.database)
        assert kinds(rows) == ["approval.due", "message.bounced", "message.sent"]
        row = await spring.row(touch_id)
        ids = {
            "campaign_id": CAMPAIGN,
            "contact_id": row.contact_id,
            "touch_id": touch_id,
            "step": 0,
            "mailbox_id": "sales",
        }
        assert all(ids.items() <= told.data.items() for told in rows)


async def test_no_word_of_a_mail_no_name_and_no_address_is_in_an_event(migrated: Settings) -> None:
    async with told_campaign(migrated) as spring:
        contact_id = await spring.person("jo@secret.example", first_name="Josephine")
        touch_id = await spring.write(contact_id, subject="Hush subject", text="Hush text")
        await spring.door().send(touch_id, now=NOW)
        await happens(spring, "unsubscribed", touch_id, subject="Hush answer", text="Hush, please")
        told = json.dumps([row.as_data() for row in await outbox(spring.database)])
        assert "message.sent" in told
        assert not [word for word in ("Hush", "Josephine", "jo@", "secret.example") if word in told]


@pytest.mark.parametrize(("reply_class", "opted_out"), [("interested", False), ("unsubscribe", True)])
async def test_an_answer_is_told_with_its_class_and_an_opt_out_besides(
    migrated: Settings, *, reply_class: str, opted_out: bool
) -> None:
    async with told_campaign(migrated, kinds=("reply.classified", "person.opted_out")) as spring:
        touch_id = await spring.message()
        await spring.door().send(touch_id, now=NOW)
        event_id = await happens(spring, "reply", touch_id, text="…")
        async with spring.database.reading() as connection:
            reply = await inbound(connection, event_id)
        assert reply is not None
        zone = zone_named("UTC")
        assert zone is not None
        told = {"reply_class": reply_class}
        await note_class(spring.database, reply, ContactId(reply.contact_id or ""), told, zone=zone, now=NOW)
        rows = {row.kind: row.data for row in await outbox(spring.database)}
        assert rows["reply.classified"]["reply_class"] == reply_class
        assert rows["reply.classified"]["touch_id"] == touch_id
        assert ("person.opted_out" in rows) == opted_out


async def test_a_class_that_a_person_corrects_is_told_as_well(migrated: Settings) -> None:
    async with told_campaign(migrated, kinds=("reply.classified",)) as spring:
        touch_id = await spring.message()
        await spring.door().send(touch_id, now=NOW)
        event_id = await happens(spring, "reply", touch_id, text="…")
        for reply_class in ("out_of_office", "interested", "out_of_office"):
            await reclassify(spring.database, event_id, reply_class, by="Ann", now=datetime.now(UTC))
        told = sorted(await outbox(spring.database), key=lambda row: row.happened_at)
        classes = [(row.data["reply_class"], row.data["touch_id"]) for row in told]
        assert classes == [("out_of_office", touch_id), ("interested", touch_id), ("out_of_office", touch_id)]


async def test_a_campaign_that_pauses_itself_and_one_that_is_stopped_are_told(migrated: Settings) -> None:
    async with told_campaign(migrated, kinds=("campaign.paused", "campaign.ended")) as spring:
        for number in range(4):
            touch_id = await spring.message(f"p{number}@example.com")
            await spring.door().send(touch_id, now=NOW)
            await happens(spring, "bounced", touch_id)
        await desk.move(spring.database, CAMPAIGN, "stop", now=NOW)
        rows = {row.kind: row.data for row in await outbox(spring.database)}
        assert rows["campaign.paused"] | {"outcome": "bounced", "count": 3} == rows["campaign.paused"]
        assert rows["campaign.ended"] == {"campaign_id": CAMPAIGN, "state": "stopped"}


async def test_without_an_endpoint_or_for_another_kind_nothing_is_written(migrated: Settings) -> None:
    async with told_campaign(migrated, kinds=("campaign.ended",)) as spring:
        await spring.door().send(await spring.message(), now=NOW)
        assert await outbox(spring.database) == []


async def test_an_endpoint_is_refused_with_the_reason(migrated: Settings) -> None:
    async with told_campaign(migrated) as spring:
        add = keeping.open_endpoint
        with pytest.raises(InvalidRequest, match=r"`mail.sent` is no event of a campaign; there are approval.due"):
            await add(spring.database, "x", url="https://a.example", events=["mail.sent"], secret="", now=NOW)
        with pytest.raises(InvalidRequest, match=r"never by itself") as refused:
            await add(spring.database, "x", url="https://a.example", events=[], secret=SECRET, now=NOW)
        assert SECRET not in str(refused.value)
        with pytest.raises(StateConflict, match="one of this id already"):
            await add(spring.database, "crm", url="https://a.example", events=[], secret="", now=NOW)
        with pytest.raises(UnknownRecord):
            await keeping.try_endpoint(spring.database, "nobody", now=NOW)


# How it is told


async def test_an_event_is_signed_and_its_id_stays_the_same_over_all_tries(
    migrated: Settings, listener: Receiver
) -> None:
    listener.statuses += [500, 302]
    async with told_campaign(migrated, listener.url) as spring:
        touch_id = await spring.message()
        await spring.door().send(touch_id, now=NOW)
        for _ in range(3):
            await deliver(spring.database)
            await change(spring.database, due_at=datetime.now(UTC))
        [row] = await outbox(spring.database)
    assert (row.state, row.attempts, row.error) == ("delivered", 3, "")
    assert [told.headers["webhook-id"] for told in listener.told] == [row.event_id] * 3
    body = Webhook(SECRET).verify(listener.told[-1].body, dict(listener.told[-1].headers))
    assert (body["type"], body["data"]["touch_id"]) == ("message.sent", touch_id)
    assert datetime.fromisoformat(body["timestamp"]) == row.happened_at


async def test_a_try_that_failed_is_put_off_and_the_last_one_is_dead_until_somebody_revives_it(
    migrated: Settings,
) -> None:
    async def refuse(_: SignedCall) -> int | str:
        return "nobody is there"

    async with told_campaign(migrated) as spring:
        await keeping.try_endpoint(spring.database, "crm", now=NOW)
        before = datetime.now(UTC)
        assert await deliver(spring.database, refuse) == 1
        [row] = await outbox(spring.database)
        assert (row.state, row.error, row.due_at > before + timedelta(seconds=1)) == (
            "pending",
            "nobody is there",
            True,
        )
        assert await deliver(spring.database, refuse) == 0
        await change(spring.database, attempts=MOST_ATTEMPTS - 1, due_at=before)
        await deliver(spring.database, refuse)
        [row] = await outbox(spring.database, state="dead")
        with pytest.raises(StateConflict, match="not among the dead"):
            await keeping.retry_dead(spring.database, "crm", "evt_other", now=datetime.now(UTC))
        assert await keeping.retry_dead(spring.database, "crm", row.event_id, now=datetime.now(UTC)) == 1
        assert await deliver(spring.database, refuse) == 1


@pytest.mark.parametrize("answer", [410, 404])
async def test_a_receiver_that_is_gone_for_good_is_not_asked_again(migrated: Settings, answer: int) -> None:
    async def gone(_: SignedCall) -> int | str:
        return answer

    async with told_campaign(migrated) as spring:
        await keeping.try_endpoint(spring.database, "crm", now=NOW)
        await deliver(spring.database, gone)
        [row] = await outbox(spring.database)
    assert row.state == ("dead" if answer == 410 else "pending")


async def test_a_secret_is_read_where_it_is_and_a_missing_one_is_told_without_it(
    migrated: Settings, listener: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with small_campaign(migrated) as spring:
        values: dict[str, Any] = {"url": listener.url, "events": [], "secret": "env:CRM_SECRET", "now": NOW}
        await keeping.open_endpoint(spring.database, "crm", **values)
        await keeping.try_endpoint(spring.database, "crm", now=NOW)
        await deliver(spring.database)
        monkeypatch.setenv("CRM_SECRET", "whsec_no base64 at all!")
        assert "the variable CRM_SECRET is not set" in (await outbox(spring.database))[0].error
        await change(spring.database, due_at=NOW)
        await deliver(spring.database)
        assert (await outbox(spring.database))[0].error == "it cannot be signed: its secret is no `whsec_` and base64"
        monkeypatch.setenv("CRM_SECRET", SECRET)
        await change(spring.database, due_at=NOW)
        await deliver(spring.database)
    [told] = listener.told
    Webhook(SECRET).verify(told.body, dict(told.headers))


async def test_two_workers_make_each_try_once(migrated: Settings, listener: Receiver) -> None:
    async with told_campaign(migrated, listener.url) as spring:
        for number in range(30):
            await keeping.try_endpoint(spring.database, "crm", now=NOW + timedelta(seconds=number))
        tries = await asyncio.gather(*(deliver(spring.database) for _ in range(3)))
    assert (sum(tries), len(listener.told)) == (30, 30)


async def test_what_an_endpoint_was_to_be_told_goes_with_it_and_delivered_events_are_forgotten_in_time(
    migrated: Settings, listener: Receiver
) -> None:
    async with told_campaign(migrated, listener.url) as spring:
        await keeping.try_endpoint(spring.database, "crm", now=NOW)
        await deliver(spring.database)
        await change(spring.database, due_at=NOW)
        await deliver(spring.database)
        assert await outbox(spring.database) == []
        await keeping.try_endpoint(spring.database, "crm", now=NOW)
        await keeping.close_endpoint(spring.database, "crm")
        assert (await deliver(spring.database), await outbox(spring.database)) == (0, [])


# Deaths


def die_at(number: int) -> None:
    """Kill this process before its statement of a number, from 1. A commit counts as a statement."""
    left = [number]

    def reach(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", reach)
    event.listen(Engine, "commit", reach)


def died(work: Callable[[], Coroutine[Any, Any, object]], number: int) -> bool:
    """Do some work in a process that dies at a statement. False if it came to its end before."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            die_at(number)
            asyncio.run(work())
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status in {0, signal.SIGKILL}, status
    return bool(status)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_wherever_a_sender_dies_a_message_is_sent_and_told_of_or_neither(migrated: Settings) -> None:
    """The sweep: the process that sends is killed at each of its statements. The mail of each life is a new one."""

    async def begin() -> list[TouchId]:
        async with told_campaign(migrated, daily_cap=1000) as spring:
            return [await spring.message(f"p{number}@example.com") for number in range(60)]

    async def send(touch_id: TouchId) -> None:
        async with open_database(migrated) as database:
            await SmallCampaign(database, migrated.state_dir / "mail").door().send(touch_id, now=NOW)

    async def look(touch_id: TouchId) -> tuple[str, int]:
        async with open_database(migrated) as database:
            told = [row for row in await outbox(database, limit=1000) if row.data["touch_id"] == touch_id]
            return (await SmallCampaign(database, migrated.state_dir).row(touch_id)).state, len(told)

    touch_ids = asyncio.run(begin())
    for number, touch_id in enumerate(touch_ids, 1):
        is_dead = died(partial(send, touch_id), number)
        state, told = asyncio.run(look(touch_id))
        assert told == (state == "sent"), (number, state)
        if not is_dead:
            break
    else:
        pytest.fail("the sender has more statements than lives")
    assert number > 5


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_wherever_a_teller_dies_the_event_is_told_at_least_once_under_its_id(
    migrated: Settings, listener: Receiver
) -> None:
    async def begin() -> None:
        async with told_campaign(migrated, listener.url) as spring:
            await keeping.try_endpoint(spring.database, "crm", now=NOW)

    async def tell() -> None:
        async with open_database(migrated) as database:
            await deliver(database)

    async def lease_ends() -> list[WebhookMessageRow]:
        async with open_database(migrated) as database:
            await change(database, due_at=datetime.now(UTC), state="pending", attempts=0)
            return await outbox(database)

    asyncio.run(begin())
    number, rows = 1, asyncio.run(lease_ends())
    while died(tell, number):
        assert number < 60
        number, rows = number + 1, asyncio.run(lease_ends())
        told = len(listener.told)
        asyncio.run(tell())
        assert len(listener.told) > told, number
        asyncio.run(lease_ends())
    assert number > 5
    assert {told.headers["webhook-id"] for told in listener.told} == {rows[0].event_id}
