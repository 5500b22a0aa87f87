"""Ask about many things side by side, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def ask_each(items: Iterable[T], ask: Callable[[T], Awaitable[R]], *, at_once: int) -> list[R]:
    """Return the answer about each item, in the order of the items.

    Args:
        items: What is asked about.
        ask: Asks about one item. What it raises is raised here.
        at_once: Most items that are asked about at a time.
    """
    turns = asyncio.Semaphore(at_once)

    async def in_turn(item: T) -> R:
        async with turns:
            return await ask(item)

    return await asyncio.gather(*map(in_turn, items))
