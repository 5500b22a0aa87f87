"""Send messages through the door in processes that die: one at every point at which the door waits for something.

    python -m tests.chaos.door_killer STATE_DIR DATABASE_URL SMTP_PORT

The door is a coroutine, and all that it does to the world happens between two of its suspensions. A child drives it
step by step and exits without any cleaning up before a step, or behind one before the event loop hears of it. Which
step, counts up until a child reaches the end. The product has no hook for this and knows nothing of it.
"""

import asyncio
import json
import os
import sys
from collections.abc import Coroutine, Generator
from datetime import datetime
from pathlib import Path
from typing import Any

from agentic_sales.campaigns.sending.door import LEASE, Door, sweep
from agentic_sales.campaigns.sending.transports.smtp import SmtpServer, SmtpTransport
from agentic_sales.contracts import TouchId
from agentic_sales.local.ports import LOOPBACK
from agentic_sales.settings import Settings
from agentic_sales.store.database import open_database
from tests.support.small_campaign import LINKS, SmallCampaign, later

DIED = 137
REACHED_THE_END = 0


class DiesAt:
    """A coroutine that ends its process at one of its points, counted from 1."""

    def __init__(self, work: Coroutine[Any, Any, Any], point: int) -> None:
        self._work = work
        self._left = point

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        resume, argument = steps.send, None
        while True:
            self._reach()
            try:
                waited_for = resume(argument)
            except StopIteration as end:
                return end.value
            self._reach()
            try:
                resume, argument = steps.send, (yield waited_for)
            except BaseException as exc:  # noqa: BLE001 - whatever it is, it is the coroutine's
                resume, argument = steps.throw, exc

    def _reach(self) -> None:
        self._left -= 1
        if self._left == 0:
            os._exit(DIED)


def hour_of(point: int) -> datetime:
    """Return when the message of a point is sent; each has an hour of its own, for all that is tried afterwards."""
    return later(hours=point)


async def send(configuration: Settings, port: int, touch_id: TouchId, *, point: int) -> None:
    """Send a message, and die at a point of it."""
    async with open_database(configuration) as database:
        transport = SmtpTransport(SmtpServer(LOOPBACK, port, start_tls=None))
        await DiesAt(Door(database, transport, LINKS).send(touch_id, now=hour_of(point)), point)


async def write(configuration: Settings, point: int) -> TouchId:
    """Write a message to a person of its own."""
    async with open_database(configuration) as database:
        return await SmallCampaign(database, configuration.state_dir).message(f"person{point}@example.com")


async def recover(configuration: Settings, port: int, touch_id: TouchId, *, point: int) -> str:
    """Do what a living process does afterwards, again and again; return the state that the message is left in."""
    async with open_database(configuration) as database:
        door = Door(database, SmtpTransport(SmtpServer(LOOPBACK, port, start_tls=None)), LINKS)
        for leases in range(3):
            await door.send(touch_id, now=hour_of(point) + leases * LEASE)
            await sweep(database, now=hour_of(point) + leases * LEASE)
        return (await door.send(touch_id, now=hour_of(point) + 3 * LEASE)).state


def exit_status_of(work: Coroutine[Any, Any, Any]) -> int:
    """Run a coroutine in a child process; return its exit status."""
    child = os.fork()
    if child == 0:
        asyncio.run(work)
        os._exit(REACHED_THE_END)
    work.close()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(state_dir: str, database_url: str, port: str, every: str) -> None:
    """Kill at each n-th point; print what became of each message, a line of JSON each."""
    configuration = Settings(state_dir=Path(state_dir), database_url=database_url or None)
    point, status = 0, DIED
    while status == DIED:
        point += int(every)
        touch_id = asyncio.run(write(configuration, point))
        status = exit_status_of(send(configuration, int(port), touch_id, point=point))
        state = asyncio.run(recover(configuration, int(port), touch_id, point=point))
        print(json.dumps({"touch_id": touch_id, "point": point, "died": status == DIED, "state": state}))  # noqa: T201 - see above
    sys.exit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
