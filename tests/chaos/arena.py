"""The ground on which things are broken: a small fleet whose every part can be killed, frozen and started again."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.support.containers import RedisContainer
from tests.support.fleet import WEB, Fleet, fleet_of
from tests.support.services import members_of_group

CHILDREN = 4
SWEPT_AT_RUNS = 200
"""Size of a chaos run from which on every point is visited, and months are long."""
FIRST, SECOND, OTHER_POOL = "worker-core", "worker-core-2", "worker-email"
BOTH = (FIRST, SECOND)
"""The two workers of the pool that is broken, `core`; `echo` alone is on another pool, `email`."""
ENVIRONMENT = {
    "CLASSIFY_WORKER_QUEUE": "",
    "DISCOVERY_WORKER_QUEUE": "",
    "EMAIL_WORKER_ASSISTANTS": "+echo",
    "REMAP_SIGTERM": "SIGQUIT",
    "AGENTIC_SALES_WORKER_CONCURRENCY": str(CHILDREN),
}


@dataclass(frozen=True)
class Arena:
    """A fleet to break, and how much of it."""

    fleet: Fleet
    """The fleet."""
    redis: RedisContainer
    """Its Redis, which can be killed and goes on where it was."""
    rng: Random
    """Source of every random choice, seeded."""
    runs: int
    """Runs that a scenario asks for while it breaks things."""
    freeze_s: float
    """How long a frozen worker stays so."""
    inside: bool
    """Campaigns are killed inside their transactions too, not between them alone."""
    tell: Callable[[str], None]
    """Tells whoever waits how far a long scenario has come."""

    @property
    def is_whole(self) -> bool:
        """Tell whether every point is visited, and not a sample."""
        return self.runs >= SWEPT_AT_RUNS

    def random_child(self, worker: str) -> list[int]:
        """Return the process id of a random child of a worker, alone in a list; empty when it has none now."""
        return [self.rng.choice(children)] if (children := self.fleet.children(worker)) else []

    def signal_all(self, worker: str, signal_number: int) -> list[int]:
        """Send a signal to a worker's parent and children; return their process ids."""
        members = [member.pid for member in members_of_group(self.fleet.services[worker].process.pid)]
        for pid in members:
            os.kill(pid, signal_number)
        return members


@contextmanager
def open_arena(
    directory: Path,
    *,
    seed: int,
    runs: int,
    freeze_s: float,
    inside: bool = False,
    tell: Callable[[str], None] = lambda _: None,
    is_empty: bool = False,
) -> Iterator[Arena]:
    """Start the fleet, and end it in the orderly way: what was broken must not have left anything behind.

    An empty arena has no process but Redis.
    """
    names = () if is_empty else (WEB, FIRST, OTHER_POOL)
    redis = RedisContainer(directory)
    try:
        with fleet_of(directory, redis.server, ENVIRONMENT, names=names) as fleet:
            arena = Arena(fleet, redis, Random(seed), runs, freeze_s, inside, tell)  # noqa: S311 - a load, not a secret
            if is_empty:
                yield arena
            else:
                fleet.wait_until_ready()
                fleet.start_second_worker("core")
                yield arena
                fleet.revive(WEB, *BOTH, OTHER_POOL)
                fleet.stop()
    finally:
        redis.teardown()
