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

from agentic_sales.settings import Settings
from agentic_sales.store.migrate import upgrade
from tests.deploy.files import environment_file, make_secrets
from tests.support.databases import new_postgresql

WORK = {
    "worker-core": {"read", "approve", "migrate"},
    "web": {"read", "approve"},
    "worker-email": {"read"},
    "worker-classify": set(),
    "worker-discovery": set(),
    "beat": set(),
}
HIDDEN = (errors.UndefinedTable, errors.InvalidSchemaName)
"""A schema that one may not use hides its tables."""
STATEMENTS = {
    "read": "SELECT count(*) FROM approvals",
    "approve": "UPDATE approvals SET state = 'approved'",
    "migrate": "CREATE TABLE newer (id integer)",
}


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
