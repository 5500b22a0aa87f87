"""The schedule of a flow: each slot begins one round, however many beats ask, and missed slots as the plan says."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from agentic_sales.campaigns.leads import desk
from agentic_sales.campaigns.leads.tick import begin_planned
from agentic_sales.settings import Settings
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.flow_rounds import flow_plan, flow_rounds

NOW = datetime(2026, 3, 2, 5, tzinfo=UTC)
ORDER = desk.RoundOrder("open_source", most_leads=7, is_dry=True)


@pytest.fixture
async def store(migrated: Settings) -> AsyncIterator[Database]:
    """An empty database of each kind."""
    async with open_database(migrated) as database:
        yield database


async def planned(database: Database, missed: desk.Missed = "once") -> datetime:
    """Plan a round for every day at six in Berlin."""
    return await desk.plan_rounds(database, ORDER, "0 6 * * *", time_zone="Europe/Berlin", missed=missed, now=NOW)


async def rounds(database: Database) -> list[str]:
    """Return the ids of the rounds, the oldest first."""
    async with database.reading() as connection:
        return sorted(row.round_id for row in await flow_rounds(connection))


async def test_each_slot_begins_one_round_however_many_beats_ask_at_once(store: Database) -> None:
    slot = await planned(store)
    assert slot == NOW + timedelta(days=1)  # six in Berlin is five in UTC, and the slot of today is not after now
    assert await begin_planned(store, now=slot - timedelta(seconds=1)) == []
    for day in range(3):
        at = slot + timedelta(days=day, seconds=2)
        begun = await asyncio.gather(*(begin_planned(store, now=at) for _ in range(4)))
        assert sum(map(len, begun)) == 1
    assert await rounds(store) == [f"open_source-2026030{day}T0500" for day in (3, 4, 5)]
    async with store.reading() as connection:
        [row, *_] = await flow_rounds(connection)
    assert (row.most_leads, row.is_dry) == (7, True)


@pytest.mark.parametrize(("missed", "begun"), [("once", ["open_source-20260306T0500"]), ("skip", [])])
async def test_slots_that_nobody_saw_are_made_up_for_once_or_left_out(
    store: Database, missed: desk.Missed, begun: list[str]
) -> None:
    slot = await planned(store, missed)
    late = slot + timedelta(days=3, hours=4)
    assert await begin_planned(store, now=late) == begun
    assert await begin_planned(store, now=late + timedelta(hours=1)) == []
    assert await begin_planned(store, now=slot + timedelta(days=4, minutes=1)) == ["open_source-20260307T0500"]


async def test_a_paused_plan_begins_nothing(store: Database) -> None:
    slot = await planned(store)
    await desk.pause(store, "open_source", now=NOW)
    assert await begin_planned(store, now=slot) == []
    await desk.resume(store, "open_source", now=slot)
    assert await begin_planned(store, now=slot) == ["open_source-20260303T0500"]


async def test_a_new_plan_takes_the_place_of_the_one_before(store: Database) -> None:
    await planned(store)
    first = await desk.plan_rounds(store, ORDER, "30 9 * * *", time_zone="UTC", missed="skip", now=NOW)
    async with store.reading() as connection:
        plan = await flow_plan(connection, "open_source")
    assert plan is not None
    assert (plan.cron, plan.time_zone, plan.missed, plan.next_at) == ("30 9 * * *", "UTC", "skip", first)
