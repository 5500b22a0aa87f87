"""Start a fleet whose campaigns go by a clock file, with two beats that tick often."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from agentic_sales.campaigns.visits.clock import ClockFile
from tests.support.fleet import PROCFILE, WEB, Fleet, fleet_of
from tests.support.services import redis_server

NAMES = (WEB, "worker-core", "worker-email", "worker-classify", "beat")
BEATS = ("beat", "beat-2")


@contextmanager
def clocked_fleet(directory: Path, clock: ClockFile, environment: Mapping[str, str | None]) -> Iterator[Fleet]:
    """Run the processes that a campaign needs, for as long as the context lasts.

    Args:
        directory: Where logs, state and Redis go.
        clock: Shows a time by now.
        environment: What differs from the usual test fleet.
    """
    own = {"DISCOVERY_WORKER_QUEUE": "", "AGENTIC_SALES_VIRTUAL_CLOCK": str(clock.path), **environment}
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(directory))
        fleet = stack.enter_context(fleet_of(directory, redis, own, names=NAMES))
        fleet.start_command(BEATS[1], f"{PROCFILE['beat']} --schedule {directory / 'beat-2-schedule'}")
        fleet.wait_until_ready()
        yield fleet
