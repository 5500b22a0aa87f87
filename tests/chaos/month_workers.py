"""Let visits be made while a month passes: by processes that each tick for themselves, or by a whole fleet.

All of them have one database and one clock file in common, and nothing else.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select

from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.visits.clock import ClockFile, going_by
from agentic_sales.campaigns.visits.surroundings import rehearsing
from agentic_sales.campaigns.visits.tick import CAMPAIGN, tick
from agentic_sales.control import control_plane
from agentic_sales.rehearsal.days import InProcessFleet
from agentic_sales.rehearsal.in_process import sub_runs_in_process
from agentic_sales.settings import Settings, settings
from agentic_sales.store.campaigns import EnrollmentRow
from agentic_sales.store.database import Database, as_current, open_database
from agentic_sales.workers.child.checkpoints import open_checkpoints
from agentic_sales.workers.loader import load_graph
from tests.chaos.clocked_fleet import clocked_fleet
from tests.support.fleet import PROCFILE

MANY = 4
"""Processes of `processes`."""
SHARE = 4
"""Visits that one of them claims at a time: few, so that the others get theirs."""
PAUSE_S = 0.02
FORKED = get_context("forkserver")
FORKED.set_forkserver_preload([__name__, "agentic_sales.graphs.campaign", "agentic_sales.graphs.email_outreach"])


@dataclass(frozen=True)
class Place:
    """What all who work in a month have in common."""

    settings: Settings
    """Names the store."""
    clock: ClockFile
    """Shows the present."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Of processes whose mailboxes log in to servers. Empty: mail goes to the maildir."""

    @property
    def mail(self) -> Path:
        """The maildir."""
        return self.settings.state_dir / "mail"


@dataclass(frozen=True)
class Workers:
    """Whoever makes the visits."""

    visits: Callable[[], int]
    """Counts those that were made; known when the work is over."""
    are_idle: Callable[[], bool]
    """Tells whether all that was begun has ended; the store alone knows of what was claimed."""


@contextmanager
def processes(place: Place) -> Iterator[Workers]:
    """Let processes work that claim their share of who is due, each for itself."""
    done, made = FORKED.Event(), FORKED.Value("i", 0)
    workers = [FORKED.Process(target=work, args=(place, done, made), daemon=True) for _ in range(MANY)]
    for worker in workers:
        worker.start()
    try:
        yield Workers(visits=lambda: made.value, are_idle=lambda: True)
    finally:
        done.set()
        with ThreadPoolExecutor(MANY) as threads:
            list(threads.map(lambda worker: worker.join(30), workers))
        ended = [worker.exitcode for worker in workers]
    assert ended == [0] * MANY, f"the processes ended with {ended}"


@contextmanager
def fleet(place: Place) -> Iterator[Workers]:
    """Let a fleet work: two beats, its queues, two workers of core, and one of email that writes the messages."""
    environment = {"DATABASE_URL": place.settings.database_url, "AGENTIC_SALES_CAMPAIGN_TICK_S": "0.3"}
    second = "worker-core-2"
    with clocked_fleet(place.settings.state_dir, place.clock, environment) as started:
        started.start_command(second, PROCFILE["worker-core"].replace("core@%h", "core2@%h"))
        yield Workers(
            visits=lambda: sum(started.log(name).count("visit_ended") for name in ("worker-core", second)),
            are_idle=lambda: not started.redis.zcard("agentic:running"),
        )
        started.stop()


def work(place: Place, done: Event, made: Any) -> None:
    """Tick and make visits until it is done, as a process of its own."""
    be_silent()
    os.environ.update(place.environment)
    settings.cache_clear()
    visits = asyncio.run(_work(place, done))
    with made.get_lock():
        made.value += visits


def be_silent() -> None:
    """Write no log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


async def _work(place: Place, done: Event) -> int:
    visits = 0
    async with open_database(place.settings) as database, open_checkpoints(place.settings) as saver:
        made_here = InProcessFleet(load_graph(control_plane().row(CAMPAIGN), saver).graph)
        with _living(place), sub_runs_in_process():
            async with as_current(database):
                while not done.is_set():
                    if await _is_anybody_due(database, place):
                        visits += (await tick(database, made_here, now=place.clock.now(), limit=SHARE)).claimed
                    else:
                        await asyncio.sleep(PAUSE_S)
    return visits


def _living(place: Place) -> AbstractContextManager[None]:
    """Go by the clock, and send to the maildir or by the logins of the mailboxes."""
    if place.environment:
        return going_by(place.clock.now)
    return rehearsing(place.clock.now, MaildirTransport(place.mail))


async def _is_anybody_due(database: Database, place: Place) -> bool:
    statement = select(EnrollmentRow.contact_id).where(
        EnrollmentRow.wake_at <= place.clock.now(), EnrollmentRow.lease_until_at.is_(None)
    )
    async with database.reading() as connection:
        return (await connection.execute(statement.limit(1))).first() is not None
