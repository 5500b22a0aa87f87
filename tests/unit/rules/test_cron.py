"""Schedules: their slots in a time zone, across the changes of the clocks."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agentic_sales.rules.cron import CronError, next_slot, read_cron, slots_between

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    """Read a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "after", "slot"),
    [
        ("0 6 * * *", "2026-03-02T05:59", "2026-03-02T06:00"),
        ("0 6 * * *", "2026-03-02T06:00", "2026-03-03T06:00"),
        ("*/15 8-9 * * 1-5", "2026-03-06T09:45", "2026-03-09T08:00"),
        ("30 7 1 * *", "2026-03-02T00:00", "2026-04-01T07:30"),
        ("0 0 29 2 *", "2026-03-01T00:00", "2028-02-29T00:00"),
        ("0 9 * * 7", "2026-03-02T00:00", "2026-03-08T09:00"),
        ("0 9 * * 0", "2026-03-02T00:00", "2026-03-08T09:00"),
        ("0 9 13 * 5", "2026-03-02T00:00", "2026-03-06T09:00"),
        ("5,20 */6 * 1,3 *", "2026-03-02T06:05", "2026-03-02T06:20"),
        ("10/20 4 * * *", "2026-03-02T04:10", "2026-03-02T04:30"),
    ],
)
def test_the_next_slot_is_the_first_after_the_moment(cron: str, after: str, slot: str) -> None:
    assert next_slot(cron, at(after), ZoneInfo("UTC")) == at(slot)


@pytest.mark.parametrize(
    ("after", "slot"),
    [
        ("2026-01-10T00:00", "2026-01-10T05:30"),
        ("2026-07-10T00:00", "2026-07-10T04:30"),
    ],
)
def test_a_slot_is_at_the_same_local_time_in_summer_and_winter(after: str, slot: str) -> None:
    assert next_slot("30 6 * * *", at(after), BERLIN) == at(slot)


def test_a_slot_that_the_clocks_leave_out_comes_as_much_later_and_one_that_comes_twice_is_used_once() -> None:
    assert next_slot("30 2 * * *", at("2026-03-29T00:00"), BERLIN) == at("2026-03-29T01:30")
    first = next_slot("30 2 * * *", at("2026-10-24T22:00"), BERLIN)
    assert first == at("2026-10-25T00:30")
    assert next_slot("30 2 * * *", first, BERLIN) == at("2026-10-26T01:30")


def test_the_slots_of_a_span_are_listed_with_both_ends() -> None:
    found = slots_between("0 6 * * *", at("2026-03-02T06:00"), at("2026-03-04T06:00"), ZoneInfo("UTC"))
    assert found == [at(f"2026-03-0{day}T06:00") for day in (2, 3, 4)]


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("0 6 * *", "it has 4 fields; expected minute, hour"),
        ("60 6 * * *", "the minute of a schedule is `60`; it must be within 0 and 59"),
        ("0 6 * * mon", "the day of the week of a schedule is `mon`"),
        ("0 9-6 * * *", "the hour of a schedule is `9-6`"),
        ("*/0 6 * * *", "the minute of a schedule is `*/0`"),
        ("0 6, * * *", "the hour of a schedule is `6,`"),
    ],
)
def test_what_is_no_schedule_is_named_with_its_field(cron: str, told: str) -> None:
    with pytest.raises(CronError) as refused:
        read_cron(cron)
    assert told in str(refused.value)


def test_a_schedule_that_never_comes_is_refused() -> None:
    with pytest.raises(CronError, match="`0 0 30 2 \\*` never comes"):
        next_slot("0 0 30 2 *", at("2026-01-01T00:00"), ZoneInfo("UTC"))
