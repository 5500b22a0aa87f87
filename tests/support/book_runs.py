"""Run a workflow in process on the sample world and a book of its own, and look at what it wrote."""

import json
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from agentic_sales.contracts import Subject
from agentic_sales.effects import acting_as
from agentic_sales.llm.providers import close_models
from agentic_sales.local.world.companies import Companies
from agentic_sales.local.world.server import WorldServer
from agentic_sales.registry import BY_ID
from agentic_sales.rehearsal.in_process import sub_runs_in_process
from agentic_sales.rules.company_identity import Firm
from agentic_sales.settings import settings
from agentic_sales.sources import service
from agentic_sales.sources.service import Place
from agentic_sales.store.analyses import AnalysisRow
from agentic_sales.store.columns import Table
from agentic_sales.store.companies import CompanyRow, company_ids
from agentic_sales.store.database import Database, close_current_database, current_database
from agentic_sales.store.facts import FactRow, facts_of
from agentic_sales.store.people import PersonRow
from agentic_sales.store.products import ProductRow
from agentic_sales.store.statements import every
from agentic_sales.store.subjects import SubjectRow
from agentic_sales.wire import from_wire, to_wire
from agentic_sales.workers.loader import load_graph
from tests.support.model_server import ModelRequest, Script, model_server

_MODEL_VARIABLES = ("MODEL", "MODEL_DEEP", "MODEL_FALLBACK", "MODEL_TIMEOUT_S", "MODEL_MAX_TRIES")


@dataclass
class BookRuns:
    """A book and the world around it."""

    world: WorldServer
    """The sample world."""
    environment: pytest.MonkeyPatch
    """Environment of the test."""
    template: Path
    """An empty book, to be copied."""
    requests: list[ModelRequest]
    """What models were asked by the last run."""

    async def renew(self) -> None:
        """Begin with an empty book, a well-behaved world, and no answer or limit of the runs before."""
        await close_current_database()
        folder = settings().state_dir
        for file in folder.glob(f"{self.template.name}*"):
            file.unlink()
        shutil.copy(self.template, folder / self.template.name)
        self.world.failures.clear()
        self.renew_sources()

    def renew_sources(self) -> None:
        """Forget the answers and limits of the runs before, and keep the book."""
        self.environment.setattr(service, "_OF_THIS_PROCESS", Place())

    @property
    def now(self) -> datetime:
        """Return the present."""
        return datetime.now(UTC)

    @property
    def database(self) -> Database:
        """The book's database."""
        return current_database(settings())

    async def run(self, assistant_id: str, given: Mapping[str, Any], *, model: Script | None = None) -> dict[str, Any]:
        """Run a workflow as a worker would, with the effect of its row, and return its final state as JSON has it.

        Args:
            assistant_id: The workflow.
            given: Its input.
            model: Replies of a model. None: none is configured, so the rules answer.
        """
        row = BY_ID[assistant_id]
        with _model(self.environment, model) as self.requests, sub_runs_in_process():
            settings.cache_clear()
            with acting_as(row):
                final = await load_graph(row).graph.ainvoke(load_graph(row).input_type(**given).model_dump())
            await close_models()
        return dict(from_wire(to_wire(final)))

    def retell(self, file: str, **changed: object) -> None:
        """Change a company of the world for the rest of the test, such as the text of its pages.

        Args:
            file: Name of the company's file without its suffix.
            **changed: Members by name, as the file has them.
        """
        companies = self.world.companies.by_file
        told = companies[file].model_validate(companies[file].model_dump() | changed)
        self.environment.setattr(self.world, "companies", Companies({**companies, file: told}))

    async def company(self, name: str, domain: str | None = None) -> Subject:
        """Write a company into the book and return it."""
        firm = Firm(name, domain)
        async with self.database.writing() as connection:
            return Subject("company", (await company_ids(connection, [firm], now=datetime.now(UTC)))[firm])

    async def facts(self, subject: Subject) -> dict[str, FactRow]:
        """Return the current facts of a subject by field."""
        async with self.database.reading() as connection:
            return {row.field: row for row in await facts_of(connection, subject)}

    async def rows(self, table: type[Any]) -> list[Any]:
        """Return every row of a table."""
        async with self.database.reading() as connection:
            return await every(connection, table, select(table))

    async def content(self) -> set[tuple[str, ...]]:
        """Return what the book says without ids and times, to compare it with another book."""
        return await content_of(self.database)

    async def everything(self) -> list[str]:
        """Return every row of every table, to see that nothing was written."""
        async with self.database.reading() as connection:
            tables = Table.metadata.sorted_tables
            return [repr(row) for table in tables for row in await connection.execute(table.select())]


async def content_of(database: Database) -> set[tuple[str, ...]]:
    """Return what a book says without ids and times, to compare it with another book."""
    async with database.reading() as connection:
        names = {str(row.company_id): row.key for row in await every(connection, CompanyRow, select(CompanyRow))}
        names |= {row.person_id: row.name_key for row in await every(connection, PersonRow, select(PersonRow))}
        names |= {row.subject_id: row.key for row in await every(connection, SubjectRow, select(SubjectRow))}
        names |= {str(row.product_id): row.name for row in await every(connection, ProductRow, select(ProductRow))}
        facts = await every(connection, FactRow, select(FactRow))
        written = await every(connection, AnalysisRow, select(AnalysisRow))
    told: set[tuple[str, ...]] = {
        (row.subject_kind, names[row.subject_id], row.field, json.dumps(row.value), row.quote) for row in facts
    }
    told |= {("analysis", names.get(row.subject_id, ""), row.kind) for row in written}
    return told | {("subject", name) for name in names.values()}


@contextmanager
def _model(environment: pytest.MonkeyPatch, script: Script | None) -> Iterator[list[ModelRequest]]:
    if script is None:
        yield []
        return
    with model_server(script) as server:
        told = {**server.env, "AGENTIC_SALES_MODEL_MAX_TRIES": "1"}
        for name, value in told.items():
            environment.setenv(name, value)
        yield server.requests
        for name in told:
            environment.delenv(name)


@pytest.fixture
async def book(
    world: WorldServer, tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[BookRuns]:
    """An empty book in a new SQLite file and the well-behaved sample world, with limits of its own and no model."""
    for name in _MODEL_VARIABLES:
        monkeypatch.delenv(f"AGENTIC_SALES_{name}", raising=False)
    for name, value in {**world.environment(), "AGENTIC_SALES_STATE_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    runs = BookRuns(world, monkeypatch, sqlite_template, [])
    await runs.renew()
    yield runs
    await close_current_database()
    settings.cache_clear()
