"""Hold the resumable graphs of one worker child: compiled with the shared checkpointer when a run first needs them.

A worker without resumable rows never opens, nor imports, a database driver.
"""

from contextlib import AsyncExitStack
from copy import copy
from typing import TYPE_CHECKING

from agentic_sales.registry import GraphSpec
from agentic_sales.settings import Settings
from agentic_sales.workers.carried import graph_of
from agentic_sales.workers.child.revive import serializer_for
from agentic_sales.workers.loader import LoadedGraph, load_graph
from agentic_sales.workers.state_types import types_of_graph

if TYPE_CHECKING:
    from agentic_sales.workers.child.saver import Saver


class DurableGraphs:
    """The graphs of a child that keep their state, for its event loop."""

    def __init__(self, configuration: Settings) -> None:
        self._configuration = configuration
        self._stack = AsyncExitStack()
        self._saver: Saver | None = None
        self._graphs: dict[str, LoadedGraph] = {}

    async def graph_of(self, row: GraphSpec) -> LoadedGraph:
        """Return the graph of a row with the checkpointer attached; it is built once.

        Raises:
            GraphUnavailable: The graph does not load, with the reason.
            StateUnavailable: The database did not answer.
        """
        if row.assistant_id not in self._graphs:
            loaded = graph_of(row)
            saver = copy(await self.saver())
            saver.serde = serializer_for(types_of_graph(loaded.graph, loaded.module).kinds)
            self._graphs[row.assistant_id] = load_graph(row, saver)
        return self._graphs[row.assistant_id]

    async def saver(self) -> "Saver":
        """Return the checkpointer, opened when it is first needed.

        Raises:
            StateUnavailable: The database did not answer.
        """
        if self._saver is None:
            from agentic_sales.workers.child.checkpoints import open_checkpoints  # noqa: PLC0415 - see the module's docstring

            self._saver = await self._stack.enter_async_context(open_checkpoints(self._configuration))
        return self._saver

    async def aclose(self) -> None:
        """Close the checkpointer's connections."""
        await self._stack.aclose()
