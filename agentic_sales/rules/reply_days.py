"""Check the day that a model reads in an answer against the days that the text names.

A model may give no day, no date, or a day that nobody wrote. A campaign sleeps until this day, so an invented one costs
weeks. Where the text names days, the model's must be near one of them. Otherwise the rules' day counts.
"""

from datetime import date, timedelta

from agentic_sales.rules.absences import back_on
from agentic_sales.rules.days import days_in
from agentic_sales.rules.replies import Letter, ReplyClass
from agentic_sales.rules.sentences import split_text

AROUND = timedelta(days=3)
"""How far a day may be from one that the text names: `until Friday` is Saturday or Monday to some."""
LONGEST = timedelta(days=366)
"""A later day is not believed where the text names none that the rules can read."""
DATED: frozenset[ReplyClass] = frozenset({"out_of_office", "not_now"})
"""Classes of an answer that can have such a day."""


def day_or_none(told: object) -> date | None:
    """Read a model's day; words such as `next spring` are none, and the rules read the text themselves."""
    try:
        return told if isinstance(told, date) else date.fromisoformat(str(told))
    except ValueError:
        return None


def checked_until(letter: Letter, reply_class: ReplyClass, told: date | None) -> date | None:
    """Return the day before which a writer is away or not ready.

    Args:
        letter: The answer.
        reply_class: Its class, as the model says.
        told: The model's day. None if it gave none that is a date.

    Returns:
        The model's day if the text bears it, or the rules' day. None if there is neither.
    """
    if reply_class not in DATED:
        return None
    named = [found.day for part in split_text(letter.own_words) for found in days_in(part, letter.came_on)]
    ours = back_on(letter.own_words, letter.came_on) or max(named, default=None)
    if told is None or told <= letter.came_on:
        return ours
    if not named:
        return told if told - letter.came_on <= LONGEST else None
    return told if any(abs(told - day) <= AROUND for day in named) else ours
