"""Kill the process of a campaign at every point of it, one point after the other, and let the next process go on.

A point is a moment between two steps that a machine can be lost at: each statement and each commit of the store, each
write of a checkpoint, and the provider's taking of a message, before and after. The points are not drawn but swept:
the k-th process dies at its k-th point, until one gets through. Every process is a real one, and is killed; the store,
the checkpoints and the SMTP server are real; only time is virtual.
"""

import asyncio
import logging
import os
import signal
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from email import message_from_bytes
from multiprocessing import get_context
from typing import Any

import structlog
from sqlalchemy import event

from agentic_sales.campaigns.addresses import email_hash
from agentic_sales.campaigns.clock import VirtualClock
from agentic_sales.campaigns.desk import resolve
from agentic_sales.campaigns.plan import CampaignPlan
from agentic_sales.campaigns.tick import CAMPAIGN
from agentic_sales.campaigns.touches import touch_key
from agentic_sales.campaigns.transports.contract import Delivery
from agentic_sales.campaigns.transports.smtp import SmtpServer, SmtpTransport
from agentic_sales.contracts import CampaignId, MailboxId, RunFailure, RunId
from agentic_sales.control import control_plane
from agentic_sales.dev.rehearsal import InProcessFleet, rehearse
from agentic_sales.runs.ledger import Outcome
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import add_campaign, enroll, enrollment, move_campaign
from agentic_sales.store.contacts import add_contact
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.inbound import add_inbound
from agentic_sales.store.mailboxes import add_mailbox
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.touches import touch
from agentic_sales.store.visits import Key
from agentic_sales.workers.checkpoints import open_checkpoints
from agentic_sales.workers.loader import load_graph
from tests.chaos.arena import Arena
from tests.chaos.report import Report
from tests.databases import new_postgresql
from tests.small_campaign import NOW
from tests.smtp_server import MailSink, smtp_server

STEPS = 2
PLAN = {"steps": [{}, {"delay_days": 3}], "needs_approval": False}
BOUNDARIES = frozenset({"commit", "committed", "checkpoint", "mail"})
"""Points between two durable steps."""
EVERYWHERE = BOUNDARIES | {"statement"}
"""Those, and the points inside every transaction."""
MOST_POINTS = 2000
SWEPT_AT_RUNS = 200
"""Size of a chaos run from which on every point is visited."""
STRIDE = 17
"""Of a smaller one each n-th is; a prime, so that the points differ in kind."""
GRAPHS = ("campaign", "classify_reply", "email_outreach")
"""What every process needs, imported once for all of them."""
_PROCESSES = get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__, *(f"agentic_sales.graphs.{name}" for name in GRAPHS)])


@dataclass(frozen=True)
class Life:
    """What one process is to do, and where it dies."""

    settings: Settings
    """Names the store."""
    server: SmtpServer
    """Takes the mail."""
    tells: bool
    """The fleet tells of the runs of dead processes that they failed; else it knows nothing of them."""
    points: Collection[str]
    """Kinds of points that count."""
    dies_at: int | None
    """The point, from 0; None: it lives."""


class Fate:
    """Counts the points that a process comes to, and kills it at its own."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._left = life.dies_at

    def reach(self, kind: str) -> None:
        """Come to a point."""
        if self._left is None or kind not in self._life.points:
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


class FatefulTransport:
    """SMTP, with a point before a message is offered, and one after the server has taken it."""

    name = "smtp"

    def __init__(self, server: SmtpServer, fate: Fate) -> None:
        self._deliver = fate.around("mail", SmtpTransport(server).deliver)

    async def deliver(self, message: Any, *, key: Any) -> Delivery:
        """Send."""
        delivery: Delivery = await self._deliver(message, key=key)
        return delivery


class Survivors(InProcessFleet):
    """A fleet that tells, or does not know, how the runs of dead processes ended."""

    tells = False

    async def outcomes(self, run_ids: Sequence[RunId]) -> list[Outcome | None]:
        """Return how runs ended."""
        lost = RunFailure(code="worker_lost", message="its worker died", is_retryable=True, error="WorkerLost")
        return [
            end or (Outcome(run_id, "error", None, lost) if self.tells else None)
            for run_id, end in zip(run_ids, await super().outcomes(run_ids), strict=True)
        ]


def live(life: Life) -> None:
    """Let the campaigns of a store go on to their end, as a process of its own; or die."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(_live(life))


async def _live(life: Life) -> None:
    fate = Fate(life)
    async with open_database(life.settings) as database, open_checkpoints(life.settings) as saver:
        patched: Any = saver
        patched.aput = fate.around("checkpoint", saver.aput)
        patched.aput_writes = fate.around("checkpoint", saver.aput_writes)
        _watch(database, fate)
        fleet = Survivors(load_graph(control_plane().row(CAMPAIGN), saver).graph)
        fleet.tells = life.tells
        transport = FatefulTransport(life.server, fate)
        await rehearse(database, VirtualClock(NOW), transport, fleet=fleet)


def _watch(database: Database, fate: Fate) -> None:
    def reaching(kind: str) -> Callable[..., None]:
        return lambda *_: fate.reach(kind)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", reaching("statement"))
    event.listen(engine, "commit", reaching("commit"))
    event.listen(engine, "checkin", reaching("committed"))


