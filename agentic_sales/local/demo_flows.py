"""Let two flows pass on a real fleet by a clock that is put forward, as the second act of the demo.

All else is as in production. The rounds are begun over HTTP. Beat ticks, core visits, discovery and classify look, and
the email pool writes. Every message is approved. The send door sends into a maildir, and a reply is read from a mail.
One process of core is killed at work on a person.
"""

import asyncio
import os
import secrets
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from email.message import EmailMessage
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from opentelemetry import trace as otel
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from redis.asyncio import Redis

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import parse_mail
from agentic_sales.campaigns.visits.clock import ClockFile
from agentic_sales.client import Client, LangGraphError
from agentic_sales.contracts import ContactId, RunId, TouchState
from agentic_sales.local.fleet import LocalFleet
from agentic_sales.local.supervisor import FleetFailed
from agentic_sales.runs.ledger import RUN_PREFIX, Ledger, RunRecord
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import EnrollmentRow, campaigns
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.touches import TouchRow, touches
from agentic_sales.store.visits import next_wake_at, taken

ROUNDS: Mapping[str, Mapping[str, Any]] = {
    "hiring": {"limit": 3},
    "open_source": {"limit": 2, "input": {"topics": ["rag"]}},
}
"""By flow: settings of its round. The limits keep the demo short."""
APPROVER = "Ann"
ANSWER = "Sounds interesting, can we have a call next week?"
MAILBOX = {"mailbox_id": "sales", "address": "ann@acme.example", "postal_address": "1 Main Street, Springfield"}
INTERESTED = "interested"
ANSWERS_AFTER = timedelta(minutes=40)
TICK_S = 0.5
"""Seconds between two ticks. Nobody waits for days to pass, so beat ticks more often than a real campaign needs."""
LONGEST_S = 150.0
_POLL_S, _SLOW_POLL_S = 0.01, 0.2
_MOST_VISITS = 100
_SENT: tuple[TouchState, ...] = ("sent",)


@dataclass(frozen=True, slots=True)
class Killed:
    """A process that was killed at work."""

    pid: int
    """The process."""
    run_id: str
    """The visit that it was making."""


@dataclass(frozen=True, slots=True)
class Story:
    """The results of the flows."""

    leads: Mapping[str, Sequence[Mapping[str, Any]]]
    """By flow: its leads as the facade lists them."""
    reports: Mapping[str, Mapping[str, Any]]
    """By flow: its lessons, as the facade tells them."""
    touches: Sequence[Mapping[str, Any]]
    """The messages as the facade lists them."""
    answered: str
    """Address of the person that answered."""
    approved: int
    """Messages that were approved."""
    mails: int
    """Mails in the maildir."""
    killed: Killed | None
    """The process that was killed, or None."""
    runs: Sequence[RunRecord]
    """Every run of the trace."""

    @property
    def written_to(self) -> list[Mapping[str, Any]]:
        """Return the leads whose people are in a campaign."""
        return [lead for found in self.leads.values() for lead in found if lead["stage"] == "enrolled"]

    @property
    def tries(self) -> int:
        """Return how often a message was tried to be sent."""
        return sum(touch["attempts"] for touch in self.touches)


def environment(clock: ClockFile) -> dict[str, str | None]:
    """Return the environment that makes a fleet follow a clock and keep its mail in its folder."""
    return {
        "AGENTIC_SALES_VIRTUAL_CLOCK": str(clock.path),
        "AGENTIC_SALES_CAMPAIGN_TICK_S": str(TICK_S),
        "AGENTIC_SALES_MAIL": None,
        "AGENTIC_SALES_IMAP": None,
    }


def clock_in(folder: Path) -> ClockFile:
    """Make a clock that shows the morning of the next Monday."""
    clock, today = ClockFile(folder / "clock"), datetime.now(UTC).date()
    monday = today + timedelta(days=7 - today.weekday())
    clock.forward_to(datetime.combine(monday, time(9), UTC))
    return clock


@contextmanager
def one_trace() -> Iterator[str]:
    """Let everything that the body asks for belong to one trace. Yield the id of the trace."""
    ids = int(secrets.token_hex(16), 16), int(secrets.token_hex(8), 16)
    context = SpanContext(*ids, is_remote=False, trace_flags=TraceFlags(0))
    with otel.use_span(NonRecordingSpan(context)):
        yield otel.format_trace_id(context.trace_id)


