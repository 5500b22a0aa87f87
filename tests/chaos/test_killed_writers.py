"""A workflow whose worker dies in any of its nodes writes the book that an undisturbed one writes.

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

from agentic_sales.contracts import Subject
from agentic_sales.local.world.server import serve_world
from agentic_sales.registry import BY_ID, GraphSpec
from agentic_sales.rules.company_identity import Firm
from agentic_sales.settings import Settings
from agentic_sales.store.columns import Table
from agentic_sales.store.companies import company_ids
from agentic_sales.store.database import open_database
from agentic_sales.store.facts import Fact, FactRow
from agentic_sales.store.products import save_product
from agentic_sales.store.recording import record_facts
from agentic_sales.workers.loader import load_graph
from tests.chaos.deaths import MOMENTS, is_ordered, order_death, visited, visits_of
from tests.support.book_runs import content_of
from tests.support.fleet import PROCFILE, WEB, WORKERS, Fleet, fleet_of
from tests.support.pennygale import Pennygale, know_pennygale
from tests.support.services import redis_server

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

MORTAL = ("worker-classify", "worker-discovery", "worker-core")
PRODUCT = {"url": "https://quillmark.example/", "description": "Call notes for sales leaders. It saves reps hours."}
SALES_TECH_SITES = ("quillmark", "pennygale", "cinderpath", "northwind-signals", "basaltine")
WRITERS = [row for row in BY_ID.values() if row.effect == "write" and not row.resumable]
OF_PRODUCTS = ("deep_icp", "icp_team", "pricing", "positioning", "gtm", "product_intel", "analyze_product_v2")
BY_ID_OF_BOOK: Mapping[str, Callable[[Pennygale], dict[str, Any]]] = {
    "classify_recruitment_bulk": lambda known: {"ids": [known.company_id], "apply": True},
    "country_classify_bulk": lambda known: {"ids": [known.company_id], "apply": True},
    "pipeline": lambda known: {"company_ids": [known.company_id], "sender_name": "Ada Example"},
    "topic_outreach": lambda _: {
        "topic": "retrieval",
        "vertical": "ingestible",
        "sources": ["papers"],
        "max_people": 3,
    },
    "deep_scrape": lambda known: {"company_id": known.company_id},
    "company_enrichment": lambda known: {"company_id": known.company_id},
    "find_decision_maker": lambda known: {"company_id": known.company_id},
    "contact_enrich_sales": lambda known: {"person_id": known.person_id},
    "enrich_sales_tech": lambda known: {"ids": [known.company_id], "apply": True, "force_refresh": True},
    "sales_tech_outreach": lambda known: {"company_ids": [known.company_id], "sender_name": "Ada Example"},
}
"""Inputs of the rows whose examples write nothing. Those of products are given the one that the book knows."""


@pytest.fixture(scope="module")
def mortal_fleet(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Fleet]:
    """A fleet in the sample world whose pools die on demand."""
    directory = tmp_path_factory.mktemp("mortal")
    shutil.copy(sqlite_template, directory / sqlite_template.name)
    others = tuple(name for name in WORKERS if name not in MORTAL)
    with (
        serve_world() as world,
        redis_server(directory) as redis,
        fleet_of(directory, redis, world.environment(), names=(WEB, *others)) as fleet,
    ):
        for name in MORTAL:
            fleet.start_command(name, f"{PROCFILE[name]} --include tests.chaos.deaths")
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


@pytest.mark.parametrize("row", WRITERS, ids=lambda row: row.assistant_id)
async def test_the_book_is_the_same_whichever_node_the_worker_died_in(mortal_fleet: Fleet, row: GraphSpec) -> None:
    given = await _renewed_book(mortal_fleet, row)
    before = await _book_of(mortal_fleet)
    attempt = _run(mortal_fleet, row, given)
    undisturbed = await _book_of(mortal_fleet)
    assert undisturbed != before, "the run writes nothing"
    assert attempt == 1
    nodes = visited(mortal_fleet.directory, row.assistant_id)
    assert nodes, "no node was entered"
    for node in nodes:
        for moment in MOMENTS:
            order_death(mortal_fleet.directory, row.assistant_id, node, moment)
            attempt = _run(mortal_fleet, row, await _renewed_book(mortal_fleet, row))
            found = await _book_of(mortal_fleet)
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


async def _renewed_book(fleet: Fleet, row: GraphSpec) -> dict[str, Any]:
    """Leave one company and one product in the book. Return the input of a row."""
    async with open_database(Settings(state_dir=fleet.directory)) as database:
        async with database.writing() as connection:
            for table in reversed(Table.metadata.sorted_tables):
                await connection.execute(table.delete())
            number = await save_product(connection, "Quillmark", dict(PRODUCT), now=datetime.now(UTC))
        known = await know_pennygale(database)
        place = Fact(Subject("company", known.company_id), "city", "Lisbon", "person", datetime.now(UTC))
        async with database.writing() as connection:
            await record_facts(connection, [place])
    if row.assistant_id in OF_PRODUCTS:
        return {"product_id": number}
    by_id = BY_ID_OF_BOOK.get(row.assistant_id)
    return by_id(known) if by_id else dict(load_graph(row).module.EXAMPLE)


def _run(fleet: Fleet, row: GraphSpec, given: dict[str, Any]) -> int:
    """Run a row and return the attempt that finished."""
    answer = fleet.call(row.assistant_id, given)
    assert answer.status_code == 200, answer.text
    return int(fleet.run(answer.headers["x-run-id"])["attempt"])


async def _book_of(fleet: Fleet) -> tuple[set[tuple[str, ...]], int]:
    """Return what the book says, with the number of its facts."""
    async with open_database(Settings(state_dir=fleet.directory)) as database:
        async with database.reading() as connection:
            facts = (await connection.execute(select(func.count()).select_from(FactRow))).scalar_one()
        return await content_of(database), facts