@dataclass
class Sweep:
    """What came of a sweep."""

    kills: int = 0
    """Processes that were killed."""
    mails: int = 0
    """Messages that the server took."""
    twice: int = 0
    """Messages that it took more than once."""
    lost: int = 0
    """Enrollments that neither ended nor say what is wrong with them, or whose messages are not all accounted for."""
    ambiguous: int = 0
    """Messages of which nobody knew whether they were sent, shown as such."""
    of_those_sent: int = 0
    """Of the ambiguous, those that were."""
    unfinished: int = 0
    """Enrollments that did not come to their end, also after their unknown was resolved by name."""

    def into(self, report: Report, where: str) -> None:
        """Count, and hold the promises."""
        report.count(**{f"{where}_{name}": value for name, value in vars(self).items()})
        for promise in ("twice", "lost", "unfinished"):
            found = getattr(self, promise)
            report.hold(f"nothing is {promise} on {where}", holds=found == 0, found=found)


def campaign_kills(arena: Arena) -> Report:
    """Kill campaigns at every durable step, on SQLite and PostgreSQL: nothing is sent twice, nobody is lost."""
    report = Report()
    configuration = Settings(state_dir=arena.fleet.directory / "campaign-kills")
    with new_postgresql() as url:
        kinds = {"sqlite": configuration, "postgresql": configuration.model_copy(update={"database_url": url})}
        for where, settings in kinds.items():
            upgrade(settings)
            sweep(settings, points=BOUNDARIES, every=1 if arena.runs >= SWEPT_AT_RUNS else STRIDE).into(report, where)
    return report


def sweep(settings: Settings, *, points: Collection[str], every: int = 1) -> Sweep:
    """Kill a campaign at each of its points in a database of the newest revision; return what came of it.

    Args:
        settings: Names the database.
        points: Kinds of points.
        every: 1 for all of them; n for each n-th, which is faster.
    """
    swept, sink = Sweep(), MailSink()
    with smtp_server(sink) as server:
        life = Life(settings, server, tells=False, points=points, dies_at=None)
        for number in range(0, MOST_POINTS, every):
            key = asyncio.run(_begin(settings, number))
            dying = replace(life, dies_at=number, tells=number // every % 2 == 0)
            is_through = _lives(dying)
            swept.kills += not is_through
            if not is_through:
                assert _lives(replace(dying, dies_at=None)), "a process that nobody kills comes to the end"
            asyncio.run(_judge(dying, key, sink, swept))
            if is_through:
                break
    taken = Counter(message_from_bytes(raw)["Message-ID"] for raw in sink.taken)
    swept.mails, swept.twice = len(taken), sum(count > 1 for count in taken.values())
    return swept


def _lives(life: Life) -> bool:
    """Let a process live; False: it was killed."""
    process = _PROCESSES.Process(target=live, args=(life,))
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}, f"the process ended with {process.exitcode}"
    return process.exitcode == 0


async def _begin(settings: Settings, number: int) -> Key:
    """Begin a campaign with a mailbox of its own and one person, of whom an absence note waits to be read."""
    campaign_id, email = CampaignId(f"kill-{number}"), f"person{number}@example.com"
    consent = {"consent_basis": "consent", "consent_source": "a fair", "consent_at": NOW}
    mailbox = {"address": f"ann{number}@sales.example", "postal_address": "1 Main Street"}
    plan = CampaignPlan.model_validate({**PLAN, "mailboxes": [campaign_id]}).model_dump(mode="json")
    async with open_database(settings) as database, database.writing() as connection:
        contact_id = await add_contact(
            connection, {"email": email, "email_hash": email_hash(email), **consent}, now=NOW
        )
        assert contact_id is not None
        await add_mailbox(connection, MailboxId(campaign_id), mailbox, now=NOW)
        await add_campaign(connection, campaign_id, name="Kill", plan=plan, now=NOW)
        await move_campaign(connection, campaign_id, expected=("draft",), to="running", now=NOW)
        await enroll(connection, campaign_id, contact_id, wake_at=NOW, now=NOW)
        note = {"source": "test", "kind": "auto_reply", "contact_id": contact_id, "received_at": NOW}
        await add_inbound(connection, f"note-{number}", {**note, "text": "I am out of the office."}, now=NOW)
    return campaign_id, contact_id


async def _judge(life: Life, key: Key, sink: MailSink, swept: Sweep) -> None:
    """Look at how the person's way ended; say by name what became of an unknown, and let it go on."""
    async with open_database(life.settings) as database:
        while (state := await _state(database, key, swept)) == "parked":
            swept.ambiguous += 1
            swept.of_those_sent += await _resolve(database, key, sink)
            assert await asyncio.to_thread(_lives, replace(life, dies_at=None))
        swept.unfinished += state not in {"finished", "stopped"}


async def _state(database: Database, key: Key, swept: Sweep) -> str:
    async with database.reading() as connection:
        row = await enrollment(connection, *key)
        assert row is not None
        found = [await touch(connection, touch_key(*key, step)) for step in range(STEPS)]
    states = [one.state for one in found if one is not None]
    is_explained = {
        "finished": len(states) == STEPS and set(states) <= {"sent"},
        "parked": states.count("ambiguous") == 1 and bool(row.reason),
        "stopped": bool(row.reason),
    }
    swept.lost += not is_explained.get(row.state, False)
    return row.state


async def _resolve(database: Database, key: Key, sink: MailSink) -> bool:
    """Look into the mail server for the message, as a person would; return whether it is there."""
    async with database.reading() as connection:
        rows = [await touch(connection, touch_key(*key, step)) for step in range(STEPS)]
    (row,) = [one for one in rows if one is not None and one.state == "ambiguous"]
    is_sent = any(message_from_bytes(raw)["Message-ID"] == row.message_id for raw in sink.taken)
    await resolve(database, touch_key(*key, row.step), "sent" if is_sent else "failed", by="Ann", now=NOW)
    return is_sent
