"""Check a month of mail by the rules that it had to keep, from what was sent alone, and by no code that obeys them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from agentic_sales.store.touches import TouchRow

MOMENT = timedelta(seconds=1)
"""What a message may take on its way, by which the next one is early by the clock of the one before."""


@dataclass(frozen=True)
class Limits:
    """What a mailbox may send, and when anybody may be written to."""

    daily_cap: int = 10_000
    """Messages a day."""
    ramp_start: int | None = None
    """Messages on the first day; None: no ramp-up."""
    ramp_per_day: int = 0
    """How many more on each further day."""
    spacing_s: float = 0.0
    """Least time between two messages, in seconds."""
    opens_minute: int = 9 * 60
    """Minute of the local day from which on anybody is written to."""
    closes_minute: int = 17 * 60
    """Minute of the local day from which on nobody is."""

    def cap_on(self, day: int) -> int:
        """Return how many messages may go on a day, counted from the first."""
        return (
            self.daily_cap
            if self.ramp_start is None
            else min(self.daily_cap, self.ramp_start + self.ramp_per_day * day)
        )


def broken_rules(
    sent: Sequence[TouchRow], zones: Mapping[str, str], limits: Limits, delays: Sequence[int]
) -> Iterator[str]:
    """Yield every rule that was broken, with what broke it.

    Args:
        sent: Messages, in the order in which they were sent.
        zones: Time zone of every person, by contact id; all of them must have got everything.
        limits: Of every mailbox.
        delays: Least working days before each message.
    """
    yield from _of_mailboxes(sent, limits)
    by_person: dict[str, list[TouchRow]] = defaultdict(list)
    for row in sent:
        by_person[row.contact_id].append(row)
    for contact_id, zone in zones.items():
        yield from _of_person(by_person[contact_id], ZoneInfo(zone), limits, delays)


def _of_mailboxes(sent: Sequence[TouchRow], limits: Limits) -> Iterator[str]:
    by_mailbox: dict[str, list[datetime]] = defaultdict(list)
    for row in sent:
        by_mailbox[row.mailbox_id].append(row.dispatched_at or row.updated_at)
    for mailbox_id, moments in by_mailbox.items():
        times = sorted(moments)
        for day, count in Counter((at.date() - times[0].date()).days for at in times).items():
            if count > limits.cap_on(day):
                yield f"cap: {count} messages of {limits.cap_on(day)} from {mailbox_id} on day {day}"
        close = [one for before, one in pairwise(times) if one - before < timedelta(seconds=limits.spacing_s)]
        yield from (f"spacing: {mailbox_id} at {at:%m-%d %H:%M:%S}" for at in close)


def _of_person(mine: Sequence[TouchRow], zone: ZoneInfo, limits: Limits, delays: Sequence[int]) -> Iterator[str]:
    if [row.step for row in mine] != list(range(len(delays))):
        yield f"order: steps {[row.step for row in mine]}"
    if len({row.mailbox_id for row in mine}) > 1:
        yield "mailbox: a person is written to from two"
    if any(row.attempts != 1 for row in mine):
        yield "tries: a message took more than one"
    times = [row.dispatched_at.astimezone(zone) for row in mine if row.dispatched_at]
    for local in times:
        if local.isoweekday() > 5 or not limits.opens_minute <= 60 * local.hour + local.minute < limits.closes_minute:
            yield f"hours: {local:%a %Y-%m-%d %H:%M} {zone}"
    for (before, after), days in zip(pairwise(times), delays[1:], strict=False):
        if after.replace(tzinfo=None) + MOMENT < _working_days_later(before.replace(tzinfo=None), days):
            yield f"delay: {before:%m-%d %H:%M} and {after:%m-%d %H:%M} {zone}, less than {days} working days"


def _working_days_later(local: datetime, days: int) -> datetime:
    """Return the same time on the wall so many working days later."""
    while days > 0:
        local += timedelta(days=1)
        days -= local.isoweekday() <= 5
    return local
