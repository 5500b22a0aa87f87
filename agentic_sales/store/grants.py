"""Give the groups of PostgreSQL users that `deploy/postgres-users.sql` makes their rights on the tables of the book.

The tables come with the migrations, after the users. So `migrate.upgrade` grants at the end of each upgrade, also of
one that has nothing to migrate. A database without the groups is left as it is.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from agentic_sales.store.tables import Table

READERS, JUDGES, WRITERS = "book_readers", "book_judges", "book_writers"
"""Groups of users. Judges write facts about known subjects, and writers write the rest too. All of them are readers."""
_READ = (
    "alembic_version",
    "analyses",
    "companies",
    "documents",
    "facts",
    "forgotten_keys",
    "passages",
    "people",
    "products",
    "subject_keys",
    "subjects",
)
"""Tables without addresses, messages and campaigns."""
_COMPANY = "key", "name", "domain", "name_key"
_PERSON = "name", "name_key", "company_id", "profile", "updated_at"
_WRITE: Mapping[str, str] = {
    "analyses": "INSERT, DELETE",
    # A person blocks a company and promotes a person. So the columns of both are not among these.
    "companies": f"INSERT (company_id, created_at, {', '.join(_COMPANY)}), UPDATE ({', '.join(_COMPANY)})",
    "documents": "INSERT, UPDATE",
    "facts": "INSERT, UPDATE, DELETE",
    "passages": "INSERT, DELETE",
    "people": f"INSERT (person_id, created_at, {', '.join(_PERSON)}), UPDATE ({', '.join(_PERSON)})",
    "subject_keys": "INSERT",
    "subjects": "INSERT, UPDATE",
}
"""Rights of writers beside reading, by table."""
_SEQUENCES = "passages_passage_id_seq"
"""Sequences that writers take numbers from."""
_GROUPS = text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:names)")


def grant_book(connection: Connection) -> None:
    """Give each group that exists its rights on the tables of this release, and take every other right from it.

    Args:
        connection: Connection of a writing transaction, as the owner of the tables.
    """
    if connection.dialect.name != "postgresql":
        return
    rights: dict[str, Mapping[str, str]]
    rights = {READERS: dict.fromkeys(_READ, "SELECT"), JUDGES: {"facts": _WRITE["facts"]}, WRITERS: _WRITE}
    for group in connection.execute(_GROUPS, {"names": list(rights)}).scalars().all():
        connection.execute(text(f"REVOKE ALL ON {', '.join(Table.metadata.tables)} FROM {group}"))
        for table, right in rights[group].items():
            connection.execute(text(f"GRANT {right} ON {table} TO {group}"))
        if group == WRITERS:
            connection.execute(text(f"GRANT USAGE ON SEQUENCE {_SEQUENCES} TO {group}"))
