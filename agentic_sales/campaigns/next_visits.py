"""Say when a visit that failed, or that waits for runs, is made again. It holds for people, rounds and activations."""

from datetime import datetime, timedelta

MOST_FRUITLESS = 5
"""Failed visits in a row. After that many a person must look."""
BACK_OFF = timedelta(seconds=15)
"""Back-off before any failed visit. It doubles with each one."""
_MOST_DOUBLINGS = 8
SHORTEST_LOOK, LONGEST_LOOK = timedelta(seconds=1), timedelta(seconds=30)
"""How soon a visit comes again for runs that are under way."""


def try_again_at(fruitless: int, now: datetime) -> datetime:
    """Return when to visit again after so many failed visits in a row."""
    return now + BACK_OFF * float(2 ** min(fruitless, _MOST_DOUBLINGS))


def look_again_at(begun_at: datetime, now: datetime) -> datetime:
    """Return when to look at a run again: soon after it began, and later the longer it takes."""
    return now + min(max((now - begun_at) / 4, SHORTEST_LOOK), LONGEST_LOOK)
