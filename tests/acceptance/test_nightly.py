"""The jobs that keep the book young are asked for by two beats, and done once in each slot."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from agentic_sales.contracts import Subject
from agentic_sales.local.world.server import serve_world
from agentic_sales.rules.company_identity import Firm
from agentic_sales.settings import Settings
from agentic_sales.store.companies import company_ids
from agentic_sales.store.database import open_database
from agentic_sales.store.facts import Fact
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.products import save_product
from agentic_sales.store.recording import record_facts
from tests.support.fleet import PROCFILE, WEB, Fleet, fleet_of
from tests.support.services import redis_server
from tests.support.waiting import eventually

EVERY_S = 4
BOARDS = {"https://jobs.ashbyhq.com/cinderpath", "https://jobs.lever.co/nobody-here"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def nightly_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet with two beats whose nights last seconds, and a book with two job boards and a product."""
    directory = tmp_path_factory.mktemp("nightly")
    upgrade(configuration := Settings(state_dir=directory))
    asyncio.run(_fill(configuration))
    every = {"AGENTIC_SALES_BOARDS_EVERY_S": str(EVERY_S), "AGENTIC_SALES_FRESHNESS_EVERY_S": str(EVERY_S)}
    names = (WEB, "worker-core", "worker-discovery")
    with (
        serve_world() as world,
        redis_server(directory) as redis,
        fleet_of(
            directory,
            redis,
            {**world.environment(), **every, "EMAIL_WORKER_QUEUE": "", "CLASSIFY_WORKER_QUEUE": ""},
            names=names,
        ) as fleet,
    ):
        fleet.wait_until_ready()
        fleet.start("beat")
        fleet.start_command("beat-2", f"{PROCFILE['beat']} --schedule {directory / 'beat-2-schedule'}")
        yield fleet
        fleet.stop()


async def _fill(configuration: Settings) -> None:
    firms = {
        Firm(f"Company {number}", f"company{number}.example"): board for number, board in enumerate(sorted(BOARDS))
    }
    async with open_database(configuration) as database, database.writing() as connection:
        ids = await company_ids(connection, firms, now=NOW)
        told = [
            Fact(Subject("company", ids[firm]), "job_board.x", board, "person", NOW) for firm, board in firms.items()
        ]
        await record_facts(connection, told)
        await save_product(connection, "Quillmark", {"url": "https://quillmark.example/"}, now=NOW)
        await save_product(connection, "Of no site", {}, now=NOW)


def runs_of_slots(fleet: Fleet) -> dict[str, Counter[tuple[str, str]]]:
    """Return how often each workflow was asked for with each input, by slot."""
    found: dict[str, Counter[tuple[str, str]]] = {}
    for key in fleet.redis.scan_iter("agentic:run:*", count=1000):
        record = fleet.run(str(key).rpartition(":")[2])
        if slot := json.loads(record.get("metadata") or "{}").get("slot"):
            given = json.loads(record["request"])["input"]
            named = str(given.get("slug") or given.get("product_id") or "")
            found.setdefault(slot, Counter())[record["assistant_id"], named] += 1
    return found


@pytest.mark.parametrize(
    ("job", "wanted"),
    [
        ("read_boards", {("ashby_discovery", ""), *(("ashby_ingest", board) for board in BOARDS)}),
        ("check_freshness", {("freshness", "1")}),
    ],
)
def test_each_slot_is_used_once_by_two_beats(nightly_fleet: Fleet, job: str, wanted: set[tuple[str, str]]) -> None:
    def whole_slots() -> list[Counter[tuple[str, str]]]:
        of_job = {slot: runs for slot, runs in runs_of_slots(nightly_fleet).items() if slot.startswith(f"{job}:")}
        return [runs for runs in of_job.values() if wanted <= runs.keys()]

    slots = eventually(f"three nights of `{job}` have passed", whole_slots, lambda found: len(found) >= 3, within_s=90)
    assert [runs for runs in slots if set(runs.values()) != {1}] == []


def test_both_beats_have_asked(nightly_fleet: Fleet) -> None:
    for beat in ("beat", "beat-2"):
        nightly_fleet.wait_for_log(beat, "read_boards", within_s=60)
