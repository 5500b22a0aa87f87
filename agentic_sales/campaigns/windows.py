"""Decide when it is a decent hour to write to somebody, in that person's own time. Pure: the present is an argument."""

from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

DAYS_OF_A_WEEK = 7


class SendWindow(BaseModel):
    """The hours of the week in which messages are sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    starts: time = Field(default=time(9), description="Local time of the first message of a day.")
    ends: time = Field(default=time(17), description="Local time from which on none is sent.")
    days: tuple[int, ...] = Field(default=(1, 2, 3, 4, 5), min_length=1, description="ISO weekdays; 1 is Monday.")

    @field_validator("days")
    @classmethod
    def _are_weekdays(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if not set(days) <= set(range(1, DAYS_OF_A_WEEK + 1)):
            raise ValueError("weekdays are numbers from 1 (Monday) to 7")
        return tuple(sorted(set(days)))

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> "SendWindow":
        if self.starts >= self.ends:
            raise ValueError("the window must start before it ends, on the same day")
        return self


def next_open(window: SendWindow, zone: ZoneInfo, at: datetime) -> datetime:
    """Return the first moment from `at` on at which the window is open, in UTC."""
    today = at.astimezone(zone).date()
    for offset in range(DAYS_OF_A_WEEK + 1):
        day = today + timedelta(days=offset)
        # In UTC, because a comparison within one zone ignores that the clocks may change in between.
        opens = datetime.combine(day, window.starts, zone).astimezone(UTC)
        closes = datetime.combine(day, window.ends, zone).astimezone(UTC)
        if day.isoweekday() in window.days and at < closes:
            return max(at.astimezone(UTC), opens)
    raise AssertionError("a window has at least one day a week")


@cache
def zone_named(name: str) -> ZoneInfo | None:
    """Return the time zone of an IANA name; None: there is none of this name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
