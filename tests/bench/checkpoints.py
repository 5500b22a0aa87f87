"""What the state of a resumable run costs to keep: bytes of the database per step."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agentic_sales.registry import index_rows
from agentic_sales.settings import Settings
from agentic_sales.workers.child.checkpoints import FILE_NAME, open_checkpoints
from agentic_sales.workers.loader import load_graph
from tests.workflows.registry import GRAPHS

STEPS = 3
RUNS = 100


def bytes_per_step(*, padding: int) -> float:
    """Run a graph of three steps whose state holds that many bytes of text; return what a step leaves on disk."""
    with TemporaryDirectory(prefix="agentic-sales-bench-") as folder:
        asyncio.run(_run(Settings(state_dir=Path(folder)), "x" * padding))
        return Path(folder, FILE_NAME).stat().st_size / (RUNS * STEPS)


async def _run(configuration: Settings, padding: str) -> None:
    async with open_checkpoints(configuration) as saver:
        graph = load_graph(index_rows(GRAPHS)["steps"], saver).graph
        for number in range(RUNS):
            config: Any = {"configurable": {"thread_id": str(number)}}
            await graph.ainvoke({"padding": padding}, config, durability="sync")
