"""What the book costs: writing facts, reading them, and showing a company where there are very many."""

import asyncio
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil  # type: ignore[import-untyped]  # psutil ships no types
from pydantic import SecretStr
from sqlalchemy import ColumnElement, Integer, Select, String, cast, insert, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.testclient import TestClient

from agentic_sales.contracts import Subject
from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.local.world.companies import load_companies
from agentic_sales.outbound.http import httpx
from agentic_sales.settings import Settings
from agentic_sales.store.columns import JSON_OBJECT, UtcDateTime
from agentic_sales.store.companies import CompanyRow
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.facts import Fact, FactRow, current_values
from agentic_sales.store.keys import SubjectKeyRow
from agentic_sales.store.people import PersonRow
from agentic_sales.store.recording import record_facts
from tests.bench.campaigns import store
from tests.support.services import MACHINE_ENVIRONMENT, redis_server
from tests.support.small_campaign import NOW

FIELDS = 20
"""Facts of one company."""
COMPANIES_AT_ONCE = 50
BATCHES = 20
SHOWN = 300
"""Companies that are shown, each once."""
SCATTER = 7919
"""A prime: the facts of a company stand far from each other, as they do where many are found at once."""


@dataclass(frozen=True, slots=True)
class FactRates:
    """Facts in a second."""

    written: float
    """New ones, in transactions of a thousand."""
    seen_again: float
    """Ones that are known alike."""
    read: float
    """Current values of a thousand companies at once."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How long it takes to show a company."""

    p50_ms: float
    p95_ms: float


def fact_rates(where: str) -> FactRates:
    """Measure an empty book in `SQLite` or `PostgreSQL`.

    Raises:
        pytest.skip.Exception: There is no PostgreSQL on this machine.
    """
    with store(where) as configuration:
        return asyncio.run(_rates(configuration))


async def _rates(configuration: Settings) -> FactRates:
    async with open_database(configuration) as database:
        written_s, again_s = await _write(database), await _write(database)
        ids = [_id(number) for number in range(COMPANIES_AT_ONCE * BATCHES)]
        read_s = min([await _read(database, ids) for _ in range(5)])
    number = len(ids) * FIELDS
    return FactRates(number / written_s, number / again_s, number / read_s)


async def _write(database: Database) -> float:
    begun_at_s = time.perf_counter()
    for batch in range(BATCHES):
        numbers = range(batch * COMPANIES_AT_ONCE, (batch + 1) * COMPANIES_AT_ONCE)
        async with database.writing() as connection:
            await record_facts(connection, (fact for number in numbers for fact in _facts(number)))
    return time.perf_counter() - begun_at_s


async def _read(database: Database, ids: list[str]) -> float:
    begun_at_s = time.perf_counter()
    async with database.reading() as connection:
        found = await current_values(connection, "company", ids)
    assert sum(map(len, found.values())) == len(ids) * FIELDS
    return time.perf_counter() - begun_at_s


def _id(number: int) -> str:
    return f"company-{number}"


def _facts(number: int) -> Iterator[Fact]:
    subject, page = Subject("company", _id(number)), f"https://acme{number}.example/about"
    for field in range(FIELDS):
        quote = f"Acme {number} says in so many words what field {field} is about."
        yield Fact(subject, f"field_{field}", f"value {field}", "rules", NOW, 0.8, page, quote, "company_enrichment")


@contextmanager
def large_book(where: str, *, companies: int) -> Iterator[Settings]:
    """Yield a configuration of a book with so many companies, each with a person and `FIELDS` facts."""
    with store(where) as configuration:
        asyncio.run(_fill(configuration, companies))
        yield configuration


async def _fill(configuration: Settings, companies: int) -> None:
    async with open_database(configuration) as database:
        async with database.writing() as connection:
            await _insert(connection, CompanyRow, companies, _company)
            await _insert(connection, SubjectKeyRow, companies, _key)
            await _insert(connection, PersonRow, companies, _person)
            await _insert(connection, FactRow, companies * FIELDS, lambda n: _fact(n, companies))
        if configuration.database_url:  # Autovacuum does it, a while later.
            async with database.writing() as connection:
                await connection.execute(text("ANALYZE"))


