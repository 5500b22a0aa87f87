"""Let campaigns go on as a process of its own, that is killed at one of its points.

A point is a moment between two steps that a machine can be lost at: each statement and each commit of the store, each
write of a checkpoint, and the provider's taking of a message, before and after. Every process is a real one, and is
killed; the store, the checkpoints and the SMTP server are real; only time is virtual.
"""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import event

from agentic_sales.campaigns.sending.door import LEASE, sweep
from agentic_sales.campaigns.sending.transports.contract import Handover
from agentic_sales.campaigns.sending.transports.smtp import SmtpServer, SmtpTransport
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.campaigns.visits.tick import CAMPAIGN
from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.control import control_plane
from agentic_sales.rehearsal.days import InProcessFleet, rehearse
from agentic_sales.runs.ledger import Outcome
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import EnrollmentRow
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.visits import Key
from agentic_sales.workers.child.checkpoints import open_checkpoints
from agentic_sales.workers.loader import Graph, load_graph
from tests.chaos.campaign_shapes import SHAPES, People
from tests.support.small_campaign import NOW

BOUNDARIES = frozenset({"commit", "committed", "checkpoint", "mail"})
"""Points between two durable steps."""
EVERYWHERE = BOUNDARIES | {"statement"}
"""Those, and the points inside every transaction."""
GRAPHS = ("campaign", "classify_reply", "email_outreach", "email_reply")
"""What every process needs, imported once for all of them."""
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [__name__, *(f"agentic_sales.graphs.{name}" for name in GRAPHS), "tests.chaos.warm_life"]
)


@dataclass(frozen=True)
class Life:
    """What one process is to do, and where it dies."""

    settings: Settings
    """Names the store."""
    shape: str
    """What people do."""
    key: Key
    """The person in the campaign."""
    email: str
    """The person's address."""
    server: SmtpServer
    """Takes the mail."""
    mails: Path
    """Where it notes what it took."""
    points: Collection[str]
    """Kinds of points that count."""
    tells: bool = False
    """The fleet tells of the runs of dead processes that they failed; else it knows nothing of them."""
    age: timedelta = timedelta()
    """How long after the campaign the process begins."""
    dies_at: int | None = None
    """The point, from 0; None: it lives."""


class Fate:
    """Counts the points that a process comes to, and kills it at its own."""

    def __init__(self, life: Life) -> None:
        self._points = life.points
        self._left = life.dies_at

    def reach(self, kind: str) -> None:
        """Come to a point."""
        if self._left is None or kind not in self._points:
            return
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

    def around(self, kind: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Make a call with a point before it and one after it."""

        async def called(*arguments: Any, **options: Any) -> Any:
            self.reach(kind)
            answer = await call(*arguments, **options)
            self.reach(kind)
            return answer

        return called

    def watch(self, database: Database) -> None:
        """Come to a point at each statement, and before and after each commit."""

        def reaching(kind: str) -> Callable[..., None]:
            return lambda *_: self.reach(kind)

        engine = database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", reaching("statement"))
        event.listen(engine, "commit", reaching("commit"))
        event.listen(engine, "checkin", reaching("committed"))


class FatefulTransport:
    """SMTP, with a point before a message is offered, and one after the server has taken it."""

    name = "smtp"

    def __init__(self, server: SmtpServer, fate: Fate) -> None:
        self._deliver = fate.around("mail", SmtpTransport(server).deliver)

    async def deliver(self, message: Any, *, key: Any) -> Handover:
        """Send."""
        delivery: Handover = await self._deliver(message, key=key)
        return delivery


class Survivors(InProcessFleet):
    """A fleet that tells, or does not know, how the runs of dead processes ended, and lets people act after a visit."""

    def __init__(self, graph: Graph, *, tells: bool, people: Callable[[], Any]) -> None:
        super().__init__(graph)
        self._tells = tells
        self._people = people

    async def submit_visit(self, row: EnrollmentRow, run_id: RunId) -> None:
        """Make a visit."""
        await super().submit_visit(row, run_id)
        await self._people()

    async def outcomes(self, run_ids: Sequence[RunId]) -> list[Outcome | None]:
        """Return how runs ended."""
        lost = RunFailure(code="worker_lost", message="its worker died", is_retryable=True, error="WorkerLost")
        return [
            end or (Outcome(run_id, "error", None, lost) if self._tells else None)
            for run_id, end in zip(run_ids, await super().outcomes(run_ids), strict=True)
        ]


def is_survived(life: Life) -> bool:
    """Let a process live; False: it was killed."""
    process = PROCESSES.Process(target=live, args=(life,))
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}, f"the process ended with {process.exitcode}"
    return process.exitcode == 0


def live(life: Life) -> None:
    """Let the campaigns of a store go on to their end; or die."""
    gc.freeze()  # what was loaded once for all processes is not looked through by each
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(_live(life))


async def _live(life: Life) -> None:
    fate, clock = Fate(life), VirtualClock(NOW + life.age)
    async with open_database(life.settings) as database, open_checkpoints(life.settings) as saver:
        patched: Any = saver
        patched.aput = fate.around("checkpoint", saver.aput)
        patched.aput_writes = fate.around("checkpoint", saver.aput_writes)
        fate.watch(database)

        async def people() -> None:
            around = People(database, life.key, life.email, life.mails, clock.now())
            await around.resolve()
            await SHAPES[life.shape].deed(around)

        graph = load_graph(control_plane().row(CAMPAIGN), saver).graph
        fleet, transport = Survivors(graph, tells=life.tells, people=people), FatefulTransport(life.server, fate)
        is_over = False
        while not is_over:
            await people()
            await rehearse(database, clock, transport, fleet=fleet)
            # A fleet ticks on where nobody is to be visited. So the lease of an answer in the door ends there, too.
            clock.forward_to(clock.at + LEASE)
            is_over = not await sweep(database, now=clock.at)
