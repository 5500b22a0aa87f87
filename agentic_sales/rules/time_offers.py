"""Offer free times as a sentence in a person's language and time zone. Pure."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from agentic_sales.rules.tables import table

USUAL = "en"
"""Language of an offer where the person's is not known."""


def offer(times: Sequence[datetime], zone: ZoneInfo, language: str = USUAL) -> str:
    """Return free times as a sentence. Empty without any.

    Args:
        times: Begins of the free times.
        zone: The person's time zone.
        language: ISO 639-1 code. One that `time_offers.toml` does not have stands for English.
    """
    if not times:
        return ""
    words = table("time_offers").get(language) or table("time_offers")[USUAL]
    shown = [
        words["time"].format(
            weekday=words["weekdays"][at.weekday()],
            day=at.day,
            month=words["months"][at.month - 1],
            clock=f"{at:%H:%M}",
        )
        for at in (moment.astimezone(zone) for moment in times)
    ]
    return str(words["offer"].format(times="; ".join(shown), zone=zone.key))