async def begin(client: Client) -> None:
    """Make the mailbox and begin a round of each flow.

    Raises:
        LangGraphError: The facade refused something.
    """
    await _ask(client, "POST", "/campaigns/mailboxes", MAILBOX)
    for flow_id, order in ROUNDS.items():
        given = {"round": _round_of(flow_id), "mailbox_id": MAILBOX["mailbox_id"], "promote_by": APPROVER}
        await _ask(client, "POST", f"/flows/{flow_id}/run", {**given, **order})


async def play(client: Client, fleet: LocalFleet, clock: ClockFile, trace_id: str) -> Story:
    """Let the days pass of the people whom the flows find.

    Raises:
        LangGraphError: The facade refused something.
        FleetFailed: The flows did not come to their end.
    """
    folder = fleet.plan.state_dir
    async with open_database(Settings(state_dir=folder, database_url=None)) as database:
        days = _Days(client, database, clock)
        try:
            async with asyncio.timeout(LONGEST_S):
                await days.go_by()
        except TimeoutError as exc:
            raise FleetFailed(f"the flows had not ended after {LONGEST_S:g} s: {await days.standing()}") from exc
    return Story(
        leads={flow_id: await _ask(client, "GET", f"/flows/{flow_id}/leads") for flow_id in ROUNDS},
        reports={flow_id: await _ask(client, "GET", f"/flows/{flow_id}/report") for flow_id in ROUNDS},
        touches=await days.messages(),
        answered=days.answered,
        approved=days.approved,
        mails=len(list((folder / "mail" / "new").iterdir())),
        killed=days.killed,
        runs=await _runs_of(fleet.redis_url, trace_id),
    )


def _round_of(flow_id: str) -> str:
    return f"{flow_id}-demo"


async def _ask(client: Client, method: str, path: str, body: Any = None) -> Any:
    return await asyncio.to_thread(client.ask, method, path, body)


async def _runs_of(redis_url: str, trace_id: str) -> list[RunRecord]:
    async with Redis.from_url(redis_url) as redis:
        ids = [RunId(key.decode().removeprefix(RUN_PREFIX)) async for key in redis.scan_iter(f"{RUN_PREFIX}*")]
        records = await Ledger(redis, ttl_s=1).load_all(ids)
    return sorted((run for run in records if run.trace_id == trace_id), key=lambda run: run.created_at_s)


