"""Let a campaign pass on a real fleet by a clock that is put forward, as the second act of the demo.

All else is as in production. The campaign is made over HTTP. Beat ticks, core visits and the email pool writes. The
send door sends into a maildir, and a reply is read from a mail. One process of core is killed at work on a person.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from email.message import EmailMessage
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import parse_mail
from agentic_sales.campaigns.visits.clock import ClockFile
from agentic_sales.client import Client, LangGraphError
from agentic_sales.contracts import CampaignId, ContactId, TouchState
from agentic_sales.local.supervisor import FleetFailed
from agentic_sales.local.world.companies import load_companies
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import EnrollmentRow, campaign, enrollments
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.touches import TouchRow, touches
from agentic_sales.store.visits import next_wake_at, taken

CAMPAIGN = CampaignId("spring")
ZONES = {
    "northwind-signals": "Europe/Berlin",
    "saltbridge-analytics": "Europe/London",
    "oakenvale-health": "America/New_York",
}
"""Companies of the sample world, by their files, whose first person is written to, and where each of them is."""
WHO_ANSWERS = "saltbridge-analytics"
ANSWER = "Sounds interesting, can we have a call next week?"
MAILBOX = {"mailbox_id": "sales", "address": "ann@acme.example", "postal_address": "1 Main Street, Springfield"}
STEPS: list[dict[str, Any]] = [{}, {"delay_days": 3}, {"delay_days": 4}]
PLAN = {"mailboxes": ["sales"], "steps": STEPS, "needs_approval": False}
ANSWERS_AFTER = timedelta(minutes=40)
TICK_S = 0.5
"""Seconds between two ticks. Nobody waits for days to pass, so beat ticks more often than a real campaign needs."""
LONGEST_S = 120.0
_POLL_S = 0.01
_SENT: tuple[TouchState, ...] = ("sent",)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person who is written to."""

    email: str
    name: str
    company: str
    zone: str
    """Time zone."""
    answers: bool
    """The first mail is answered."""


@cache
def recipients() -> Mapping[str, Recipient]:
    """Return the people of the campaign by their addresses."""
    companies = load_companies().by_file
    found = [(file, zone, companies[file], companies[file].people[0]) for file, zone in ZONES.items()]
    return {
        person.email: Recipient(person.email, person.name, company.name, zone, file == WHO_ANSWERS)
        for file, zone, company, person in found
        if person.email
    }


@dataclass(frozen=True, slots=True)
class Killed:
    """A process that was killed at work."""

    pid: int
    """The process."""
    run_id: str
    """The visit that it was making."""


@dataclass(frozen=True, slots=True)
class Story:
    """The outcome of the campaign."""

    campaign: Mapping[str, Any]
    """Its state as the facade describes it."""
    touches: list[Mapping[str, Any]]
    """Its messages as the facade lists them."""
    mails: int
    """Mails in the maildir."""
    killed: Killed | None
    """The process that was killed, or None."""

    @property
    def tries(self) -> int:
        """How often a message was tried to be sent."""
        return sum(touch["attempts"] for touch in self.touches)

    @property
    def interested(self) -> int:
        """How many answers were understood as interested."""
        return sum(variant["shares"]["interested"]["count"] for variant in self.campaign["variants"])


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
    clock.forward_to(datetime.combine(monday, time(6), UTC))
    return clock


async def play(client: Client, state_dir: Path, clock: ClockFile) -> Story:
    """Make the campaign and let its days pass.

    Raises:
        LangGraphError: The facade refused something.
        FleetFailed: The campaign did not come to its end.
    """
    await asyncio.to_thread(_make, client)
    async with open_database(Settings(state_dir=state_dir, database_url=None)) as database:
        days = _Days(client, database, clock)
        try:
            async with asyncio.timeout(LONGEST_S):
                await days.go_by()
        except TimeoutError as exc:
            raise FleetFailed(f"the campaign had not ended after {LONGEST_S:g} s: {await days.standing()}") from exc
    campaign = await asyncio.to_thread(client.ask, "GET", f"/campaigns/{CAMPAIGN}")
    written = await asyncio.to_thread(client.ask, "GET", f"/campaigns/{CAMPAIGN}/touches")
    return Story(campaign, written, len(list((state_dir / "mail" / "new").iterdir())), days.killed)


