"""Search embeddings by PostgreSQL's extension `vector` (pgvector) where the server has it.

`agentic-sales db upgrade` makes the table on each call, so it also finds an extension that was installed later. A
server without the extension has no such table, and `store.vectors` searches the matrix. The search is exact: an index
of pgvector passes over near passages, and PostgreSQL reads 100,000 embeddings in less time than a model needs for one.
"""

import struct
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

EXTENSION = "vector"
_READERS = "book_readers"
_AT_ONCE = 500
_NUMBER_BYTES = 4
_AVAILABLE = text("SELECT count(*) FROM pg_available_extensions WHERE name = :name")
_IS_THERE = text("SELECT to_regclass('passage_vectors') IS NOT NULL")
_GROUP = text("SELECT count(*) FROM pg_roles WHERE rolname = :name")
_MAKE = (
    text(f"CREATE EXTENSION IF NOT EXISTS {EXTENSION}"),
    text(
        "CREATE TABLE passage_vectors (passage_id integer PRIMARY KEY REFERENCES passages ON DELETE CASCADE, "
        "embedder varchar NOT NULL, dimension integer NOT NULL, embedding vector NOT NULL)"
    ),
    text("CREATE INDEX ix_passage_vectors_embedder ON passage_vectors (embedder, dimension)"),
)
_EMBEDDED = text(
    "SELECT passage_id, embedder, embedding FROM passages WHERE embedding IS NOT NULL AND passage_id > :after "
    "ORDER BY passage_id LIMIT :most"
)
_KEEP = text(
    "INSERT INTO passage_vectors (passage_id, embedder, dimension, embedding) "
    "SELECT :passage_id, :embedder, :dimension, CAST(:embedding AS vector) "
    "WHERE EXISTS (SELECT 1 FROM passages WHERE passage_id = :passage_id) "
    "ON CONFLICT (passage_id) DO UPDATE SET embedder = excluded.embedder, dimension = excluded.dimension, "
    "embedding = excluded.embedding"
)
_NEAREST = text(
    "SELECT passage_id FROM passage_vectors WHERE embedder = :embedder AND dimension = :dimension "
    "ORDER BY round(CAST(embedding <#> CAST(:question AS vector) AS numeric), 6), passage_id LIMIT :most"
)


def prepare_vectors(connection: Connection) -> bool:
    """Make the table of the extension, with the embeddings that passages have. False: the server cannot have it.

    Args:
        connection: Connection of a writing transaction, as the owner of the tables.
    """
    if connection.dialect.name != "postgresql" or not is_available(connection):
        return False
    if not connection.execute(_IS_THERE).scalar_one():
        try:
            with connection.begin_nested():
                for statement in _MAKE:
                    connection.execute(statement)
        except DBAPIError:  # The user may not create the extension. The matrix serves as before.
            return False
        _copy(connection)
    if connection.execute(_GROUP, {"name": _READERS}).scalar_one():
        connection.execute(text(f"GRANT SELECT ON passage_vectors TO {_READERS}"))
    return True


def is_available(connection: Connection) -> bool:
    """Tell whether the server has the extension."""
    return bool(connection.execute(_AVAILABLE, {"name": EXTENSION}).scalar_one())


async def has_vectors(connection: AsyncConnection) -> bool:
    """Tell whether embeddings are searched by the extension."""
    return connection.dialect.name == "postgresql" and bool((await connection.execute(_IS_THERE)).scalar_one())


async def keep_vectors(connection: AsyncConnection, embedder: str, embeddings: Iterable[tuple[int, bytes]]) -> None:
    """Write the embeddings of passages by their ids. A passage that is gone is passed over."""
    if rows := [_row(passage_id, embedder, embedding) for passage_id, embedding in embeddings]:
        await connection.execute(_KEEP, rows)


async def nearest_vectors(connection: AsyncConnection, embedder: str, question: bytes, *, most: int) -> list[int]:
    """Return the ids of the passages whose embeddings are nearest to a question's by the cosine, the nearest first."""
    asked = {"embedder": embedder, "dimension": len(question) // _NUMBER_BYTES, "question": _told(question)}
    return list((await connection.execute(_NEAREST, {**asked, "most": most})).scalars())


def _copy(connection: Connection) -> None:
    after = 0
    while True:
        found: Sequence[tuple[int, str, bytes]] = [
            (row.passage_id, row.embedder, row.embedding)
            for row in connection.execute(_EMBEDDED, {"after": after, "most": _AT_ONCE})
        ]
        if not found:
            return
        connection.execute(_KEEP, [_row(*one) for one in found])
        after = found[-1][0]


def _row(passage_id: int, embedder: str, embedding: bytes) -> dict[str, object]:
    dimension = len(embedding) // _NUMBER_BYTES
    return {"passage_id": passage_id, "embedder": embedder, "dimension": dimension, "embedding": _told(embedding)}


def _told(embedding: bytes) -> str:
    return f"[{','.join(map(repr, struct.unpack(f'<{len(embedding) // _NUMBER_BYTES}f', embedding)))}]"
