"""Ask about many things side by side, a few at a time."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def ask_each(items: Iterable[T], ask: Callable[[T], Awaitable[R]], *, at_once: int) -> list[R]:
    """Return the answer about each item, in the order of the items.

    Args:
        items: Subjects of the questions.
        ask: Asks about one item. Its exception is raised here.
        at_once: Most items that are asked about at a time.
    """
    turns = asyncio.Semaphore(at_once)

    async def in_turn(item: T) -> R:
        async with turns:
            return await ask(item)

    return await asyncio.gather(*map(in_turn, items))


async def ask_while(
    items: Iterable[T], ask: Callable[[T], Awaitable[R]], *, may_start: Callable[[int], bool]
) -> list[R]:
    """Ask about one item after the other for as long as another may be started.

    Args:
        items: Subjects of the questions.
        ask: Asks about one item. Its exception is raised here, and ends the others.
        may_start: Takes the number of items under way. After an answer it is asked again. False at 0 ends the work.

    Returns:
        The answers about the items that were started, in the order of the items.
    """
    left, begun = deque(items), list[asyncio.Future[R]]()
    running: set[asyncio.Future[R]] = set()
    try:
        while True:
            while left and may_start(len(running)):
                begun.append(asyncio.ensure_future(ask(left.popleft())))
                running.add(begun[-1])
            if not running:
                return [one.result() for one in begun]
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
    finally:
        for one in running:
            one.cancel()
