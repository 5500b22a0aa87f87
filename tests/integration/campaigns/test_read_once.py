"""A node of a visit goes on with what the node before has read: only while it says the same as the store."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.visits import work
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.campaigns.visits.machine import Situation
from agentic_sales.campaigns.visits.situation import situation_of
from agentic_sales.campaigns.visits.surroundings import rehearsing
from agentic_sales.campaigns.visits.work import Read
from agentic_sales.contracts import MailboxId, TouchId
from agentic_sales.rehearsal.in_process import sub_runs_in_process
from agentic_sales.runs.memory import leave, remembering, take
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import EnrollmentRow, change_enrollment, locked_campaign, move_campaign
from agentic_sales.store.columns import Table
from agentic_sales.store.database import as_current
from agentic_sales.store.mailboxes import add_mailbox, locked_mailbox
from agentic_sales.store.statements import columns
from agentic_sales.store.touches import rewrite
from agentic_sales.store.visits import Key, wake
from tests.support.databases import new_postgresql, until_blocked
from tests.support.small_campaign import CAMPAIGN, MAILBOX, NOW, SmallCampaign, small_campaign

THREE_STEPS = {"steps": [{}, {"delay_days": 3}, {"delay_days": 5}]}


@dataclass
class Visit:
    """A visit that a test makes node by node."""

    campaign: SmallCampaign
    """The campaign."""
    key: Key
    """The person."""
    clock: VirtualClock
    """Its clock."""

    async def act(self) -> str:
        """Decide on the next act."""
        decision, _ = await work.next_act(self.campaign.database, self.key)
        return decision.act

    async def write(self) -> None:
        """Write the message that is due."""
        assert await self.act() == "write"
        await work.write_message(self.campaign.database, self.key)

    async def send(self, step: int) -> str:
        """Send the message of a step."""
        return (await work.send_message(self.campaign.database, self.key, step)).state

    async def go_on(self, step: int) -> None:
        """Go on from a step."""
        await work.go_on(self.campaign.database, self.key, step)

    async def read(self) -> Situation:
        """Read the situation."""
        async with self.campaign.database.reading() as connection:
            return await situation_of(connection, self.key)


@asynccontextmanager
async def visit_of(settings: Settings) -> AsyncIterator[Visit]:
    """Begin a visit to a person in a campaign of three messages."""
    async with small_campaign(settings, plan=THREE_STEPS) as campaign, as_current(campaign.database):
        key, clock = (CAMPAIGN, await campaign.person("jo@example.com")), VirtualClock(NOW)
        with rehearsing(clock.now, MaildirTransport(campaign.folder)), sub_runs_in_process(), remembering():
            yield Visit(campaign, key, clock)


def left() -> Situation | None:
    """Look at what the last node has left, and leave it there."""
    found = take(Read)
    leave(found)
    return found.situation if found else None


def plain(situation: Situation | None, *, but: Sequence[str] = ()) -> dict[str, Any]:
    """Return the fields of a situation as they can be compared."""
    assert situation is not None

    def value(of: Any) -> Any:
        return {column.key: getattr(of, column.key) for column in columns(type(of))} if isinstance(of, Table) else of

    return {name: value(getattr(situation, name)) for name in Situation.__slots__ if name not in but}


async def test_what_a_node_has_left_is_what_the_store_says(migrated: Settings) -> None:
    async with visit_of(migrated) as visit:
        for step in range(3):
            visit.clock.forward_to(NOW + timedelta(days=14 * step))
            await visit.write()
            assert plain(left()) == plain(await visit.read())
            assert await visit.act() == "send"
            assert await visit.send(step) == "sent"
            # The facts of a message count only while it waits.
            assert plain(left(), but=["facts"]) == plain(await visit.read(), but=["facts"])
            assert await visit.act() == "advance"
            await visit.go_on(step)
            assert plain(left()) == plain(await visit.read())
        assert await visit.act() == "finish"
        assert len(visit.campaign.mails()) == 3


async def test_who_is_woken_while_a_message_goes_is_read_anew_after_it(migrated: Settings) -> None:
    async with visit_of(migrated) as visit:
        await visit.write()
        assert await visit.act() == "send"
        async with visit.campaign.database.writing() as connection:
            await wake(connection, now=NOW, contact_id=visit.key[1])
        assert await visit.send(0) == "sent"
        assert await visit.act() == "advance"
        await visit.go_on(0)
        assert left() is None


async def test_a_person_who_was_put_back_is_read_anew_after_each_step(migrated: Settings) -> None:
    async with visit_of(migrated) as visit:
        await visit.campaign.write(visit.key[1], step=1)
        await visit.write()
        assert await visit.act() == "send"
        assert await visit.send(0) == "sent"
        assert await visit.act() == "advance"
        await visit.go_on(0)
        assert left() is None


@pytest.mark.parametrize("values", [{"plan_version": 2}, {"wakes": 1}], ids=["the plan", "a wake"])
async def test_no_step_goes_on_from_what_has_changed(migrated: Settings, values: dict[str, int]) -> None:
    async with visit_of(migrated) as visit:
        found = await visit.read()
        rows = {column.key: getattr(found.enrollment, column.key) for column in columns(EnrollmentRow)}
        assert found.after(EnrollmentRow(**rows)) is not None
        assert found.after(EnrollmentRow(**{**rows, **values})) is None


async def test_a_campaign_that_is_paused_while_a_message_is_written_sends_nothing(migrated: Settings) -> None:
    async with visit_of(migrated) as visit:
        await visit.write()
        async with visit.campaign.database.writing() as connection:
            await move_campaign(connection, CAMPAIGN, expected=("running",), to="paused", now=NOW)
        assert await visit.act() == "send"
        assert await visit.send(0) == "pending"
        assert await visit.act() == "sleep"
        assert visit.campaign.mails() == []


async def test_a_person_who_stops_while_a_message_goes_does_not_go_on(migrated: Settings) -> None:
    async with visit_of(migrated) as visit:
        await visit.write()
        assert await visit.act() == "send"
        assert await visit.send(0) == "sent"
        async with visit.campaign.database.writing() as connection:
            await change_enrollment(connection, *visit.key, {"state": "stopped"}, now=NOW)
        assert await visit.act() == "advance"
        await visit.go_on(0)
        assert await visit.act() == "leave"


async def test_nothing_is_left_outside_a_run(migrated: Settings) -> None:
    async with small_campaign(migrated, plan=THREE_STEPS) as campaign:
        key = CAMPAIGN, await campaign.person("jo@example.com")
        with rehearsing(lambda: NOW, MaildirTransport(campaign.folder)):
            await work.next_act(campaign.database, key)
        assert left() is None


async def test_the_door_decides_by_the_message_as_it_is_when_the_lock_is_free(
    postgresql_template: str, tmp_path: Path
) -> None:
    with new_postgresql(postgresql_template) as url:
        async with small_campaign(Settings(database_url=url, state_dir=tmp_path)) as campaign:
            touch_id = await campaign.message()
            written, other = await campaign.row(touch_id), MailboxId("other")
            values = {"address": "eve@sales.example", "postal_address": "1 Main Street"}
            async with campaign.database.writing() as connection:
                await add_mailbox(connection, other, values, now=NOW)
                await locked_mailbox(connection, MAILBOX)
                await locked_campaign(connection, CAMPAIGN)
                sending = asyncio.create_task(campaign.door().send(TouchId(touch_id), now=NOW))
                await until_blocked(campaign.database)
                assert await rewrite(connection, written, {"mailbox_id": other}, now=NOW)
            assert (await sending).state == "pending"
            assert (await campaign.door().send(touch_id, now=NOW)).state == "sent"
            [mail] = campaign.mails()
            assert "eve@sales.example" in mail["From"]
