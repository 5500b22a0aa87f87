"""The recipient's hours: 12 time zones, over every change of daylight saving time of two years."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from agentic_sales.campaigns.plan.windows import NoWindow, SendWindow, instant, later, spread_ratio

ZONES = [
    "Pacific/Honolulu", "America/Los_Angeles", "America/New_York", "America/St_Johns", "America/Santiago",
    "Europe/London", "Europe/Berlin", "Africa/Cairo", "Asia/Kolkata", "Asia/Tokyo", "Australia/Lord_Howe",
    "Pacific/Auckland",
]  # fmt: skip
BERLIN = ZoneInfo("Europe/Berlin")
WINDOW = SendWindow()


@pytest.mark.parametrize("name", ZONES)
def test_whatever_the_moment_a_touch_goes_in_the_window_on_a_working_day_and_never_early(name: str) -> None:
    zone = ZoneInfo(name)
    for hours in range(0, 2 * 366 * 24, 7):
        earliest = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        found = WINDOW.first_open(earliest, zone, spread_ratio=0.999)
        local = found.astimezone(zone)
        assert found >= earliest
        assert time(9) <= local.time() < time(17)
        assert local.weekday() < 5
        assert found - earliest < timedelta(days=3, hours=17)


@pytest.mark.parametrize("name", ZONES)
def test_a_week_of_days_has_each_window_once_also_over_a_change_of_the_clocks(name: str) -> None:
    zone, moment, days = ZoneInfo(name), datetime(2026, 1, 1, 12, tzinfo=UTC), []
    for _ in range(500):
        moment = WINDOW.first_open(later(moment, zone, days=1, window=WINDOW), zone)
        days.append(moment.astimezone(zone).date())
    assert len(set(days)) == len(days) == 500
    gaps = {(after - before).days for before, after in pairwise(days)}
    assert gaps == {1, 3}


@pytest.mark.parametrize("name", ZONES)
def test_days_later_is_at_the_same_time_of_day(name: str) -> None:
    zone = ZoneInfo(name)
    for offset in range(730):
        start = instant(date(2026, 1, 1) + timedelta(days=offset), time(12, 30), zone)
        found = later(start, zone, days=7).astimezone(zone)
        assert (found.date(), found.time()) == (start.astimezone(zone).date() + timedelta(days=7), time(12, 30))


def test_an_hour_that_is_skipped_begins_when_it_would_have_ended() -> None:
    skipped = instant(date(2026, 3, 29), time(2, 30), BERLIN)
    assert skipped == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert skipped.astimezone(BERLIN).time() == time(3)


def test_an_hour_that_was_repeated_when_the_count_began_may_be_skipped_where_it_ends() -> None:
    second_time = datetime(2025, 10, 26, 1, 30, tzinfo=UTC)
    assert second_time.astimezone(BERLIN).fold == 1
    assert later(second_time, BERLIN, days=154) == instant(date(2026, 3, 29), time(2, 30), BERLIN)


def test_half_an_hour_that_is_skipped_too() -> None:
    lord_howe = ZoneInfo("Australia/Lord_Howe")
    assert instant(date(2026, 10, 4), time(2, 15), lord_howe).astimezone(lord_howe).time() == time(2, 30)


def test_an_hour_that_is_repeated_makes_one_long_window_and_not_two() -> None:
    night = SendWindow(starts=time(2), ends=time(3), days=range(1, 8))
    opens = night.first_open(datetime(2026, 10, 24, 12, tzinfo=UTC), BERLIN)
    assert opens == datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert all(night.is_open_at(opens + timedelta(minutes=passed), BERLIN) for passed in range(120))
    assert night.first_open(opens + timedelta(hours=2), BERLIN).astimezone(BERLIN).date() == date(2026, 10, 26)


def test_a_window_that_a_change_swallows_is_left_out_that_day() -> None:
    night = SendWindow(starts=time(2), ends=time(3), days=range(1, 8))
    found = night.first_open(datetime(2026, 3, 28, 12, tzinfo=UTC), BERLIN)
    assert found.astimezone(BERLIN).date() == date(2026, 3, 30)


def test_a_moment_inside_the_window_is_taken_as_it_is() -> None:
    noon = datetime(2026, 3, 2, 12, 34, 56, tzinfo=BERLIN)
    assert WINDOW.first_open(noon, BERLIN, spread_ratio=0.9) == noon
    assert WINDOW.is_open_at(noon, BERLIN)
    assert not WINDOW.is_open_at(noon.replace(hour=17, minute=0, second=0), BERLIN)


def test_what_waited_is_spread_over_the_window_and_always_the_same_way() -> None:
    saturday = datetime(2026, 2, 28, 12, tzinfo=BERLIN)
    ratios = [spread_ratio("campaign", str(contact)) for contact in range(1000)]
    hours = [WINDOW.first_open(saturday, BERLIN, spread_ratio=ratio).astimezone(BERLIN).hour for ratio in ratios]
    assert ratios == [spread_ratio("campaign", str(contact)) for contact in range(1000)]
    assert all(90 < hours.count(hour) < 160 for hour in range(9, 17))


def test_working_days_are_counted_without_weekends_and_holidays() -> None:
    window = SendWindow(holidays=frozenset({date(2026, 3, 9)}))
    friday = datetime(2026, 3, 6, 10, tzinfo=BERLIN)
    assert later(friday, BERLIN, days=1, window=window).astimezone(BERLIN).date() == date(2026, 3, 10)
    assert later(friday, BERLIN, days=1).astimezone(BERLIN).date() == date(2026, 3, 7)


def test_part_of_a_day_is_that_part_of_24_hours() -> None:
    before_the_change = datetime(2026, 3, 28, 20, tzinfo=BERLIN)
    assert later(before_the_change, BERLIN, days=0.5) - before_the_change == timedelta(hours=12)


def test_a_calendar_that_never_opens_is_an_error_and_not_a_loop() -> None:
    all_of_it = frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(1000))
    with pytest.raises(NoWindow, match="within 400 days after 2026-01-01"):
        SendWindow(holidays=all_of_it).first_open(datetime(2026, 1, 1, tzinfo=UTC), BERLIN)


def test_nothing_is_sent_on_the_public_holidays_of_a_calendar() -> None:
    corpus_christi = date(2026, 6, 4)  # A Thursday, and a holiday in Bavaria alone.
    bavaria, berlin = (SendWindow(holiday_calendars=(calendar,)) for calendar in ("DE-BY", "DE-BE"))
    assert (bavaria.is_working_day(corpus_christi), berlin.is_working_day(corpus_christi)) == (False, True)
    assert not SendWindow(holiday_calendars=("DE-BE", "DE-BY")).is_working_day(corpus_christi)
    assert not bavaria.is_working_day(date(2031, 10, 3)), "a year that nobody wrote down"


@pytest.mark.parametrize("calendar", ["Bavaria", "DE-XX", "", "de_by"])
def test_a_calendar_that_is_none_is_told(calendar: str) -> None:
    with pytest.raises(ValidationError, match="is no calendar of holidays"):
        SendWindow(holiday_calendars=(calendar,))
