"""Each process has a PostgreSQL user of its own, which may do its work and nothing else."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import errors
from sqlalchemy.exc import ProgrammingError

from agentic_sales.control import control_plane
from agentic_sales.registry import BY_ID, GraphSpec
from agentic_sales.settings import Settings, settings
from agentic_sales.store.database import close_current_database
from agentic_sales.store.facts import Fact, FactRow
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.recording import record_facts
from agentic_sales.workers.loader import load_graph
from tests.deploy.files import environment_file, make_secrets
from tests.support.book_runs import BookRuns
from tests.support.databases import new_postgresql

CAMPAIGNS = {"read an approval", "approve", "read an address", "read a mailbox", "change a campaign"}
BOOK = {"read the book", "write a fact", "write the book", "block a company", "promote a person", "erase a company"}
READING = {"read an approval", "read an address", "read a mailbox", "read the book"}
WORK = {
    "worker-core": CAMPAIGNS | BOOK | {"migrate"},
    "web": CAMPAIGNS | BOOK,
    "worker-email": READING,
    "worker-classify": {"read the book", "write a fact"},
    "worker-discovery": {"read the book", "write a fact", "write the book"},
    "beat": set(),
}
HIDDEN = (errors.UndefinedTable, errors.InvalidSchemaName)
"""A schema that one may not use hides its tables."""
STATEMENTS = {
    "read an approval": "SELECT count(*) FROM approvals",
    "approve": "UPDATE approvals SET state = 'approved'",
    "read an address": "SELECT email FROM contacts",
    "read a mailbox": "SELECT address FROM mailboxes",
    "change a campaign": "UPDATE campaigns SET name = 'another'",
    "read the book": "SELECT count(*) FROM facts, companies, people, subjects, forgotten_keys",
    "write a fact": "UPDATE facts SET quote = 'other words'",
    "write the book": "UPDATE companies SET name = 'another'",
    "block a company": "UPDATE companies SET blocked_why = 'a page says so'",
    "promote a person": "UPDATE people SET contact_id = NULL",
    "erase a company": "DELETE FROM companies",
    "migrate": "CREATE TABLE newer (id integer)",
}
FILLING = [
    row
    for row in BY_ID.values()
    if row.effect == "write"
    and control_plane().decide(row.assistant_id).queue == "discovery"
    and "unavailable_sources" in load_graph(row).output_type.model_fields
]
"""Workflows whose example fills the book."""
JUDGING = [
    row
    for row in BY_ID.values()
    if row.effect == "write" and control_plane().decide(row.assistant_id).queue == "classify"
]
"""Workflows that write what they think of companies of the book."""


@dataclass(frozen=True)
class Deployment:
    """A database with the users of a deployment, under names that no other test uses."""

    url: str
    suffix: str
    secrets: Path

    def url_of(self, process: str) -> str:
        """Return how a process logs in."""
        given = urlsplit(environment_file(self.secrets / f"{process}.env")["DATABASE_URL"])
        here = urlsplit(self.url)
        return f"postgresql://{process}{self.suffix}:{given.password}@{here.hostname}:{here.port}{here.path}"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = make_secrets(tmp_path_factory.mktemp("deployment"), "redis")
    suffix = f"-{secrets.token_hex(4)}"
    script = re.sub(r'"([a-z-]+)"', rf'"\1{suffix}"', (made / "postgres-users.sql").read_text(encoding="utf-8"))
    with new_postgresql() as url:
        with psycopg.connect(url, autocommit=True) as superuser:
            superuser.execute(script.encode())
        found = Deployment(url, suffix, made)
        upgrade(Settings(database_url=found.url_of("worker-core")))
        yield found
        with psycopg.connect(url, autocommit=True) as superuser:
            for process in WORK:
                superuser.execute(f'DROP OWNED BY "{process}{suffix}"; DROP ROLE "{process}{suffix}"'.encode())


@pytest.mark.parametrize("process", WORK)
def test_a_process_may_do_its_work_in_the_database_and_nothing_else(process: str, deployment: Deployment) -> None:
    allowed = {act for act, statement in STATEMENTS.items() if may(deployment.url_of(process), statement)}
    assert allowed == WORK[process]


@pytest.mark.parametrize("row", FILLING, ids=lambda row: row.assistant_id)
async def test_a_workflow_of_discovery_fills_the_book_with_the_rights_of_its_worker(
    row: GraphSpec, deployment: Deployment, book: BookRuns
) -> None:
    work_as("worker-discovery", deployment, book)
    await book.run(row.assistant_id, load_graph(row).module.EXAMPLE)
    assert row.assistant_id in {fact.workflow for fact in await book.rows(FactRow)}


@pytest.mark.parametrize("row", JUDGING, ids=lambda row: row.assistant_id)
async def test_a_workflow_of_classify_writes_its_verdicts_with_the_rights_of_its_worker(
    row: GraphSpec, deployment: Deployment, book: BookRuns
) -> None:
    work_as("worker-core", deployment, book)
    company = await book.company("Northgate Talent", "northgate.example")
    async with book.database.writing() as connection:
        place = Fact(company, "location", "Munich, DE", "import", book.now)
        await record_facts(connection, [place])
    await close_current_database()
    book.environment.setenv("DATABASE_URL", deployment.url_of("worker-classify"))
    settings.cache_clear()
    for _ in range(2):  # The second run replaces what the first one wrote.
        final = await book.run(row.assistant_id, {"apply": True, "force_refresh": True})
        assert (final["done"], final["failed"], final["applied"]) == (1, [], True)
    assert row.assistant_id in {fact.workflow for fact in await book.rows(FactRow)}


async def test_a_workflow_that_does_more_with_the_database_than_its_pool_may_is_refused(
    deployment: Deployment, book: BookRuns
) -> None:
    work_as("worker-classify", deployment, book)
    with pytest.raises(ProgrammingError, match="permission denied for table companies"):
        await book.run("company_discovery", load_graph(BY_ID["company_discovery"]).module.EXAMPLE)


def test_an_upgrade_takes_back_what_a_group_was_given_beside_its_rights(deployment: Deployment) -> None:
    core = deployment.url_of("worker-core")
    with psycopg.connect(core, autocommit=True) as owner:
        owner.execute("GRANT SELECT ON contacts TO book_writers")
    assert may(deployment.url_of("worker-discovery"), STATEMENTS["read an address"])
    assert upgrade(Settings(database_url=core)) == []
    assert not may(deployment.url_of("worker-discovery"), STATEMENTS["read an address"])


def work_as(process: str, deployment: Deployment, book: BookRuns) -> None:
    """Let runs have the database of a process, with an empty book."""
    with psycopg.connect(deployment.url_of("worker-core"), autocommit=True) as owner:
        owner.execute("TRUNCATE companies, people, subjects, subject_keys, facts, analyses CASCADE")
    book.environment.setenv("DATABASE_URL", deployment.url_of(process))
    settings.cache_clear()


def may(url: str, statement: str) -> bool:
    """Tell whether a user may execute a statement; its effect is rolled back."""
    with psycopg.connect(url) as connection:
        try:
            connection.execute(statement.encode())
        except (errors.InsufficientPrivilege, *HIDDEN):
            return False
        finally:
            connection.rollback()
    return True
