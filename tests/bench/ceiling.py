"""The ceiling of work that needs a processor: as many bare processes as there are, which do nothing else."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from tests.bench.load import Ask


@asynccontextmanager
async def bare_processes() -> AsyncIterator[Ask]:
    """Hand the work to a process that is free; all callers share them."""
    loop = asyncio.get_running_loop()
    yield lambda values: loop.run_in_executor(_processes(), burnt, values["turns"])


@cache
def _processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))


def burnt(turns: int) -> dict[str, Any]:
    """Do what the graph `burn` does, without a graph."""
    total = 0
    for turn in range(turns):
        total += turn & 1
    return {"turns": turns, "odd_turns": total}