def _make(client: Client) -> None:
    client.ask("POST", "/campaigns/mailboxes", MAILBOX)
    client.ask("POST", "/campaigns", {"campaign_id": CAMPAIGN, "plan": PLAN})
    lines = [f"{told.email},{told.name},{told.company},{told.zone}\n" for told in recipients().values()]
    people = "email,name,company,time zone\n" + "".join(lines)
    client.ask("POST", f"/campaigns/{CAMPAIGN}/import?basis=consent&source=a%20fair", people.encode())
    client.ask("POST", f"/campaigns/{CAMPAIGN}/start")


class _Days:
    """Puts the clock forward whenever nobody is at work. It answers one mail and kills one process."""

    def __init__(self, client: Client, database: Database, clock: ClockFile) -> None:
        self.killed: Killed | None = None
        self._client, self._database, self._clock = client, database, clock
        self._has_answered = False

    async def go_by(self) -> None:
        """Return after the last visit."""
        while True:
            async with self._database.reading() as connection:
                visits, wake_at = await taken(connection, limit=len(ZONES)), await next_wake_at(connection)
            if visits:
                await self._kill_who_makes_one_of(visits)
            elif wake_at is None:
                if await self._is_finished():
                    return
            elif wake_at > self._clock.now() and not await self._answer():
                self._clock.forward_to(wake_at)
            await asyncio.sleep(_POLL_S)

    async def _is_finished(self) -> bool:
        async with self._database.reading() as connection:
            found = await campaign(connection, CAMPAIGN)
        return found is not None and found.state == "finished"

    async def standing(self) -> str:
        """Tell the state of every person."""
        async with self._database.reading() as connection:
            rows = await enrollments(connection, CAMPAIGN, limit=len(ZONES))
        return "; ".join(f"{row.state} at step {row.step}: {row.reason or 'no reason'}" for row in rows)

    async def _answer(self) -> bool:
        """Let a person answer the first mail soon after it was sent. Return whether that was now."""
        mine = [row for row in await self._sent() if recipients()[row.to_email].answers]
        if self._has_answered or not mine:
            return False
        self._clock.forward_to(self._clock.now() + ANSWERS_AFTER)
        event = parse_mail(_reply_to(mine[0]), source="imap:sales", received_at=self._clock.now())
        async with self._database.writing() as connection:
            await record(connection, event, now=self._clock.now())
        self._has_answered = True
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
            still = [row.run_id for row in await taken(connection, limit=len(ZONES))]
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


def told(story: Story) -> Iterator[Table | str]:
    """Tell the campaign to a person, with a calendar, the answers and the killed process."""
    table = Table("local time", "to", "step", "subject", title="A campaign, its days put forward", title_justify="left")
    for touch in sorted(story.touches, key=lambda row: str(row["sent_at"])):
        reader = recipients()[touch["to_email"]]
        when = datetime.fromisoformat(touch["sent_at"]).astimezone(ZoneInfo(reader.zone))
        table.add_row(f"{when:%a %Y-%m-%d %H:%M %Z}", reader.name, str(touch["step"]), touch["subject"])
    yield table
    people, reasons = story.campaign["people"], ", ".join(story.campaign["reasons"]) or "no reason"
    answering = ", ".join(told.name for told in recipients().values() if told.answers)
    yield f"{answering} answered “{ANSWER}”: {story.interested} is interested"
    yield f"{people.get('finished', 0)} got every message; {people.get('stopped', 0)} was stopped: {reasons}"
    if story.killed:
        yield f"process {story.killed.pid} of core was killed during run {story.killed.run_id}; the next one went on"
    yield f"{story.mails} mails in the maildir, for {len(story.touches)} messages in {story.tries} tries"


def wrong(story: Story) -> list[str]:
    """Say why the campaign is not a success. An empty answer means that it is one."""
    sent = Counter(touch["to_email"] for touch in story.touches if touch["state"] == "sent")
    expected = {email: 1 if told.answers else len(STEPS) for email, told in recipients().items()}
    checks = {
        f"the campaign is `{story.campaign['state']}`": story.campaign["state"] == "finished",
        f"the messages that were sent are {dict(sent)} and not {expected}": sent == expected,
        f"{story.tries} tries and {story.mails} mails for {sent.total()} messages": (
            story.tries == story.mails == sent.total()
        ),
        f"{story.interested} answers were understood as interested, and not one": story.interested == 1,
        "no process was killed at work": story.killed is not None,
    }
    return [reason for reason, holds in checks.items() if not holds]
