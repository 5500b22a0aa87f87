"""Let the month of a campaign pass on several workers at once, and check every message and every hour of it.

The clock stands still while anybody is due or visited, and is then put forward to the minute of the next wake; so a
month takes the time that its visits take.

With wide mailboxes the calendar is the one that `rehearse` foretold, each message of each person to the minute,
whatever the workers did beside each other. With narrow ones it cannot be: who of those that are due at one moment gets
the turn is decided by who is faster, as on every fleet with more than one worker. There the rules alone are held:
caps, ramp-up, spacing, hours, order, and that everybody gets everything once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update

from agentic_sales.campaigns.visits.clock import ClockFile
from agentic_sales.contracts import MailboxId
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import EnrollmentRow, enrollment_counts
from agentic_sales.store.database import Database
from agentic_sales.store.mailboxes import add_mailbox
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.touches import TouchRow, touches
from tests.chaos.arena import Arena
from tests.chaos.month_rules import Limits, broken_rules
from tests.chaos.month_workers import FORKED, PAUSE_S, Place, Workers, be_silent, fleet, processes
from tests.chaos.report import Report
from tests.support.databases import new_postgresql
from tests.support.rehearsals import rehearsal_of
from tests.support.small_campaign import CAMPAIGN, SmallCampaign, small_campaign
from tests.unit.campaigns.test_windows import ZONES

BEGIN = datetime(2026, 3, 16, 6, tzinfo=UTC)
"""A Monday. Berlin and London change their clocks on March 29th, Auckland, Lord Howe and Santiago on April 5th."""
DELAYS = (0, 7, 12)
"""Working days before each message; the third comes after the changes."""
MAILBOXES = [MailboxId("sales"), MailboxId("sales-2"), MailboxId("sales-3")]
WIDE = Limits(closes_minute=9 * 60 + 30)
"""Half an hour a day, so that many are due in one minute."""
FEW, MANY = 24, 1000
"""People of a small chaos run, and of one from which on everything is swept."""
ON_FLEET = 4
"""One of so many of them is on the fleet, whose every visit and every message is a run of its own."""
SECOND_OF_MINUTE = 50
"""Where in its minute a wake is waited for: those of one minute are due together, and none in the next."""
LONGEST_S = 3600.0


def month_rehearsed(arena: Arena) -> Report:
    """Let a month pass on four processes with wide mailboxes: the calendar is the one that was rehearsed."""
    return _month_of(arena, "month-rehearsed", WIDE, processes, people=people_of(arena))


def month_crowded(arena: Arena) -> Report:
    """Let a month pass on four processes whose mailboxes are too narrow for all: each rule holds all the same."""
    people = people_of(arena)
    cap = max(people // 25, 3)
    narrow = Limits(daily_cap=cap, ramp_start=cap // 2, ramp_per_day=max(cap // 8, 1), spacing_s=60.0)
    return _month_of(arena, "month-crowded", narrow, processes, people=people)


def month_on_fleet(arena: Arena) -> Report:
    """Let a month pass on a real fleet, through its queues: the calendar is the one that was rehearsed."""
    return _month_of(arena, "month-on-fleet", WIDE, fleet, people=people_of(arena) // ON_FLEET)


def people_of(arena: Arena) -> int:
    return MANY if arena.is_whole else FEW


Working = Callable[[Place], AbstractContextManager[Workers]]


def _month_of(arena: Arena, name: str, limits: Limits, working: Working, *, people: int) -> Report:
    report = Report()
    report.count(people=people, zones=len({ZONES[number % len(ZONES)] for number in range(people)}))
    report.count(mailboxes=len(MAILBOXES))
    with new_postgresql() as url:
        folder = arena.fleet.directory / name
        folder.mkdir()
        place = Place(Settings(database_url=url, state_dir=folder), ClockFile(folder / "clock"))
        upgrade(place.settings)
        asyncio.run(_month(place, limits, working, report, people=people, tell=arena.tell))
    return report


async def _month(
    place: Place, limits: Limits, working: Working, report: Report, *, people: int, tell: Callable[[str], None]
) -> None:
    begun_at_s = time.monotonic()
    async with small_campaign(place.settings, plan=plan_of(limits), **mailbox_of(limits)) as campaign:
        zones = await enroll_people(campaign, limits, people)
        place.clock.forward_to(BEGIN)
        with ProcessPoolExecutor(1, mp_context=FORKED) as beside:
            told = beside.submit(rehearsed, place.settings, people) if limits is WIDE else None
            with working(place) as workers:
                steps = await drive(campaign.database, place.clock, workers, tell)
                visits = workers.visits
            passed_s = time.monotonic() - begun_at_s
            if told is not None:
                _compare(told.result(), await sent_in(campaign.database), report)
        sent, standing = await sent_in(campaign.database), await standing_in(campaign.database)
        mails = len(campaign.mails())
    broken = list(broken_rules(sent, zones, limits, DELAYS))
    per_mail = round(visits() / max(mails, 1), 1)
    report.count(mails=mails, visits_per_mail=per_mail, clock_steps=steps, rules_broken=len(broken), s=round(passed_s))
    report.hold("no rule is broken", holds=not broken, found=broken[:5])
    is_whole = standing == {("finished", "every message was sent"): people} and mails == len(DELAYS) * people
    report.hold("everybody gets everything", holds=is_whole, found=(standing, mails))


def rehearsed(settings: Settings, people: int) -> dict[tuple[str, int], datetime]:
    """Foretell the calendar, as a process of its own: when each step goes to each person."""
    be_silent()
    told = rehearsal_of(settings, CAMPAIGN, people=people, start_at=BEGIN)
    return {(one.to_email, one.step): one.at for one in told}


def _compare(foretold: Mapping[tuple[str, int], datetime], sent: Sequence[TouchRow], report: Report) -> None:
    happened = {(row.to_email, row.step): row.dispatched_at for row in sent}
    apart = [key for key in foretold.keys() | happened.keys() if not _is_same(foretold.get(key), happened.get(key))]
    report.count(rehearsed=len(foretold), calendar_differences=len(apart))
    found = [(key, foretold.get(key), happened.get(key)) for key in apart[:3]]
    report.hold("the calendar is the rehearsed one", holds=not apart, found=found)


def plan_of(limits: Limits) -> dict[str, Any]:
    window = {name: f"{minute // 60:02}:{minute % 60:02}:00" for name, minute in _hours(limits).items()}
    return {"steps": [{"delay_days": days} for days in DELAYS], "mailboxes": MAILBOXES, "window": window}


def _hours(limits: Limits) -> dict[str, int]:
    return {"starts": limits.opens_minute, "ends": limits.closes_minute}


def mailbox_of(limits: Limits) -> dict[str, Any]:
    return {name: value for name, value in asdict(limits).items() if not name.endswith("_minute")}


async def enroll_people(campaign: SmallCampaign, limits: Limits, people: int) -> dict[str, str]:
    """Add the other mailboxes, and people of every zone; return the zone of each person."""
    async with campaign.database.writing() as connection:
        for mailbox in MAILBOXES[1:]:
            values = {"address": f"{mailbox}@sales.example", "postal_address": "1 Main Street", **mailbox_of(limits)}
            await add_mailbox(connection, mailbox, values, now=BEGIN)
    zones: dict[str, str] = {}
    for number in range(people):
        zone = ZONES[number % len(ZONES)]
        values = {"first_name": f"P{number}", "time_zone": zone}
        zones[await campaign.person(f"p{number}@example.com", **values)] = zone
    async with campaign.database.writing() as connection:
        await connection.execute(update(EnrollmentRow).values(created_at=BEGIN, wake_at=BEGIN))
    return zones


async def drive(
    database: Database,
    clock: ClockFile,
    workers: Workers,
    tell: Callable[[str], None],
    *,
    at_step: Callable[[datetime], Awaitable[None]] | None = None,
) -> int:
    """Put the clock forward whenever nobody is due or visited, until nobody will be.

    Args:
        database: Knows who is due.
        clock: The clock.
        workers: Whoever makes the visits.
        tell: Takes a line for each day.
        at_step: Is called with each moment that the clock shows next, before it does.

    Returns:
        How often the clock was put forward.
    """
    steps, give_up_at_s = 0, time.monotonic() + LONGEST_S
    # One statement, and so one snapshot: nobody can be claimed between the two questions.
    statement = select(func.min(EnrollmentRow.wake_at), func.count(EnrollmentRow.lease_until_at)).where(
        or_(EnrollmentRow.wake_at.is_not(None), EnrollmentRow.lease_until_at.is_not(None))
    )
    while time.monotonic() < give_up_at_s:
        async with database.reading() as connection:
            wake_at, taken = (await connection.execute(statement)).one()
        if not taken and workers.are_idle():
            if wake_at is None:
                return steps
            if wake_at > (shown := clock.now()):
                if wake_at.date() > shown.date():
                    tell(f"{shown:%a, %b %d} has passed")
                following = max(wake_at, wake_at.replace(second=SECOND_OF_MINUTE, microsecond=0))
                if at_step is not None:
                    await at_step(following)
                clock.forward_to(following)
                steps += 1
        await asyncio.sleep(PAUSE_S)
    raise AssertionError(f"the month has not passed within {LONGEST_S:g} s; it is at {clock.now()}")


async def sent_in(database: Database) -> list[TouchRow]:
    async with database.reading() as connection:
        found = await touches(connection, campaign_id=CAMPAIGN, limit=100_000)
    return sorted((row for row in found if row.state == "sent"), key=lambda row: row.dispatched_at or BEGIN)


async def standing_in(database: Database) -> dict[tuple[str, str], int]:
    async with database.reading() as connection:
        return await enrollment_counts(connection, CAMPAIGN)


def _is_same(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and abs(one - other) < timedelta(minutes=1)
