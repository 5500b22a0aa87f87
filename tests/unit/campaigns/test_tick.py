"""Tests of how a tick gives visits to a fleet that has other work, or none to spare."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agentic_sales.campaigns.next_visits import BACK_OFF
from agentic_sales.campaigns.visits.tick import LEASE, tick
from agentic_sales.contracts import RunId
from agentic_sales.errors import QueueFull
from agentic_sales.runs.ledger import Outcome
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import EnrollmentRow, enrollments
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.visits import Key, end_visit, key_of
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, later, small_campaign

PEOPLE = 5


@dataclass
class Queue:
    """A fleet whose workers have not come to any visit yet."""

    room: int = 1000
    """Visits that it still takes."""
    waiting: list[Key] = field(default_factory=list)
    """Visits that it took, in their order."""

    async def submit_visit(self, row: EnrollmentRow, run_id: RunId) -> None:  # noqa: ARG002 - as a fleet takes it
        """Take a visit."""
        if len(self.waiting) >= self.room:
            raise QueueFull("core", self.room)
        self.waiting.append(key_of(row))

    async def outcomes(self, run_ids: Sequence[RunId]) -> list[Outcome | None]:
        """Know of no run that has ended."""
        return [None for _ in run_ids]


@pytest.fixture
async def spring(tmp_path: Path) -> AsyncIterator[SmallCampaign]:
    """A campaign of a few people who are all due."""
    settings = Settings(state_dir=tmp_path)
    await asyncio.to_thread(upgrade, settings)
    async with small_campaign(settings) as campaign:
        for number in range(PEOPLE):
            await campaign.person(f"p{number}@example.com")
        yield campaign


async def test_no_more_visits_are_under_way_than_may_be_whatever_is_due(spring: SmallCampaign) -> None:
    queue = Queue()
    first = await tick(spring.database, queue, now=NOW, most_under_way=3)
    second = await tick(spring.database, queue, now=NOW, most_under_way=3)
    assert (first.claimed, second.claimed) == (3, 0)


async def test_who_waited_for_others_is_visited_when_they_are_through(spring: SmallCampaign) -> None:
    queue = Queue()
    await tick(spring.database, queue, now=NOW, most_under_way=3)
    async with spring.database.writing() as connection:
        for key in queue.waiting[:2]:
            await end_visit(connection, key, {"wake_at": later(days=3)})
    assert (await tick(spring.database, queue, now=NOW, most_under_way=3)).claimed == 2
    assert len(set(queue.waiting)) == PEOPLE


async def test_a_visit_that_nobody_came_to_makes_room_when_its_lease_is_over(spring: SmallCampaign) -> None:
    queue = Queue()
    await tick(spring.database, queue, now=NOW, most_under_way=3)
    assert (await tick(spring.database, queue, now=NOW + LEASE, most_under_way=3)).claimed == 3


async def test_a_visit_that_a_full_queue_refuses_is_submitted_again_and_counts_as_no_failure(
    spring: SmallCampaign,
) -> None:
    refused = await tick(spring.database, Queue(room=0), now=NOW)
    assert (refused.claimed, refused.submitted) == (PEOPLE, 0)
    again = await tick(spring.database, queue := Queue(), now=NOW + BACK_OFF)
    assert again.submitted == len(queue.waiting) == PEOPLE
    async with spring.database.reading() as connection:
        assert [row.fruitless for row in await enrollments(connection, CAMPAIGN, limit=PEOPLE)] == [0] * PEOPLE


@dataclass
class Stumbling(Queue):
    """A fleet that raises at the first person."""

    async def submit_visit(self, row: EnrollmentRow, run_id: RunId) -> None:
        """Take a visit, unless it is the first person's."""
        key = key_of(row)
        if key == min([key, *self.waiting]) and not self.waiting:
            self.waiting.append(key)
            raise ValueError("a bug that one person meets")
        await super().submit_visit(row, run_id)


async def test_a_visit_that_raises_keeps_back_no_other_one_and_is_tried_again_later(spring: SmallCampaign) -> None:
    queue = Stumbling()
    ticked = await tick(spring.database, queue, now=NOW)
    assert (ticked.claimed, ticked.submitted) == (PEOPLE, PEOPLE - 1)
    async with spring.database.reading() as connection:
        rows = await enrollments(connection, CAMPAIGN)
    [stumbled] = [row for row in rows if row.reason]
    assert (stumbled.reason, stumbled.fruitless) == ("ValueError: a bug that one person meets", 1)
    assert stumbled.wake_at == NOW + BACK_OFF * 2
