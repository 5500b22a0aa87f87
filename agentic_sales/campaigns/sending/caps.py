"""Decide how much a mailbox may send and when its next turn is. Pure: rows and the present are arguments."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from agentic_sales.campaigns.plan.windows import zone_named
from agentic_sales.store.mailboxes import MailboxRow

FURTHEST_FORECAST = timedelta(days=366)
"""Where a forecast ends, also for a mailbox that may send nothing at all."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a mailbox may send, and how far it has come."""

    daily_cap: int
    """Messages a day, when it is fully ramped up."""
    ramp_start: int | None
    """Messages on the first day. None without ramp-up."""
    ramp_per_day: int
    """How many more on each further day."""
    ramp_from: date | None
    """The first day of the ramp-up. None for the day of the next message."""
    spacing: timedelta
    """Least time between two messages."""
    zone: ZoneInfo
    """Its day is the day of the cap."""
    last_slot_at: datetime | None
    """When a message last took its turn."""
    held_until_at: datetime | None = None
    """Until when the server holds the mailbox, as far as is known. None if it is not held."""
    held_why: str = ""
    """The server's answer."""

    def day_of(self, at: datetime) -> date:
        """Return the mailbox's day at a moment."""
        return at.astimezone(self.zone).date()

    def begun_by(self, at: datetime) -> "Pace":
        """Return the pace after a message of that moment, which begins a ramp-up that has not begun."""
        return self if self.ramp_from is not None else replace(self, ramp_from=self.day_of(at))

    def cap_on(self, day: date) -> int:
        """Return how many messages may be sent on a day."""
        if self.ramp_start is None:
            return self.daily_cap
        days = 0 if self.ramp_from is None else max((day - self.ramp_from).days, 0)
        return min(self.daily_cap, self.ramp_start + days * self.ramp_per_day)


@dataclass(frozen=True, slots=True)
class MailboxTurn:
    """When a mailbox can send its next message."""

    at: datetime
    """The moment. The present means now."""
    why: str
    """Why not earlier, for people. Empty if it can go now."""


def pace_of(row: MailboxRow) -> Pace:
    """Read the pace of a mailbox off its row."""
    return Pace(
        daily_cap=row.daily_cap,
        ramp_start=row.ramp_start,
        ramp_per_day=row.ramp_per_day,
        ramp_from=row.ramp_from,
        spacing=timedelta(seconds=row.spacing_s),
        zone=zone_named(row.time_zone) or ZoneInfo("UTC"),
        last_slot_at=row.last_slot_at,
        held_until_at=row.held_until_at,
        held_why=row.held_why,
    )


def next_turn(pace: Pace, taken_today: int, now: datetime) -> MailboxTurn:
    """Return when the next message can go, if no other takes the turn.

    Args:
        pace: The mailbox's pace.
        taken_today: Messages that count against the cap of the mailbox's present day.
        now: The present.
    """
    if pace.held_until_at is not None and pace.held_until_at > now:
        return MailboxTurn(pace.held_until_at, f"the mailbox is held, because its server refused it: {pace.held_why}")
    today = pace.day_of(now)
    cap = pace.cap_on(today)
    if taken_today >= cap:
        return MailboxTurn(
            _first_moment(pace, today + timedelta(days=1)), f"the mailbox has sent its {cap} messages of today"
        )
    spaced_at = now if pace.last_slot_at is None else pace.last_slot_at + pace.spacing
    if spaced_at > now:
        return MailboxTurn(spaced_at, f"the mailbox leaves {pace.spacing.total_seconds():g} s between two messages")
    return MailboxTurn(now, "")


def free_turn(pace: Pace, taken_today: int, held: Sequence[datetime], now: datetime) -> MailboxTurn:
    """Return the next turn that no other message waits for. It is the present one if the mailbox can send now.

    A message that was told to come back takes a turn if it can. So each of many waiting messages comes back about once,
    and not all of them at every turn.

    Args:
        pace: The mailbox's pace.
        taken_today: Messages that count against the cap of the mailbox's present day.
        held: When the messages that were told to come back do so. From now on, in order.
        now: The present.
    """
    turn = next_turn(pace, taken_today, now)
    if not turn.why:
        return turn
    by_day = Counter(pace.day_of(at) for at in held)
    at, today, horizon = turn.at, pace.day_of(now), now + FURTHEST_FORECAST
    pace = pace.begun_by(min([at, *held]))
    while at < horizon:
        day = pace.day_of(at)
        if by_day[day] + (taken_today if day == today else 0) >= pace.cap_on(day):
            at = _first_moment(pace, day + timedelta(days=1))
        elif near := [one for one in held if abs(one - at) < pace.spacing]:
            at = near[-1] + pace.spacing
        else:
            break
    return MailboxTurn(at, turn.why)


def turn_after(pace: Pace, taken_today: int, ahead: int, now: datetime) -> MailboxTurn:
    """Return the turn of a message with others ahead of it. Each of them takes the first possible turn."""
    at, why = now, ""
    day, horizon = pace.day_of(now), now + FURTHEST_FORECAST
    for _ in range(ahead + 1):
        turn = next_turn(pace, taken_today, at)
        while turn.why and at < horizon:
            at, why = turn.at, turn.why
            if pace.day_of(at) != day:
                day, taken_today = pace.day_of(at), 0
            turn = next_turn(pace, taken_today, at)
        pace, taken_today = replace(pace.begun_by(at), last_slot_at=at), taken_today + 1
    return MailboxTurn(at, why)


def _first_moment(pace: Pace, day: date) -> datetime:
    return datetime.combine(day, time(), pace.zone).astimezone(UTC)
