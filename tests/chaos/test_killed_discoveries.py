"""A discovery whose worker dies in any of its nodes writes the book that an undisturbed one writes.

A new row needs no edit here: its `EXAMPLE` is run on a real fleet in the sample world. A row whose example writes
nothing without an id is given those of a company that the book knows.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from agentic_sales.control import control_plane
from agentic_sales.local.world.server import serve_world
from agentic_sales.registry import BY_ID, GraphSpec
from agentic_sales.rules.company_identity import Firm
from agentic_sales.settings import Settings
from agentic_sales.store.columns import Table
from agentic_sales.store.companies import company_ids
from agentic_sales.store.database import open_database
from agentic_sales.store.facts import FactRow
from agentic_sales.workers.loader import load_graph
from tests.chaos.deaths import MOMENTS, is_ordered, order_death, visited, visits_of
from tests.support.book_runs import content_of
from tests.support.fleet import PROCFILE, WEB, WORKERS, Fleet, fleet_of
from tests.support.pennygale import Pennygale, know_pennygale
from tests.support.services import redis_server

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

DISCOVERY = "worker-discovery"
SALES_TECH_SITES = ("quillmark", "pennygale", "cinderpath", "northwind-signals", "basaltine")
OF_PENNYGALE = 2
"""Facts that the book has before a run."""
WRITERS = [
    row
    for row in BY_ID.values()
    if row.effect == "write" and not row.resumable and control_plane().decide(row.assistant_id).queue == "discovery"
]
BY_ID_OF_BOOK: Mapping[str, Callable[[Pennygale], dict[str, Any]]] = {
    "deep_scrape": lambda known: {"company_id": known.company_id},
    "company_enrichment": lambda known: {"company_id": known.company_id},
    "find_decision_maker": lambda known: {"company_id": known.company_id},
    "contact_enrich_sales": lambda known: {"person_id": known.person_id},
    "enrich_sales_tech": lambda known: {"ids": [known.company_id], "apply": True, "force_refresh": True},
    "sales_tech_outreach": lambda known: {"company_ids": [known.company_id], "sender_name": "Ada Example"},
}
"""Inputs of the rows that write only what they are told of by an id."""


@pytest.fixture(scope="module")
def mortal_fleet(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Fleet]:
    """A fleet in the sample world whose discovery pool dies on demand."""
    directory = tmp_path_factory.mktemp("mortal")
    shutil.copy(sqlite_template, directory / sqlite_template.name)
    others = tuple(name for name in WORKERS if name != DISCOVERY)
    with (
        serve_world() as world,
        redis_server(directory) as redis,
        fleet_of(directory, redis, world.environment(), names=(WEB, *others)) as fleet,
    ):
        fleet.start_command(DISCOVERY, f"{PROCFILE[DISCOVERY]} --include tests.chaos.deaths")
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


@pytest.mark.parametrize("row", WRITERS, ids=lambda row: row.assistant_id)
async def test_the_book_is_the_same_whichever_node_the_worker_died_in(mortal_fleet: Fleet, row: GraphSpec) -> None:
    undisturbed, attempt = await _book_of(mortal_fleet, row)
    assert undisturbed[1] > OF_PENNYGALE, "the run writes no fact"
    assert attempt == 1
    nodes = visited(mortal_fleet.directory, row.assistant_id)
    assert nodes, "no node was entered"
    for node in nodes:
        for moment in MOMENTS:
            order_death(mortal_fleet.directory, row.assistant_id, node, moment)
            found, attempt = await _book_of(mortal_fleet, row)
            assert not is_ordered(mortal_fleet.directory), f"nothing died as it {moment} `{node}`"
            assert attempt == 2, f"died as it {moment} `{node}`"
            assert found == undisturbed, f"died as it {moment} `{node}`"


async def test_a_bulk_whose_worker_dies_goes_on_with_the_company_after_the_last_finished_one(
    mortal_fleet: Fleet,
) -> None:
    folder = mortal_fleet.directory
    async with open_database(Settings(state_dir=folder)) as database, database.writing() as connection:
        for table in reversed(Table.metadata.sorted_tables):
            await connection.execute(table.delete())
        firms = [Firm(name.title(), f"{name}.example") for name in SALES_TECH_SITES]
        await company_ids(connection, firms, now=datetime.now(UTC))
    node = ("sales_tech_feature_graph", "synthesize")
    before = visits_of(folder, *node, "leaves")
    order_death(folder, *node, "leaves", visits=3)
    answer = mortal_fleet.call("enrich_sales_tech", {"concurrency": 1, "apply": True})
    assert answer.status_code == 200, answer.text
    final = answer.json()
    assert not is_ordered(folder), "nothing died"
    assert int(mortal_fleet.run(answer.headers["x-run-id"])["attempt"]) == 2
    assert [result["status"] for result in final["results"]] == ["done"] * len(SALES_TECH_SITES)
    # Only the company that the worker died at was asked about twice.
    assert visits_of(folder, *node, "leaves") - before == len(SALES_TECH_SITES) + 1


async def _book_of(fleet: Fleet, row: GraphSpec) -> tuple[tuple[set[tuple[str, ...]], int], int]:
    """Run a row on a book that knows one company.

    Return what the book says with the number of its facts, and the attempt that finished.
    """
    async with open_database(Settings(state_dir=fleet.directory)) as database:
        async with database.writing() as connection:
            for table in reversed(Table.metadata.sorted_tables):
                await connection.execute(table.delete())
        known = await know_pennygale(database)
        by_id = BY_ID_OF_BOOK.get(row.assistant_id)
        answer = fleet.call(row.assistant_id, by_id(known) if by_id else load_graph(row).module.EXAMPLE)
        assert answer.status_code == 200, answer.text
        async with database.reading() as connection:
            facts = (await connection.execute(select(func.count()).select_from(FactRow))).scalar_one()
        attempt = int(fleet.run(answer.headers["x-run-id"])["attempt"])
        return (await content_of(database), facts), attempt
