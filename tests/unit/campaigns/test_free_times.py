"""Free times are read off a calendar as its programs mean it, and lie within the hours of both sides."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agentic_sales.campaigns.answers.calendars import MOST_BYTES, busy_spans, calendar_of, spans_in
from agentic_sales.campaigns.answers.free_times import AHEAD, Hours, free_times
from agentic_sales.campaigns.plan.windows import SendWindow
from agentic_sales.contracts import MailboxId
from agentic_sales.errors import ConfigurationError, ProviderUnavailable
from agentic_sales.rules.time_offers import offer
from agentic_sales.settings import Settings

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""A Monday. Berlin changes its clocks on the 29th."""
BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Hours(SendWindow(), BERLIN)


def calendar(*events: str) -> bytes:
    """Return a calendar with events of some lines each."""
    body = "\n".join(
        f"BEGIN:VEVENT\nUID:{n}\nDTSTAMP:20260301T000000Z\n{event}\nEND:VEVENT" for n, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//a//b//EN\n{body}\nEND:VCALENDAR\n".replace("\n", "\r\n").encode()


def begins(content: bytes, theirs: Hours = OFFICE) -> list[str]:
    """Return the free times in the owner's zone."""
    busy = list(spans_in(content, begins_at=NOW, ends_at=NOW + AHEAD, zone=BERLIN))
    return [f"{at.astimezone(BERLIN):%d %H:%M}" for at in free_times(busy, ours=OFFICE, theirs=theirs, now=NOW)]


FREE = ["03 09:00", "04 09:00", "05 09:00"]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART:20260303T080000Z\nDTEND:20260303T090000Z", ["03 10:00", *FREE[1:]]),
        ("DTSTART:20260303T080000Z\nDTEND:20260303T090000Z\nTRANSP:TRANSPARENT", FREE),
        ("DTSTART:20260303T080000Z\nDTEND:20260303T090000Z\nSTATUS:CANCELLED", FREE),
        ("DTSTART:20260303T080000Z\nDTEND:20260303T090000Z\nSTATUS:TENTATIVE", ["03 10:00", *FREE[1:]]),
        ("DTSTART:20260303T080000Z\nDTEND:20260303T090000Z\nX-MICROSOFT-CDO-BUSYSTATUS:FREE", FREE),
        ("DTSTART:20260303T091500\nDURATION:PT20M", ["03 10:00", *FREE[1:]]),
        ("DTSTART;VALUE=DATE:20260303\nDTEND;VALUE=DATE:20260304", ["04 09:00", "05 09:00", "06 09:00"]),
        ("DTSTART;VALUE=DATE:20260303\nDTEND;VALUE=DATE:20260304\nTRANSP:TRANSPARENT", FREE),
        ("DTSTART:20260105T080000Z\nDTEND:20260105T083000Z\nRRULE:FREQ=DAILY", ["03 09:30", "04 09:30", "05 09:30"]),
        (
            "DTSTART:20260302T080000Z\nDTEND:20260302T160000Z\nRRULE:FREQ=DAILY\nEXDATE:20260304T080000Z",
            ["04 09:00"],
        ),
        ("DTSTART:20260105T080000Z\nDTEND:20260105T090000Z\nRRULE:FREQ=WEEKLY;BYDAY=TU", ["03 10:00", *FREE[1:]]),
    ],
)
def test_an_event_takes_its_time_as_its_program_means_it(event: str, expected: list[str]) -> None:
    assert begins(calendar(event)) == expected


def test_a_moved_time_of_a_recurring_event_frees_its_old_place() -> None:
    whole = (
        "BEGIN:VEVENT\nUID:a\nDTSTAMP:20260301T000000Z\nDTSTART:20260303T080000Z\nDTEND:20260303T090000Z\n"
        "RRULE:FREQ=DAILY;COUNT=3\nEND:VEVENT\nBEGIN:VEVENT\nUID:a\nDTSTAMP:20260301T000000Z\n"
        "RECURRENCE-ID:20260304T080000Z\nDTSTART:20260304T120000Z\nDTEND:20260304T130000Z\nEND:VEVENT"
    )
    content = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//a//b//EN\n{whole}\nEND:VCALENDAR\n".replace("\n", "\r\n")
    assert begins(content.encode()) == ["03 10:00", "04 09:00", "05 10:00"]


def test_free_times_lie_within_the_hours_of_both_sides_and_are_told_in_the_persons_zone() -> None:
    theirs = Hours(SendWindow(), ZoneInfo("America/New_York"))
    times = free_times([], ours=OFFICE, theirs=theirs, now=NOW)
    assert offer(times[:1], theirs.zone) == "I have time on Tuesday 3 March, 09:00 (America/New_York time)."
    assert all(OFFICE.hold(at) and theirs.hold(at) for at in times)
    assert free_times([], ours=OFFICE, theirs=Hours(SendWindow(), ZoneInfo("Pacific/Auckland")), now=NOW) == []


async def test_a_calendar_that_cannot_be_read_is_told_without_its_secret_address(tmp_path: Path) -> None:
    broken = tmp_path / "secret.ics"
    for content in (b"", b"<html>log in</html>", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:x\r\n"):
        broken.write_bytes(content)
        with pytest.raises(ProviderUnavailable, match="calendar") as caught:
            await busy_spans(str(broken), begins_at=NOW, ends_at=NOW + AHEAD, zone=BERLIN)
        assert "secret" not in str(caught.value)


async def test_a_calendar_file_beyond_the_limit_is_refused_and_not_cut(tmp_path: Path) -> None:
    large = tmp_path / "large.ics"
    large.write_bytes(calendar("DTSTART:20260303T080000Z") + b"\r\n" * (MOST_BYTES // 2))
    with pytest.raises(ProviderUnavailable, match="ValueError"):
        await busy_spans(str(large), begins_at=NOW, ends_at=NOW + AHEAD, zone=BERLIN)


def test_the_calendars_of_mailboxes_are_read_from_the_setting() -> None:
    told_to = Settings(AGENTIC_SALES_CALENDARS="sales=/a/b.ics; ann=https://cal.example/x.ics?a=b")
    assert calendar_of(told_to, MailboxId("ann")) == "https://cal.example/x.ics?a=b"
    assert calendar_of(told_to, MailboxId("other")) == ""
    with pytest.raises(ConfigurationError, match="AGENTIC_SALES_CALENDARS"):
        calendar_of(Settings(AGENTIC_SALES_CALENDARS="/a/b.ics"), MailboxId("ann"))
