"""Bring the database to the schema of this release, one migration at a time.

Any process may start it. A process brings up our own database (SQLite in the state directory) when it needs it. The
database of `DATABASE_URL` belongs to an operator. The operator runs `agentic-sales db upgrade`. Until then a process
names the missing revision and ends.
"""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from agentic_sales.errors import ConfigurationError
from agentic_sales.settings import Settings
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.grants import grant_book
from agentic_sales.store.pgvector import prepare_vectors

_SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = 0x5A1E5
"""Number of PostgreSQL's advisory lock. Only one of several migrating processes does the work."""


def newest_revision() -> str:
    """Return the revision that this release needs."""
    head = _scripts().get_current_head()
    assert head is not None  # noqa: S101 - the release has migrations
    return head


def upgrade(configuration: Settings) -> list[str]:
    """Bring the database to the newest revision. Return the applied revisions, the oldest first.

    The groups of users that work on the book get their rights anew, see `store.grants`.

    Raises:
        ConfigurationError: The database is unreachable, or has a revision that this release does not know.
    """
    return asyncio.run(_upgrade(configuration))


def current_revision(configuration: Settings) -> str | None:
    """Return the revision of the database. None means that it is empty.

    Raises:
        ConfigurationError: The database is unreachable.
    """
    return asyncio.run(_current(configuration))


def ensure_migrated(configuration: Settings) -> None:
    """Bring our own database up and check an operator's.

    Raises:
        ConfigurationError: The operator's database is unreachable, or its revision is not this release's.
    """
    if not configuration.database_url:
        upgrade(configuration)
        return
    current, needed = current_revision(configuration), newest_revision()
    if current != needed:
        raise ConfigurationError(
            f"the database of DATABASE_URL is at revision `{current or 'none'}`, this release needs `{needed}`; "
            "run `agentic-sales db upgrade`"
        )


async def _upgrade(configuration: Settings) -> list[str]:
    configuration.state_dir.mkdir(parents=True, exist_ok=True)
    async with open_database(configuration) as database:
        try:
            async with database.writing() as connection:
                return await connection.run_sync(_apply)
        except CommandError as exc:
            raise ConfigurationError(f"the database is not of this release or an earlier one: {exc}") from exc
        except (DBAPIError, OSError) as exc:
            raise _unreachable(database, exc) from exc


async def _current(configuration: Settings) -> str | None:
    async with open_database(configuration) as database:
        try:
            async with database.reading() as connection:
                return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
        except (DBAPIError, OSError) as exc:
            raise _unreachable(database, exc) from exc


def _apply(connection: Connection) -> list[str]:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config, applied = _config(), list[str]()

    def note(*, step: MigrationInfo, **_: object) -> None:
        applied.extend(step.up_revision_ids)

    config.attributes.update(connection=connection, on_version_apply=note)
    command.upgrade(config, "head")
    grant_book(connection)
    prepare_vectors(connection)
    return applied


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config


def _unreachable(database: Database, exc: Exception) -> ConfigurationError:
    where = database.engine.url.render_as_string(hide_password=True)
    return ConfigurationError(f"the database `{where}` cannot be used: {str(exc).splitlines()[0]}")
