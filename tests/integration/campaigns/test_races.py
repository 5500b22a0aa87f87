"""What many processes do at once is done by one of them, on both databases, and nobody waits in a circle."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import Inbound, Kind
from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.people.import_contacts import import_contacts
from agentic_sales.campaigns.people.import_lines import ConsentDefaults
from agentic_sales.campaigns.sending.door import resolve
from agentic_sales.contracts import ContactId, TouchId
from agentic_sales.errors import StateConflict
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import enroll, move_campaign
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.suppressions import suppress, suppressions
from agentic_sales.store.touches import edit, expire_leases
from tests.integration.campaigns.test_door import Dying
from tests.support.processes import side_by_side
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, later, small_campaign

PROCESSES = 4
TRIES_EACH = 4
EMAIL = "jo@example.com"
KINDS: tuple[Kind, ...] = ("reply", "bounced", "complained", "unsubscribed")

Attempt = Callable[[Database, int], Awaitable[bool]]


async def import_person(database: Database, _: int) -> bool:
    file = b"email\nnew+tag@example.com\n"
    report = await import_contacts(database, file, now=NOW, defaults=ConsentDefaults("contract", "order 7"))
    return report.count("added") == 1


async def pause(database: Database, _: int) -> bool:
    async with database.writing() as connection:
        return await move_campaign(connection, CAMPAIGN, expected=("running",), to="paused", now=NOW) is not None


async def suppress_person(database: Database, _: int) -> bool:
    async with database.writing() as connection:
        return await suppress(connection, email_hash(EMAIL), "stopped", source="Ann", now=NOW)


async def resolve_unknown(database: Database, number: int, *, unknown: TouchId) -> bool:
    try:
        await resolve(database, unknown, "failed" if number % 2 else "sent", by=f"person {number}", now=NOW)
    except StateConflict:
        return False
    return True


async def record_reply(database: Database, _: int) -> bool:
    async with database.writing() as connection:
        event = Inbound("resend:1", "resend", "reply", NOW, address=EMAIL)
        return await record(connection, event, now=NOW) == "recorded"


async def enroll_person(database: Database, _: int, *, person: ContactId) -> bool:
    async with database.writing() as connection:
        return await enroll(connection, CAMPAIGN, person, wake_at=NOW, now=NOW)


async def edit_draft(database: Database, number: int, *, draft: TouchId, digest: str) -> bool:
    async with database.writing() as connection:
        changed = {"text": f"version {number}", "digest": f"digest {number}"}
        return await edit(connection, draft, changed, digest=digest, now=NOW) is not None


def try_often(configuration: Settings, attempt: Attempt, number: int) -> int:
    """Try to do the same several times at once, as a process of its own; count how often it was this one's doing."""

    async def attempts() -> list[bool]:
        async with open_database(configuration) as database:
            return await asyncio.gather(*(attempt(database, number + i) for i in range(TRIES_EACH)))

    return sum(asyncio.run(attempts()))


async def test_what_many_try_at_once_is_done_by_one(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        unknown = await campaign.message("lost@example.com")
        with pytest.raises(KeyboardInterrupt):
            await campaign.door(Dying()).send(unknown, now=NOW)
        async with campaign.database.writing() as connection:
            await expire_leases(connection, now=later(days=1), detail="lost")
        draft = await campaign.message("draft@example.com")
        digest = (await campaign.row(draft)).digest
        await campaign.person(EMAIL)
    async with open_database(migrated) as database, database.writing() as connection:
        await connection.exec_driver_sql("DELETE FROM enrollments")
        found = await connection.exec_driver_sql("SELECT contact_id FROM contacts LIMIT 1")
        person = ContactId(found.scalar_one())
    attempts: list[Attempt] = [
        *(import_person, pause, suppress_person, record_reply),
        partial(resolve_unknown, unknown=unknown),
        partial(enroll_person, person=person),
        partial(edit_draft, draft=draft, digest=digest),
    ]
    for attempt in attempts:
        calls = [partial(try_often, migrated, attempt, number * TRIES_EACH) for number in range(PROCESSES)]
        shares = side_by_side(*calls)
        assert sum(shares) == 1, attempt


def report_all(configuration: Settings, first: int) -> int:
    """Report one event of each kind about each person, in an order of this process; count those that were new."""

    async def report() -> int:
        async with open_database(configuration) as database:
            new = 0
            for person in range(PROCESSES):
                for offset in range(len(KINDS)):
                    kind = KINDS[(first + offset) % len(KINDS)]
                    about = f"p{person}@example.com"
                    event = Inbound(f"{kind}-{person}", "resend", kind, NOW, address=about, is_signed=True)
                    async with database.writing() as connection:
                        new += await record(connection, event, now=NOW) == "recorded"
            return new

    return asyncio.run(report())


def send_all(configuration: Settings, touch_ids: list[TouchId]) -> list[str]:
    """Send messages, as a process of its own."""

    async def send() -> list[str]:
        async with open_database(configuration) as database:
            door = SmallCampaign(database, configuration.state_dir / "mail").door()
            return [(await door.send(touch_id, now=NOW)).state for touch_id in touch_ids]

    return asyncio.run(send())


async def test_events_and_senders_that_meet_at_one_person_neither_wait_in_a_circle_nor_lose_a_message(
    migrated: Settings,
) -> None:
    async with small_campaign(migrated, daily_cap=1000) as campaign:
        people = [await campaign.person(f"p{number}@example.com") for number in range(PROCESSES)]
        touch_ids = [await campaign.write(person, step) for person in people for step in range(3)]
        senders = [partial(send_all, migrated, order) for order in (touch_ids, touch_ids[::-1])]
        reporters = [partial(report_all, migrated, first) for first in range(PROCESSES)]
        calls: list[Callable[[], Any]] = [*senders, *reporters]
        forth, back, *reported = side_by_side(*calls)
        assert {*forth, *back} <= {"sent", "suppressed", "dispatching"}
        assert sum(reported) == len(people) * len(KINDS)
        rows = [await campaign.row(touch_id) for touch_id in touch_ids]
        async with campaign.database.reading() as connection:
            assert len(await suppressions(connection)) == len(people) * len(KINDS)
    ended = [row.state for row in rows]
    assert set(ended) <= {"sent", "suppressed"}
    assert len(campaign.mails()) == ended.count("sent")
