"""Store every step of a thread in a database that may be away for a moment, SQLite or PostgreSQL.

A saver writes by key, so its work can be repeated without harm. A connection that is lost in the middle of a run costs
the run a moment. The step is stored over the next connection.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from agentic_sales.errors import StateUnavailable
from agentic_sales.runs.sizes import fitting

log = structlog.get_logger()

T = TypeVar("T")

PATIENCE_S = 45.0
"""How long a step waits for a database that is away or locked, before its run fails."""
PAUSE_S = 0.25
"""Pause between two tries."""
QUICK_TRIES = 2
"""Tries that come at once, since each connection of a pool of this size tells its loss by a failure."""


class Saver(BaseCheckpointSaver[str]):
    """A checkpointer that does every step again whose connection was lost, until the database is back."""

    lost: tuple[type[Exception], ...]
    """Errors of its driver for a lost connection or a locked database."""

    if TYPE_CHECKING:  # each database's own class has it, behind this one in the order of resolution

        async def setup(self) -> None:
            """Make or migrate the tables."""

    async def acount(self, thread_id: str) -> int:
        """Count the checkpoints of a thread."""
        raise NotImplementedError

    async def adelete_runs(self, thread_id: str, run_ids: Sequence[str]) -> None:
        """Remove the checkpoints that runs made on a thread."""
        raise NotImplementedError

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read one checkpoint."""
        return await self._patiently(partial(super().aget_tuple, config))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Read checkpoints, newest first."""
        found = super().alist
        for item in await self._patiently(lambda: _collected(found(config, filter=filter, before=before, limit=limit))):
            yield item

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store one checkpoint."""
        return await self._patiently(partial(super().aput, config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store the writes of a step so far."""
        await self._patiently(partial(super().aput_writes, config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove the checkpoints of a thread."""
        await self._patiently(partial(super().adelete_thread, thread_id))

    async def _patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        clock = asyncio.get_running_loop().time
        give_up_at_s = clock() + PATIENCE_S
        losses = 0
        while True:
            try:
                return await step()
            except self.lost as exc:
                if clock() > give_up_at_s:
                    raise StateUnavailable(exc) from exc
                log.warning("checkpoint_step_lost", reason=str(exc))
            losses += 1
            await self._recover()
            await asyncio.sleep(PAUSE_S if losses > QUICK_TRIES else 0.0)

    async def _recover(self) -> None:
        """Prepare the repetition of a step."""


async def _collected(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]


class BoundedSerializer(JsonPlusSerializer):
    """LangGraph's serializer, which refuses a value that is too large to be kept."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Serialize a value of a state.

        Raises:
            ResultTooLarge: It has more bytes than are kept.
        """
        kind, data = super().dumps_typed(obj)
        return kind, fitting(data, "a value of the state")


def serializer() -> JsonPlusSerializer:
    """Return a strict reader of checkpoints.

    It makes plain data, LangChain's messages and the classes of the graph itself, and nothing else. Write access to the
    database must not make a worker import and call anything.
    """
    return BoundedSerializer(allowed_msgpack_modules=None)