async def _insert(connection: AsyncConnection, table: Any, rows: int, columns: Any) -> None:
    """Let the database make rows of their numbers. Two million that are sent take ten times as long."""
    numbers = select(literal(0, Integer).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < rows - 1))
    told: dict[str, Any] = columns(numbers.c.n)
    chosen: Select[Any] = select(*told.values()).select_from(numbers)
    await connection.execute(insert(table).from_select(list(told), chosen))


def _text(first: str, n: ColumnElement[int], last: str = "") -> ColumnElement[str]:
    return literal(first).concat(cast(n, String)).concat(last)


def _company(n: ColumnElement[int]) -> dict[str, Any]:
    domain = _text("acme", n, ".example")
    name = {"name": _text("Acme ", n), "name_key": _text("acme ", n)}
    return {"company_id": _text("company-", n), "key": domain, "domain": domain, **name, **_times("created_at")}


def _key(n: ColumnElement[int]) -> dict[str, Any]:
    return {"kind": literal("company"), "key": _text("acme", n, ".example"), "subject_id": _text("company-", n)}


def _person(n: ColumnElement[int]) -> dict[str, Any]:
    name = {"name": _text("Ada Nr", n), "name_key": _text("ada nr", n), "profile": literal("")}
    ids = {"person_id": _text("person-", n), "company_id": _text("company-", n)}
    return {**ids, **name, **_times("created_at", "updated_at")}


def _fact(n: ColumnElement[int], companies: int) -> dict[str, Any]:
    about = {
        "subject_kind": literal("company"),
        "subject_id": _text("company-", ((n % companies) * SCATTER) % companies),
    }
    return {
        "fact_id": _text("fact-", n),
        **about,
        "field": _text("field_", n // literal(companies, Integer)),
        "value": literal("a value", JSON_OBJECT),
        "value_key": literal("a value"),
        "confidence": literal(0.8),
        "source_url": _text("https://acme", n, ".example/about"),
        "quote": _text("Acme says in so many words what this is about, ", n),
        "method": literal("rules"),
        "workflow": literal("company_enrichment"),
        "is_current": literal(value=True),
        **_times("first_observed_at", "observed_at"),
    }


def _times(*names: str) -> dict[str, Any]:
    return {name: literal(NOW, UtcDateTime) for name in names}


def show_companies(configuration: Settings, *, companies: int) -> Shown:
    """Time `GET /companies/SITE`, which `companies show` prints, from the facade of this process."""
    chosen = random.Random(7).sample(range(companies), SHOWN)  # noqa: S311 - a sample
    with TemporaryDirectory(prefix="agentic-sales-bench-") as folder, redis_server(Path(folder)) as redis:
        told = {"redis_url": redis.url, "auth_token": SecretStr("key")}
        app = create_app(configuration.model_copy(update=told), control_plane())
        with TestClient(app, headers={"authorization": "Bearer key"}) as client:
            taken_ms = sorted(_shown_ms(client, number) for number in chosen)
    return Shown(statistics.median(taken_ms), taken_ms[len(taken_ms) * 95 // 100])


def _shown_ms(client: TestClient, number: int) -> float:
    begun_at_s = time.perf_counter()
    answer = client.get(f"/companies/acme{number}.example").raise_for_status().json()
    taken_s = time.perf_counter() - begun_at_s
    assert (len(answer["facts"]), len(answer["people"])) == (FIELDS, 1)
    return 1000 * taken_s


def world_mb() -> float:
    """Return the memory of the sample world's process after a visit to every site, in MB (PSS)."""
    command = [str(Path(sys.executable).with_name("agentic-sales")), "world", "up", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=MACHINE_ENVIRONMENT) as world:
        try:
            lines = iter(world.stdout or ())
            told = (line.decode().strip().partition("=") for line in lines)
            url = next(value for name, _, value in told if name == "AGENTIC_SALES_EXAMPLE_SITES_URL")
            with httpx.Client(base_url=url, trust_env=False) as client:
                for company in load_companies().all:
                    if company.site != "dead":
                        client.get("/", headers={"host": company.domain})
            mb: float = psutil.Process(world.pid).memory_full_info().pss / 1e6
            return mb
        finally:
            world.terminate()
