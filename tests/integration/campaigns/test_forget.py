"""Forgetting a person in the store: from the first moment on nothing can be read any more, and only a digest stays."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from agentic_sales.campaigns.answers.replies import note_class
from agentic_sales.campaigns.book.privacy import Whom, erase_from_book
from agentic_sales.campaigns.people.forget import erase, leave_for_good, written_to
from agentic_sales.campaigns.people.stops import stop_person
from agentic_sales.campaigns.visits.visit import begin, unread
from agentic_sales.campaigns.webhooks.events import announce, announce_ended
from agentic_sales.contracts import RunId
from agentic_sales.errors import StateUnavailable
from agentic_sales.runs.feedback import Feedback, FeedbackQueue
from agentic_sales.runs.ledger import Ledger
from agentic_sales.settings import Settings
from agentic_sales.store import database as store_database
from agentic_sales.store.activations import activation, begin_activation
from agentic_sales.store.contacts import ContactRow, erase_contact
from agentic_sales.store.inbound import add_inbound, inbound_of
from agentic_sales.store.suppressions import suppressions
from agentic_sales.store.webhooks import add_endpoint, messages
from tests.support.databases import new_postgresql, until_blocked
from tests.support.small_campaign import CAMPAIGN, NOW, small_campaign

ADDRESS = "wilhelmina@forget.example"


def bytes_of(folder: Path) -> bytes:
    """Return everything that is in the files of a database."""
    return b"".join(path.read_bytes() for path in folder.glob("agentic_sales.sqlite*"))


async def test_a_visit_that_was_claimed_before_finds_nothing_to_read_and_to_hand_on(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person(ADDRESS)
        reply = {
            "source": "test",
            "kind": "reply",
            "contact_id": contact_id,
            "text": "I am Wilhelmina",
            "subject": "Re:",
        }
        async with campaign.database.writing() as connection:
            await add_inbound(connection, "reply-1", {**reply, "received_at": NOW}, now=NOW)
        assert unread((await begin(campaign.database, (CAMPAIGN, contact_id)))[1])
        assert await leave_for_good(campaign.database, ADDRESS, now=NOW) is not None
        assert unread((await begin(campaign.database, (CAMPAIGN, contact_id)))[1]) == []
        async with campaign.database.reading() as connection:
            assert [row.text for row in await inbound_of(connection, contact_id)] == [""]


async def test_events_about_a_person_and_the_words_of_samples_that_name_the_person_are_erased(
    migrated: Settings,
) -> None:
    async with small_campaign(migrated) as campaign:
        other = await campaign.person("otto@other.example", first_name="Otto", last_name="Other")
        contact_id = await campaign.person(ADDRESS, first_name="Wilhelmina", last_name="Wolke")
        reasons = [{"text": "hires", "quote": "Wilhelmina Wolke leads it"}, {"text": "builds", "quote": "robots"}]
        companies: list[dict[str, Any]] = [
            {"name": "Acme", "domain": "acme.example", "reasons": reasons},
            {"name": "Wilhelmina Wolke", "domain": "wolke.example", "reasons": []},
        ]
        async with campaign.database.writing() as connection:
            receiver = {"endpoint_id": "crm", "url": "https://crm.example/", "events": [], "created_at": NOW}
            await add_endpoint(connection, receiver)
            for whom in (other, contact_id):
                await announce(connection, "message.sent", whom, {"contact_id": whom, "touch_id": "t"}, now=NOW)
            await announce_ended(connection, "spring", "finished", now=NOW)
            ordered = {"slug": "robots", "activation_id": "robots-1", "given": {}, "trace": {}, "sample": companies}
            await begin_activation(connection, ordered, now=NOW)
        leaving = await leave_for_good(campaign.database, ADDRESS, now=NOW)
        assert leaving is not None
        in_book, _ = await erase_from_book(campaign.database, Whom(email=ADDRESS), now=NOW)
        erased = await erase(campaign.database, leaving.contact_id)
        assert (in_book["samples"], erased["webhook_messages"]) == (2, 1)
        async with campaign.database.reading() as connection:
            assert {row.data.get("contact_id") for row in await messages(connection)} == {other, None}
            held = await activation(connection, "robots")
        assert held is not None
        assert held.sample == [{**companies[0], "reasons": reasons[1:]}]


async def test_what_was_erased_is_counted_and_a_digest_keeps_mail_away(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message(ADDRESS)
        await campaign.door().send(touch_id, now=NOW)
        leaving = await leave_for_good(campaign.database, ADDRESS, now=NOW)
        assert leaving is not None
        assert (await written_to(campaign.database, leaving.contact_id)).touch_ids == (touch_id,)
        erased = await erase(campaign.database, leaving.contact_id)
        assert erased == {
            "contacts": 1,
            "enrollments": 1,
            "messages": 1,
            "approvals": 0,
            "inbound_messages": 0,
            "audit_entries": 0,
            "suggestions": 0,
            "webhook_messages": 0,
        }
        assert await leave_for_good(campaign.database, ADDRESS, now=NOW) is None
        async with campaign.database.reading() as connection:
            [kept] = await suppressions(connection)
    assert ADDRESS not in f"{kept.email_hash}{kept.source}"


async def test_the_file_of_the_database_holds_no_byte_of_who_was_erased(tmp_path: Path, sqlite_template: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / sqlite_template.name)
    rng = Random(1)  # noqa: S311 - one whose rows move in such a way that SQLite alone leaves copies of two people
    names = [f"name-{rng.randbytes(5).hex()}" for _ in range(60)]
    async with small_campaign(Settings(state_dir=tmp_path)) as campaign:
        people = {name: await campaign.person(f"{name}@forget.example", first_name=name) for name in names}
        for _ in range(3):
            async with campaign.database.writing() as connection:
                for contact_id in people.values():
                    fields = {"note": "x" * rng.randrange(600)}
                    moved = update(ContactRow).where(ContactRow.contact_id == contact_id)
                    await connection.execute(moved.values(fields=fields))
        gone = rng.sample(names, 30)
        async with campaign.database.writing() as connection:
            for name in gone[1:]:
                await erase_contact(connection, people[name])
        await erase(campaign.database, people[gone[0]])
        content = bytes_of(tmp_path)
    assert [name for name in names if name.encode() in content] == [name for name in names if name not in gone]


async def test_who_was_erased_while_others_read_all_the_time_is_told_to_be_in_the_log_still(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_database, "SQLITE_BUSY_TIMEOUT_S", 0.01)
    shutil.copy(sqlite_template, tmp_path / sqlite_template.name)
    async with small_campaign(Settings(state_dir=tmp_path)) as campaign:
        await campaign.message(ADDRESS)
        leaving = await leave_for_good(campaign.database, ADDRESS, now=NOW)
        assert leaving is not None
        async with campaign.database.reading() as connection:
            await suppressions(connection)
            with pytest.raises(StateUnavailable, match="its log cannot be emptied"):
                await erase(campaign.database, leaving.contact_id)
        await campaign.database.scrub()
    assert b"wilhelmina" not in bytes_of(tmp_path)


async def test_what_was_said_of_erased_runs_is_taken_out_of_the_queue_of_feedback(ledger: Ledger) -> None:
    queue = FeedbackQueue(ledger)
    given = Feedback("an-id", RunId("hers"), "email_outreach", "hers", "user_score", 1.0, "Wilhelmina liked it", 1.0)
    other = replace(given, feedback_id="another", run_id=RunId("his"), comment="Otto liked it")
    await queue.put(given, other)
    assert await queue.forget({RunId("hers"), RunId("nobodys")}) == 1
    assert await queue.forget({RunId("hers")}) == 0
    assert (await queue.take(), await queue.take()) == (other, None)
    await queue.remove(other)


async def test_a_classification_that_meets_the_erasure_of_its_person_does_not_wait_in_a_circle(
    postgresql_template: str,
) -> None:
    with new_postgresql(postgresql_template) as url:
        async with small_campaign(Settings(database_url=url)) as campaign:
            contact_id = await campaign.person(ADDRESS)
            touch_id = await campaign.write(contact_id)
            reply = {
                "source": "test",
                "kind": "reply",
                "contact_id": contact_id,
                "touch_id": touch_id,
                "received_at": NOW,
            }
            async with campaign.database.writing() as connection:
                await add_inbound(connection, "reply-1", reply, now=NOW)
            [row] = unread((await begin(campaign.database, (CAMPAIGN, contact_id)))[1])
            digest = (await campaign.row(touch_id)).email_hash
            told = {"reply_class": "interested"}
            async with campaign.database.writing() as erasure:
                await stop_person(erasure, digest, "stopped", source="forgotten", now=NOW)
                noted = asyncio.create_task(
                    note_class(campaign.database, row, contact_id, told, zone=ZoneInfo("UTC"), now=NOW)
                )
                await until_blocked(campaign.database)
                assert await erase_contact(erasure, contact_id)
            assert await noted is None
            async with campaign.database.reading() as connection:
                assert await inbound_of(connection, contact_id) == []