class _Days:
    """Puts the clock forward whenever nobody is at work. It approves, answers one mail and kills one process."""

    def __init__(self, client: Client, database: Database, clock: ClockFile) -> None:
        self.killed: Killed | None = None
        self.answered = ""
        self.approved = 0
        self._client, self._database, self._clock = client, database, clock

    async def go_by(self) -> None:
        """Return after the last visit and the last outcome."""
        while not await self._have_found():  # noqa: ASYNC110 - no event crosses
            await asyncio.sleep(_SLOW_POLL_S)
        while True:
            async with self._database.reading() as connection:
                visits, wake_at = await taken(connection, limit=_MOST_VISITS), await next_wake_at(connection)
            if visits:
                await self._kill_who_makes_one_of(visits)
                await asyncio.sleep(_POLL_S)
                continue
            if await self._approve() or await self._answer():
                continue
            if wake_at is not None and wake_at > self._clock.now():
                self._clock.forward_to(wake_at)
            elif await self._is_over():
                return
            await asyncio.sleep(_SLOW_POLL_S)

    async def messages(self) -> list[dict[str, Any]]:
        """Return the messages of the flows' campaigns."""
        joined = sorted({str(lead["campaign_id"]) for lead in await self._leads() if lead["campaign_id"]})
        paths = [f"/campaigns/{quote(campaign)}/touches" for campaign in joined]
        return [touch for path in paths for touch in await _ask(self._client, "GET", path)]

    async def standing(self) -> str:
        """Tell the state of every lead."""
        return "; ".join(f"{lead['name']} is {lead['stage']}: {lead['reason']}" for lead in await self._leads())

    async def _leads(self) -> list[Mapping[str, Any]]:
        return [lead for flow_id in ROUNDS for lead in await _ask(self._client, "GET", f"/flows/{flow_id}/leads")]

    async def _have_found(self) -> bool:
        reports = [await _ask(self._client, "GET", f"/flows/{_round_of(flow_id)}/report") for flow_id in ROUNDS]
        for report in reports:
            if report["state"] == "failed":
                raise FleetFailed(f"round `{report['round_id']}` failed: {report['reason']}")
        return all(report["state"] == "finished" for report in reports)

    async def _is_over(self) -> bool:
        """Tell whether every person is through, and the answer is known as the outcome of its lead."""
        if not self.answered:
            return False
        async with self._database.reading() as connection:
            found = await campaigns(connection)
        if not found or any(row.state != "finished" for row in found):
            return False
        return any(lead["outcome"] == INTERESTED for lead in await self._leads())

    async def _approve(self) -> bool:
        """Approve the messages that wait for a word. Return whether there was one."""
        questions = await _ask(self._client, "GET", "/campaigns/approvals")
        for question in questions:
            word = {"decision": "approve", "digest": question["digest"], "by": APPROVER}
            await _ask(self._client, "POST", f"/campaigns/approvals/{question['approval_id']}", word)
        self.approved += len(questions)
        return bool(questions)

    async def _answer(self) -> bool:
        """Let the person of the best lead answer the first mail soon after it. Return whether that was now."""
        if self.answered:
            return False
        best = next((lead["contact_id"] for lead in await self._leads() if lead["contact_id"]), None)
        mine = [row for row in await self._sent() if row.contact_id == best]
        if not mine:
            return False
        self._clock.forward_to(self._clock.now() + ANSWERS_AFTER)
        event = parse_mail(_reply_to(mine[0]), source="imap:sales", received_at=self._clock.now())
        async with self._database.writing() as connection:
            await record(connection, event, now=self._clock.now())
        self.answered = mine[0].to_email
        return True

    async def _sent(self) -> list[TouchRow]:
        async with self._database.reading() as connection:
            return await touches(connection, states=_SENT)

    async def _kill_who_makes_one_of(self, visits: list[EnrollmentRow]) -> None:
        """Kill the process of a visit after the first message, unless it has gone through the send door.

        The process is stopped first, so that its observed state still holds at the kill. A kill in the door would leave
        an ambiguous mail. Only a person can find out whether that was sent, and a demo has none.
        """
        if self.killed is not None or not await self._sent():
            return
        for visit in visits:
            pid = await self._pid_of(str(visit.run_id))
            if pid is None or not _signalled(pid, signal.SIGSTOP):
                continue
            is_at_work = False
            try:
                is_at_work = await self._pid_of(str(visit.run_id)) == pid and await self._is_before_the_door(visit)
            finally:  # nobody but us would let it go on
                _signalled(pid, signal.SIGKILL if is_at_work else signal.SIGCONT)
            if is_at_work:
                self.killed = Killed(pid, str(visit.run_id))
                return

    async def _pid_of(self, run_id: str) -> int | None:
        """Return the process that executes a run now, or None."""
        try:
            run = await asyncio.to_thread(self._client.ask, "GET", f"/runs/{run_id}")
        except LangGraphError as exc:
            if exc.status == HTTPStatus.NOT_FOUND:  # it is claimed, and not submitted yet
                return None
            raise
        return int(run["worker"].rpartition("/")[2]) if run["status"] == "running" else None

    async def _is_before_the_door(self, visit: EnrollmentRow) -> bool:
        async with self._database.reading() as connection:
            still = [row.run_id for row in await taken(connection, limit=_MOST_VISITS)]
            written = await touches(connection, contact_id=ContactId(visit.contact_id))
        return visit.run_id in still and all(row.state in {"sent", "pending"} for row in written)


def _signalled(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _reply_to(touch: TouchRow) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = touch.to_email, MAILBOX["address"], f"Re: {touch.subject}"
    mail["Message-ID"], mail["In-Reply-To"] = "<answer@example.net>", touch.message_id
    mail.set_content(f"{ANSWER}\n\n> {touch.text.splitlines()[0]}\n")
    return mail.as_bytes()
