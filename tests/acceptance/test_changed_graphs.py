"""A release whose campaign graph was changed finds threads asleep: it goes on with them, or says why it cannot."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agentic_sales.campaigns.visits.clock import ClockFile
from agentic_sales.contracts import ContactId
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import EnrollmentRow, enrollment
from agentic_sales.store.database import open_database
from tests.acceptance.test_campaigns import command
from tests.support.fleet import ONLY_CORE, WEB, Fleet, fleet_of
from tests.support.releases import Edit, release
from tests.support.services import redis_server
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, set_up
from tests.support.waiting import eventually

GRAPH = "agentic_sales/graphs/campaign.py"
pytestmark = pytest.mark.timeout(900)
STEPS = 5
PLAN = {
    "steps": [{}, *[{"delay_days": 3, "counts": "days"}] * (STEPS - 1)],
    "window": {"starts": "00:00:00", "ends": "23:59:59", "days": [1, 2, 3, 4, 5, 6, 7]},
}
SAME_STATE: tuple[Edit, ...] = (('return {"wakes":', 'print("a changed node")\n    return {"wakes":'),)
RENAMED: tuple[Edit, ...] = (
    ("async def sleep(", "async def nap("),
    ("schedule_next, sleep)", "schedule_next, nap)"),
    ('Literal["sleep", "__end__"]', 'Literal["nap", "__end__"]'),
    ('return "sleep" if', 'return "nap" if'),
    ('add_edge("sleep"', 'add_edge("nap"'),
)
NEW_FIELD: tuple[Edit, ...] = (
    ("class State(Input, Output):", "class State(Input, Output):\n    visits: int = Field(default=7, ge=7)\n"),
    ('return {"wakes":', 'return {"visits": state.visits + 1, "wakes":'),
)
CHANGED_TYPE: tuple[Edit, ...] = (
    ("sent: list[str] = Field(default_factory=list,", "sent: dict[str, bool] = Field(default_factory=dict,"),
    ("[*state.sent, row.touch_id]", "{**state.sent, row.touch_id: True}"),
)
MIGRATED: tuple[Edit, ...] = (
    *CHANGED_TYPE,
    ("import BaseModel, Field", "import BaseModel, Field, field_validator"),
    (
        "class State(Input, Output):",
        """class State(Input, Output):
    @field_validator("sent", mode="before")
    @classmethod
    def _of_older_releases(cls, sent: Any) -> Any:
        return dict.fromkeys(sent, True)
""",
    ),
)


@pytest.fixture
def asleep(tmp_path: Path) -> Iterator[tuple[Fleet, ContactId]]:
    """A fleet of this release by a clock of its own, and a person who has got the first message of five."""
    clock = ClockFile(tmp_path / "clock")
    clock.forward_to(NOW)
    environment = {
        **ONLY_CORE,
        "AGENTIC_SALES_VIRTUAL_CLOCK": str(clock.path),
        "AGENTIC_SALES_CAMPAIGN_TICK_S": "0.5",
        "AGENTIC_SALES_WORKER_CONCURRENCY": "1",
    }
    names = (WEB, "worker-core", "beat")
    with redis_server(tmp_path) as redis, fleet_of(tmp_path, redis, environment, names=names) as fleet:
        fleet.wait_until_ready()
        contact_id = asyncio.run(_begin(fleet))
        sleeps_before(fleet, contact_id, 1)
        yield fleet, contact_id
        fleet.stop()


async def _begin(fleet: Fleet) -> ContactId:
    async with open_database(Settings(state_dir=fleet.directory)) as database:
        await set_up(database, plan=PLAN)
        return await SmallCampaign(database, fleet.directory / "mail").person("jo@example.com", first_name="Jo")


def standing(fleet: Fleet, contact_id: ContactId) -> EnrollmentRow:
    """Return how the person stands."""

    async def read() -> EnrollmentRow | None:
        async with open_database(Settings(state_dir=fleet.directory)) as database, database.reading() as connection:
            return await enrollment(connection, CAMPAIGN, contact_id)

    row = asyncio.run(read())
    assert row is not None
    return row


def sleeps_before(fleet: Fleet, contact_id: ContactId, step: int) -> None:
    """Wait until the person has got so many messages and the thread sleeps."""
    eventually(
        f"the person sleeps before step {step}",
        lambda: standing(fleet, contact_id),
        lambda row: (row.state, row.step, row.run_id) == ("active", step, None),
        within_s=180,
    )
    assert len(list((fleet.directory / "mail" / "new").iterdir())) == step


def three_days_later(fleet: Fleet) -> None:
    """Put the campaigns' clock forward."""
    clock = ClockFile(fleet.directory / "clock")
    clock.forward_to(clock.now() + timedelta(days=3, minutes=1))


def test_a_thread_outlives_every_change_of_its_graph_or_is_parked_with_what_to_do(
    asleep: tuple[Fleet, ContactId], tmp_path: Path
) -> None:
    fleet, contact_id = asleep
    for step, (name, edits) in enumerate({"same": SAME_STATE, "renamed": RENAMED, "new": NEW_FIELD}.items(), start=2):
        release(tmp_path / name, {GRAPH: edits}).deploy(fleet, "worker-core")
        three_days_later(fleet)
        sleeps_before(fleet, contact_id, step)

    release(tmp_path / "type", {GRAPH: CHANGED_TYPE}).deploy(fleet, "worker-core")
    three_days_later(fleet)
    parked = eventually(
        "the person is parked", lambda: standing(fleet, contact_id), lambda row: row.state == "parked", within_s=180
    )
    assert parked.reason == (
        "the stored state does not fit the graph of `campaign`: `sent`: Input should be a valid dictionary; deploy a "
        "graph that reads it, then let it go on"
    )
    shown = " ".join(command(fleet, "show", CAMPAIGN).stdout.split())
    assert f"1 stopped or parked: {parked.reason}" in shown

    release(tmp_path / "migrated", {GRAPH: MIGRATED}).deploy(fleet, "worker-core")
    fleet.wait_until_ready()
    assert json.loads(command(fleet, "unpark", CAMPAIGN, "--json").stdout) == {"unparked": 1}
    done = eventually(
        "the sequence is finished", lambda: standing(fleet, contact_id), lambda row: row.state != "active", within_s=180
    )
    assert (done.state, done.reason, done.step) == ("finished", "every message was sent", STEPS)
    assert len(list((fleet.directory / "mail" / "new").iterdir())) == STEPS
