"""Draw the coming visits of a campaign."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Column, Table

from agentic_sales.cli.views import asking
from agentic_sales.cli.views.campaigns import ask, clock

LOOKED_AT = 200
"""Coming visits that the end of a start looks at."""
DONE_NOW: Mapping[str, str] = {
    "write": "its message is written now",
    "ask": "its message is written",
    "send": "its message goes now",
    "advance": "it goes on to its next message now",
}
"""Work that a visit does at once, in words."""


def ask_next(campaign: str, url: str | None, *, limit: int, offset: int = 0) -> list[dict[str, Any]]:
    """Ask the facade for the coming visits of a campaign.

    Raises:
        LangGraphError: The facade refused or was not reachable.
    """
    found: list[dict[str, Any]] = ask("GET", asking.path_of(campaign, "next"), url, limit=limit, offset=offset)
    return found


def as_table(visits: Sequence[Mapping[str, Any]]) -> Table:
    """Lay coming visits out, the next one first. A message goes at its time at the earliest."""
    table = Table(Column("to", overflow="fold"), "step", Column("goes", no_wrap=True), "why not earlier")
    for visit in visits:
        table.add_row(visit["email"], str(visit["step"]), _moment(visit["goes_at"]), _why(visit))
    return table


def next_lines(campaign: str, visits: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Tell the next person with the time, and the number of messages that wait for a word."""
    if not visits:
        yield f"nobody is in it yet: agentic-sales campaigns import {campaign} people.csv"
        return
    first = min(visits, key=lambda visit: visit["goes_at"] or "9")
    when = f", not before {_moment(first['goes_at'])}" if first["goes_at"] else ""
    yield f"next: {first['email']}, step {first['step']}{when}: {_why(first)}"
    yield _words_waited_for(campaign, visits)
    yield f"when and why: agentic-sales campaigns next {campaign}"


def _words_waited_for(campaign: str, visits: Sequence[Mapping[str, Any]]) -> str:
    if not any(visit["needs_approval"] for visit in visits):
        return "messages go without a word, because the plan says `needs_approval: false`"
    asked = sum(visit["word"] == "pending" for visit in visits)
    written = sum(visit["act"] in {"write", "ask"} for visit in visits)
    more = f", {written} more {'is' if written == 1 else 'are'} written now" if written else ""
    return f"{_count(asked)} for a word{more}: agentic-sales campaigns approve --campaign {campaign}"


def _why(visit: Mapping[str, Any]) -> str:
    return str(visit["why"] or DONE_NOW.get(visit["act"], ""))


def _moment(at: str | None) -> str:
    return clock(at) if at else "-"


def _count(number: int) -> str:
    return f"{number} {'message waits' if number == 1 else 'messages wait'}"
