"""Keep checkpoints from growing without end: how many a thread keeps, and for how long a thread that is over is kept.

Nothing that a thread needs to go on is deleted. Its newest checkpoint stays, with the writes beside it, as long as the
thread waits for anything. A thread is left alone while a run holds it. The work can be stopped anywhere and repeated.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple
from sqlalchemy import TextClause, text

from agentic_sales.settings import Settings
from agentic_sales.store.database import Database, build_engine
from agentic_sales.workers.child.checkpoints import checkpoints_url, open_checkpoints
from agentic_sales.workers.child.saver import Saver
from agentic_sales.workers.child.snapshots import thread_config

THREADS_AT_ONCE = 500
"""Threads that are read from the database at a time."""
_UUID_EPOCH = datetime(1582, 10, 15, tzinfo=UTC)
_AHEAD = ("__start__", "branch:", "join:", "__pregel_tasks")
"""Channels that hold a value only where a node comes next."""


IsBusy = Callable[[str], Awaitable[bool]]
"""Says whether a run holds a thread."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """Counts of one pass."""

    shortened: int
    """Threads that had more checkpoints than are kept."""
    ended: int
    """Threads that were over for long and have no state any more."""


_CROWDED = text("""
    SELECT thread_id FROM checkpoints WHERE checkpoint_ns = ''
    AND thread_id > :after GROUP BY thread_id HAVING count(*) > :keep ORDER BY thread_id LIMIT :most
""")
_OLD = text("""
    SELECT thread_id FROM checkpoints WHERE checkpoint_ns = ''
    AND thread_id > :after GROUP BY thread_id HAVING max(checkpoint_id) < :before ORDER BY thread_id LIMIT :most
""")
_OLDEST_KEPT = text("""
    SELECT checkpoint_id FROM checkpoints WHERE thread_id = :thread AND checkpoint_ns = ''
    ORDER BY checkpoint_id DESC LIMIT 1 OFFSET :skip
""")
_SHORTEN = text("""
    DELETE FROM checkpoints WHERE thread_id = :thread AND checkpoint_id < :oldest
    AND (checkpoint_ns = '' OR checkpoint_ns LIKE '%\\:%' OR checkpoint_id < (
        SELECT max(newer.checkpoint_id) FROM checkpoints newer
        WHERE newer.thread_id = checkpoints.thread_id AND newer.checkpoint_ns = checkpoints.checkpoint_ns))
""")
"""The namespace of one call of a subgraph has the id of its task after a colon, and goes with the checkpoint that made
the call; a subgraph that remembers its calls has one without, whose newest checkpoint is its memory."""
_BESIDE_NONE = """
    DELETE FROM {writes} WHERE thread_id = :thread AND NOT EXISTS (
        SELECT 1 FROM checkpoints kept WHERE kept.thread_id = {writes}.thread_id
        AND kept.checkpoint_ns = {writes}.checkpoint_ns AND kept.checkpoint_id = {writes}.checkpoint_id)
"""
"""Writes beside a checkpoint come after it, so no write waits for one."""
_UNREFERENCED = text("""
    DELETE FROM checkpoint_blobs WHERE thread_id = :thread AND NOT EXISTS (
        SELECT 1 FROM checkpoints kept WHERE kept.thread_id = checkpoint_blobs.thread_id
        AND kept.checkpoint_ns = checkpoint_blobs.checkpoint_ns
        AND kept.checkpoint -> 'channel_versions' ->> checkpoint_blobs.channel = checkpoint_blobs.version)
""")
"""PostgreSQL keeps the value of a channel once for all checkpoints that have it in the same version."""
_LEFT_OVERS: Mapping[str, tuple[TextClause, ...]] = {
    "sqlite": (text(_BESIDE_NONE.format(writes="writes")),),
    "postgresql": (text(_BESIDE_NONE.format(writes="checkpoint_writes")), _UNREFERENCED),
}
"""Delete the values that no checkpoint of a thread needs any more."""


async def prune(configuration: Settings, *, is_busy: IsBusy, now: datetime) -> Pruned:
    """Delete the checkpoints that the settings do not keep.

    Args:
        configuration: How much is kept.
        is_busy: Asked of a thread right before something of it is deleted.
        now: The time.

    Raises:
        StateUnavailable: The database did not answer.
    """
    async with open_checkpoints(configuration) as saver:
        await saver.setup()
        engine = build_engine(checkpoints_url(configuration))
        try:
            database = Database(engine)
            return Pruned(
                shortened=await _shorten(database, configuration.checkpoints_per_thread, is_busy),
                ended=await _end(database, saver, now - timedelta(days=configuration.checkpoint_max_age_days), is_busy),
            )
        finally:
            await engine.dispose()


async def _shorten(database: Database, keep: int, is_busy: IsBusy) -> int:
    shortened = 0
    async for thread_id in _threads(database, _CROWDED, {"keep": keep}):
        if await is_busy(thread_id):
            continue
        async with database.writing() as connection:
            thread: dict[str, Any] = {"thread": thread_id}
            thread["oldest"] = await connection.scalar(_OLDEST_KEPT, {**thread, "skip": keep - 1})
            for deletion in (_SHORTEN, *_LEFT_OVERS[connection.dialect.name]):
                await connection.execute(deletion, thread)
        shortened += 1
    return shortened


async def _end(database: Database, saver: Saver, before: datetime, is_busy: IsBusy) -> int:
    ended = 0
    async for thread_id in _threads(database, _OLD, {"before": checkpoint_id_at(before)}):
        newest = await saver.aget_tuple(thread_config(thread_id))
        if newest is not None and is_over(newest) and not await is_busy(thread_id):
            await saver.adelete_thread(thread_id)
            ended += 1
    return ended


async def _threads(database: Database, question: TextClause, values: Mapping[str, Any]) -> AsyncIterator[str]:
    found, after = [""], ""
    while found:
        async with database.reading() as connection:
            page = {**values, "after": after, "most": THREADS_AT_ONCE}
            found = list(await connection.scalars(question, page))
        for thread_id in found:
            yield thread_id
            after = thread_id


def is_over(newest: CheckpointTuple) -> bool:
    """Say whether a thread with this newest checkpoint waits for nothing: no node, no interrupt, no breakpoint."""
    return not newest.pending_writes and not any(
        channel.startswith(_AHEAD) for channel in newest.checkpoint["channel_values"]
    )


def checkpoint_id_at(moment: datetime) -> str:
    """Return an id below those of all checkpoints that are made after a moment: their ids are UUIDs of version 6."""
    ticks = (moment - _UUID_EPOCH) // timedelta(microseconds=1) * 10
    return f"{ticks >> 28:08x}-{ticks >> 12 & 0xFFFF:04x}-6{ticks & 0xFFF:03x}-0000-000000000000"
