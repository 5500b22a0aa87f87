"""Keep the embeddings of passages, and find those that are nearest to a question.

All embeddings of a model are one matrix in a file below the state directory. Each process maps the file into its
memory, so N children of a worker hold its pages once. The file is written anew when passages came or went, a batch of
rows at a time. The table keeps the embeddings themselves; a lost file costs one reading. Where PostgreSQL has pgvector,
there is no matrix.
"""

import asyncio
import fcntl
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.errors import ExtraMissing
from agentic_sales.store.documents import PassageRow
from agentic_sales.store.pgvector import has_vectors, keep_vectors, nearest_vectors

ROWS_AT_ONCE = 2_000
_NUMBER_BYTES = 4
_ID_BYTES = 8


async def without_embedding(connection: AsyncConnection, embedder: str, *, most: int) -> list[tuple[int, str]]:
    """Return ids and texts of passages that have no embedding of a model, the oldest first."""
    statement = (
        select(PassageRow.passage_id, PassageRow.text)
        .where(PassageRow.embedder.is_(None) | (PassageRow.embedder != embedder))
        .order_by(PassageRow.passage_id)
        .limit(most)
    )
    return [(row.passage_id, row.text) for row in await connection.execute(statement)]


async def save_embeddings(connection: AsyncConnection, embedder: str, embeddings: Sequence[tuple[int, bytes]]) -> None:
    """Write the embeddings of passages by their ids. A passage that is gone is passed over."""
    rows = [
        {
            "wanted": passage_id,
            "embedder": embedder,
            "dimension": len(embedding) // _NUMBER_BYTES,
            "embedding": embedding,
        }
        for passage_id, embedding in embeddings
    ]
    if rows:
        table: Any = PassageRow.__table__
        await connection.execute(update(table).where(table.c.passage_id == bindparam("wanted")), rows)
        if await has_vectors(connection):
            await keep_vectors(connection, embedder, embeddings)


async def nearest(connection: AsyncConnection, embedder: str, question: bytes, *, folder: Path, most: int) -> list[int]:
    """Return the ids of the passages whose embeddings are nearest to a question's by the cosine, the nearest first.

    PostgreSQL with the extension `vector` searches them itself. The matrix serves everywhere else.

    Args:
        connection: Connection to the store.
        embedder: Model of the embeddings.
        question: Embedding of the question.
        folder: Directory of the matrix.
        most: Most ids.

    Raises:
        ExtraMissing: The package numpy is not installed.
    """
    if await has_vectors(connection):
        return await nearest_vectors(connection, embedder, question, most=most)
    matrix = await _matrix(connection, embedder, len(question) // _NUMBER_BYTES, folder)
    return [] if matrix is None else await asyncio.to_thread(_best, matrix, question, most)


async def _matrix(connection: AsyncConnection, embedder: str, dimension: int, folder: Path) -> Path | None:
    """Return the file of the embeddings as they are now. None: there are none."""
    mine = PassageRow.embedder == embedder
    row = (await connection.execute(select(func.count(), func.max(PassageRow.passage_id)).where(mine))).one()
    count, last = int(row[0]), row[1]
    if not count:
        return None
    name = sha256(f"{connection.engine.url}\n{embedder}\n{dimension}".encode()).hexdigest()[:16]
    file = folder / f"{name}-{count}-{last}.vectors"
    if not file.exists():
        await _write(connection, embedder, dimension, file)
    return file


async def _write(connection: AsyncConnection, embedder: str, dimension: int, file: Path) -> None:
    """Write the file once, whatever the number of processes that want it. Older ones of the same model go."""
    # It is our own directory, and its files are there or not: none of these operations waits.
    file.parent.mkdir(parents=True, exist_ok=True)
    name = file.name.partition("-")[0]
    with (file.parent / f"{name}.lock").open("w") as turn:
        await asyncio.to_thread(fcntl.flock, turn, fcntl.LOCK_EX)
        if file.exists():  # noqa: ASYNC240
            return
        new = file.with_suffix(".new")
        with new.open("wb") as out:
            await _copy_rows(connection, embedder, dimension, out)
        for old in file.parent.glob(f"{name}-*.vectors"):
            with suppress(FileNotFoundError):  # Who has it mapped keeps it.
                old.unlink()
        new.replace(file)


async def _copy_rows(connection: AsyncConnection, embedder: str, dimension: int, out: Any) -> None:
    columns = PassageRow.passage_id, PassageRow.embedding
    mine = PassageRow.embedder == embedder, PassageRow.dimension == dimension
    after = 0
    while True:
        page = select(*columns).where(*mine, PassageRow.passage_id > after).order_by(PassageRow.passage_id)
        rows = (await connection.execute(page.limit(ROWS_AT_ONCE))).all()
        for row in rows:
            out.write(row.passage_id.to_bytes(_ID_BYTES, "little"))
            out.write(row.embedding)
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1].passage_id


def _best(file: Path, question: bytes, most: int) -> list[int]:
    try:
        import numpy as np  # noqa: PLC0415 - an extra, and needed here alone
    except ImportError as exc:
        raise ExtraMissing("AGENTIC_SALES_EMBEDDINGS", "a model of embeddings", "rag") from exc
    wanted = np.frombuffer(question, "<f4")
    rows: Any = np.memmap(file, np.dtype([("id", "<i8"), ("vector", "<f4", (len(wanted),))]), mode="r")
    ids: Any = np.asarray(rows["id"])
    scores: Any = np.empty(len(rows), "<f4")
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        scores[part] = rows["vector"][part] @ wanted
    scores = scores.round(6)
    least = np.partition(scores, -most)[-most] if most < len(scores) else scores.min()
    near = np.flatnonzero(scores >= least)  # Sorting a few takes no time. Sorting all takes as long as the products.
    order = near[np.lexsort((ids[near], -scores[near]))][:most]
    return [int(number) for number in ids[order]]
