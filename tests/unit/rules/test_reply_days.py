"""Which day of a model is believed about an answer."""

from datetime import date

import pytest

from agentic_sales.rules.replies import Letter, ReplyClass
from agentic_sales.rules.reply_days import checked_until, day_or_none

CAME_ON = date(2026, 11, 30)


def until(text: str, told: date | None, reply_class: ReplyClass = "not_now") -> date | None:
    letter = Letter(own_words=text, subject="", sender="", is_automatic=False, came_on=CAME_ON)
    return checked_until(letter, reply_class, told)


def test_a_day_that_the_text_names_is_believed() -> None:
    assert until("Back on 14 December.", date(2026, 12, 14), "out_of_office") == date(2026, 12, 14)
    assert until("Away until Friday, 11 December.", date(2026, 12, 12), "out_of_office") == date(2026, 12, 12)


@pytest.mark.parametrize("told", [None, date(2027, 6, 1), date(2026, 11, 30), date(1999, 1, 1)])
def test_the_rules_day_counts_where_the_models_is_missing_passed_or_not_in_the_text(told: date | None) -> None:
    assert until("I am back on 14 December 2026.", told, "out_of_office") == date(2026, 12, 14)


def test_where_the_text_names_no_day_a_model_may_read_one_within_a_year() -> None:
    assert until("Once the harvest is in.", date(2027, 9, 1)) == date(2027, 9, 1)
    assert until("Once the harvest is in.", date(2036, 9, 1)) is None


def test_an_answer_of_another_class_has_no_such_day() -> None:
    assert until("Call me on 14 December.", date(2026, 12, 14), "interested") is None


@pytest.mark.parametrize("told", ["next spring", "", None, "2026-13-40", 7])
def test_what_is_no_date_is_no_day(told: object) -> None:
    assert day_or_none(told) is None


def test_a_date_is_read_as_it_is_written() -> None:
    assert day_or_none("2026-12-14") == day_or_none(date(2026, 12, 14)) == date(2026, 12, 14)
