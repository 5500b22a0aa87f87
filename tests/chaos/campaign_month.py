"""Let the month of a campaign pass on several processes at once, and check every message and every hour of it.

Each process ticks for itself, claims its share of who is due and makes those visits; they have one PostgreSQL
database, its checkpoints, and one clock file in common. The clock stands still while anybody is due or visited, and
is then put forward to the minute of the next wake; so a month takes the time that its visits take.

The month passes twice. With wide mailboxes its calendar is the one that `rehearse` foretold, each message of each
person to the minute, whatever the processes did beside each other. With narrow ones it cannot be: who of those that
are due at one moment gets the turn is decided by who is faster, as on every fleet with more than one worker. There
the rules alone are held: caps, ramp-up, spacing, hours, order, and that everybody gets everything once.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import func, or_, select, update

from agentic_sales.campaigns.clock import ClockFile
from agentic_sales.campaigns.surroundings import rehearsing
from agentic_sales.campaigns.tick import CAMPAIGN as GRAPH
from agentic_sales.campaigns.tick import tick
from agentic_sales.campaigns.transports.maildir import MaildirTransport
from agentic_sales.contracts import MailboxId
from agentic_sales.control import control_plane
from agentic_sales.dev.in_process import sub_runs_in_process
from agentic_sales.dev.rehearsal import InProcessFleet
from agentic_sales.dev.rehearse import rehearse_campaign
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import EnrollmentRow, enrollment_counts
from agentic_sales.store.database import Database, as_current, open_database
from agentic_sales.store.mailboxes import add_mailbox
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.touches import TouchRow, touches
from agentic_sales.workers.checkpoints import open_checkpoints
from agentic_sales.workers.loader import load_graph
from tests.chaos.arena import Arena
from tests.chaos.month_rules import Limits, broken_rules
from tests.chaos.report import Report
from tests.databases import new_postgresql
from tests.small_campaign import CAMPAIGN, SmallCampaign, small_campaign
from tests.unit.test_windows import ZONES

BEGIN = datetime(2026, 3, 16, 6, tzinfo=UTC)
"""A Monday. Berlin and London change their clocks on March 29th, Auckland, Lord Howe and Santiago on April 5th."""
DELAYS = (0, 7, 12)
"""Working days before each message; the third comes after the changes."""
MAILBOXES = [MailboxId("sales"), MailboxId("sales-2"), MailboxId("sales-3")]
WIDE = Limits(closes_minute=9 * 60 + 30)
"""Half an hour a day, so that many are due in one minute."""
PROCESSES = 4
FEW, MANY = 24, 1000
"""People of a small chaos run, and of one from which on everything is swept."""
SWEPT_AT_RUNS = 200
SHARE = 4
"""Visits that a process claims at a time: few, so that the others get theirs."""
PAUSE_S = 0.02
SECOND_OF_MINUTE = 50
"""Where in its minute a wake is waited for: those of one minute are due together, and none in the next."""
LONGEST_S = 1800.0
_PROCESSES = get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__, "agentic_sales.graphs.campaign", "agentic_sales.graphs.email_outreach"])


@dataclass(frozen=True)
class Place:
    """What the processes of a month have in common."""

    settings: Settings
    """Names the store."""
    clock: ClockFile
    """Shows the present."""
    mail: Path
    """The maildir."""


def campaign_month(arena: Arena) -> Report:
    """Let a month pass on four processes: no rule is broken, and the calendar is the one that was rehearsed."""
    report, people = Report(), MANY if arena.runs >= SWEPT_AT_RUNS else FEW
    report.count(people=people, zones=len(ZONES), mailboxes=len(MAILBOXES), processes=PROCESSES)
    for name, limits in (("wide", WIDE), ("narrow", _narrow(people))):
        with new_postgresql() as url:
            folder = arena.fleet.directory / f"month-{name}"
            folder.mkdir()
            settings = Settings(database_url=url, state_dir=folder)
            upgrade(settings)
            asyncio.run(_month(Place(settings, ClockFile(folder / "clock"), folder / "mail"), limits, people, report))
    return report


def _narrow(people: int) -> Limits:
    """Let a mailbox need several days for the people that it writes to."""
    cap = max(people // 25, 3)
    return Limits(daily_cap=cap, ramp_start=cap // 2, ramp_per_day=max(cap // 8, 1), spacing_s=60.0)


async def _month(place: Place, limits: Limits, people: int, report: Report) -> None:
    name = "wide" if limits is WIDE else "narrow"
    begun_at_s = time.monotonic()
    async with small_campaign(place.settings, plan=_plan(limits), **_mailbox(limits)) as campaign:
        zones = await _enroll(campaign, limits, people)
        place.clock.forward_to(BEGIN)
        with ProcessPoolExecutor(1, mp_context=_PROCESSES) as beside:
            told = beside.submit(rehearsed, place.settings, people) if limits is WIDE else None
            with _working(place) as visits:
                steps = await _drive(campaign.database, place.clock)
            passed_s = time.monotonic() - begun_at_s
            if told is not None:
                _compare(told.result(), await _sent(campaign.database), report)
        sent, standing = await _sent(campaign.database), await _standing(campaign.database)
        mails = len(campaign.mails())
    broken = list(broken_rules(sent, zones, limits, DELAYS))
    counts = {
        "mails": mails,
        "visits_per_mail": round(visits() / max(mails, 1), 1),
        "clock_steps": steps,
        "rules_broken": len(broken),
        "s": round(passed_s),
    }
    report.count(**{f"{name}_{what}": value for what, value in counts.items()})
    report.hold(f"no rule is broken ({name})", holds=not broken, found=broken[:5])
    is_whole = standing == {("finished", "every message was sent"): people} and mails == len(DELAYS) * people
    report.hold(f"everybody gets everything ({name})", holds=is_whole, found=(standing, mails))


def rehearsed(settings: Settings, people: int) -> dict[tuple[str, int], datetime]:
    """Foretell the calendar, as a process of its own: when each step goes to each person."""
    _be_silent()
    told = rehearse_campaign(settings, CAMPAIGN, people=people, start_at=BEGIN)
    return {(one.to_email, one.step): one.at for one in told}


def _compare(foretold: Mapping[tuple[str, int], datetime], sent: Sequence[TouchRow], report: Report) -> None:
    happened = {(row.to_email, row.step): row.dispatched_at for row in sent}
    apart = [key for key in foretold.keys() | happened.keys() if not _is_same(foretold.get(key), happened.get(key))]
    report.count(rehearsed=len(foretold), calendar_differences=len(apart))
    found = [(key, foretold.get(key), happened.get(key)) for key in apart[:3]]
    report.hold("the calendar is the rehearsed one", holds=not apart, found=found)


def _plan(limits: Limits) -> dict[str, Any]:
    window = {name: f"{minute // 60:02}:{minute % 60:02}:00" for name, minute in _hours(limits).items()}
    return {"steps": [{"delay_days": days} for days in DELAYS], "mailboxes": MAILBOXES, "window": window}


def _hours(limits: Limits) -> dict[str, int]:
    return {"starts": limits.opens_minute, "ends": limits.closes_minute}


def _mailbox(limits: Limits) -> dict[str, Any]:
    return {name: value for name, value in asdict(limits).items() if not name.endswith("_minute")}


async def _enroll(campaign: SmallCampaign, limits: Limits, people: int) -> dict[str, str]:
    """Add the other mailboxes, and people of every zone; return the zone of each person."""
    async with campaign.database.writing() as connection:
        for mailbox in MAILBOXES[1:]:
            values = {"address": f"{mailbox}@sales.example", "postal_address": "1 Main Street", **_mailbox(limits)}
            await add_mailbox(connection, mailbox, values, now=BEGIN)
    zones: dict[str, str] = {}
    for number in range(people):
        zone = ZONES[number % len(ZONES)]
        values = {"first_name": f"P{number}", "time_zone": zone}
        zones[await campaign.person(f"p{number}@example.com", **values)] = zone
    async with campaign.database.writing() as connection:
        await connection.execute(update(EnrollmentRow).values(created_at=BEGIN, wake_at=BEGIN))
    return zones


@contextmanager
def _working(place: Place) -> Iterator[Any]:
    """Let the processes work for as long as the context lasts; yield how many visits they made, known at its end."""
    done, made = _PROCESSES.Event(), _PROCESSES.Value("i", 0)
    workers = [_PROCESSES.Process(target=work, args=(place, done, made), daemon=True) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    try:
        yield lambda: made.value
    finally:
        done.set()
        with ThreadPoolExecutor(PROCESSES) as threads:
            list(threads.map(lambda worker: worker.join(30), workers))
        ended = [worker.exitcode for worker in workers]
    assert ended == [0] * PROCESSES, f"the processes ended with {ended}"


def work(place: Place, done: Event, made: Any) -> None:
    """Tick and make visits until it is done, as a process of its own."""
    _be_silent()
    visits = asyncio.run(_work(place, done))
    with made.get_lock():
        made.value += visits


def _be_silent() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


async def _work(place: Place, done: Event) -> int:
    visits = 0
    async with open_database(place.settings) as database, open_checkpoints(place.settings) as saver:
        fleet = InProcessFleet(load_graph(control_plane().row(GRAPH), saver).graph)
        with rehearsing(place.clock.now, MaildirTransport(place.mail)), sub_runs_in_process():
            async with as_current(database):
                while not done.is_set():
                    if await _is_anybody_due(database, place.clock.now()):
                        visits += (await tick(database, fleet, now=place.clock.now(), limit=SHARE)).claimed
                    else:
                        await asyncio.sleep(PAUSE_S)
    return visits


async def _is_anybody_due(database: Database, now: datetime) -> bool:
    statement = select(EnrollmentRow.contact_id).where(
        EnrollmentRow.wake_at <= now, EnrollmentRow.lease_until_at.is_(None)
    )
    async with database.reading() as connection:
        return (await connection.execute(statement.limit(1))).first() is not None


async def _drive(database: Database, clock: ClockFile) -> int:
    """Put the clock forward whenever nobody is due or visited, until nobody will be; return how often."""
    steps, give_up_at_s = 0, time.monotonic() + LONGEST_S
    # One statement, and so one snapshot: nobody can be claimed between the two questions.
    statement = select(func.min(EnrollmentRow.wake_at), func.count(EnrollmentRow.lease_until_at)).where(
        or_(EnrollmentRow.wake_at.is_not(None), EnrollmentRow.lease_until_at.is_not(None))
    )
    while time.monotonic() < give_up_at_s:
        async with database.reading() as connection:
            wake_at, taken = (await connection.execute(statement)).one()
        if not taken and wake_at is None:
            return steps
        if not taken and wake_at is not None and wake_at > clock.now():
            clock.forward_to(max(wake_at, wake_at.replace(second=SECOND_OF_MINUTE, microsecond=0)))
            steps += 1
        await asyncio.sleep(PAUSE_S)
    raise AssertionError(f"the month has not passed within {LONGEST_S:g} s; it is at {clock.now()}")


async def _sent(database: Database) -> list[TouchRow]:
    async with database.reading() as connection:
        found = await touches(connection, campaign_id=CAMPAIGN, limit=100_000)
    return sorted((row for row in found if row.state == "sent"), key=lambda row: row.dispatched_at or BEGIN)


async def _standing(database: Database) -> dict[tuple[str, str], int]:
    async with database.reading() as connection:
        return await enrollment_counts(connection, CAMPAIGN)


def _is_same(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and abs(one - other) < timedelta(minutes=1)
