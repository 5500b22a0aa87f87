"""Free times are read off a collection of a real CalDAV server, whose secret is told by its place alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentic_sales.campaigns.answers import calendars
from agentic_sales.campaigns.answers.calendars import busy_spans, calendar_of
from agentic_sales.campaigns.answers.free_times import AHEAD, free_times
from agentic_sales.campaigns.answers.trying import try_logins
from agentic_sales.contracts import MailboxId
from agentic_sales.errors import ConfigurationError, ProviderUnavailable
from agentic_sales.settings import Settings
from tests.support.caldav_server import PASSWORD, CaldavServer, caldav_server
from tests.unit.campaigns.test_free_times import BERLIN, FREE, NOW, OFFICE, calendar

DAILY = "DTSTART;TZID=Europe/Berlin:20260105T090000\nDURATION:PT30M\nRRULE:FREQ=DAILY"
PASSED = "DTSTART:20260203T080000Z\nDTEND:20260203T090000Z"
WHOLE_DAY = "DTSTART;VALUE=DATE:20260303\nDTEND;VALUE=DATE:20260304"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaldavServer]:
    """A server with an empty collection."""
    with caldav_server(tmp_path_factory.mktemp("caldav")) as running:
        yield running


@pytest.fixture
def place(server: CaldavServer, tmp_path: Path) -> str:
    """The place of the collection, with the file of the password."""
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    return f"{server.place} file:{secret}"


async def begins(place: str) -> list[str]:
    """Return the free times in the owner's zone."""
    busy = await busy_spans(place, begins_at=NOW, ends_at=NOW + AHEAD, zone=BERLIN)
    return [f"{at.astimezone(BERLIN):%d %H:%M}" for at in free_times(busy, ours=OFFICE, theirs=OFFICE, now=NOW)]


async def test_the_events_of_a_collection_take_their_times_and_recurring_ones_each_of_them(
    server: CaldavServer, place: str
) -> None:
    assert await begins(place) == FREE
    server.put("passed", calendar(PASSED))
    assert await begins(place) == FREE
    server.put("daily", calendar(DAILY).replace(b"UID:0", b"UID:daily"))
    assert await begins(place) == ["03 09:30", "04 09:30", "05 09:30"]
    server.put("day", calendar(WHOLE_DAY).replace(b"UID:0", b"UID:day"))
    assert await begins(place) == ["04 09:30", "05 09:30", "06 09:30"]


async def test_a_refused_login_and_a_wrong_path_are_told_without_the_secret_and_the_address(
    server: CaldavServer, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    gone = f"{server.place.removesuffix('work/')}gone/ file:{wrong}"
    for place, why in ((f"{server.place} file:{wrong}", "refused the login"), (gone, "refused the login|answered 404")):
        with pytest.raises(ProviderUnavailable, match=why) as caught:
            await begins(place)
        assert "127.0.0.1" not in str(caught.value)
    with pytest.raises(ProviderUnavailable, match="cannot be read: the file of its secret cannot be read"):
        await begins(f"{server.place} file:{tmp_path}/none")


async def test_an_answer_beyond_the_limit_is_refused(
    server: CaldavServer, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put("long", calendar(f"DTSTART:20260304T080000Z\nDESCRIPTION:{'x' * 3_000}").replace(b"UID:0", b"UID:long"))
    monkeypatch.setattr(calendars, "MOST_BYTES", 2_000)
    with pytest.raises(ProviderUnavailable, match="too large"):
        await begins(place)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("caldav+https://ann:secret@cal.example/ann/", "without a password"),
        ("caldav+ftp://ann@cal.example/ann/ env:ANN", "is told as"),
        ("caldav+http://ann@cal.example/ann/ env:ANN", "needs https"),
        ("caldav+https://ann@cal.example/ann/", "both a user and the place"),
        ("caldav+https://ann@cal.example/ann/ secret", "told by where it is"),
    ],
)
def test_a_place_that_could_not_work_is_refused_without_a_word_of_it(place: str, why: str) -> None:
    configuration = Settings(AGENTIC_SALES_CALENDARS=f"sales={place}")
    with pytest.raises(ConfigurationError, match=why) as caught:
        calendar_of(configuration, MailboxId("sales"))
    assert "cal.example" not in str(caught.value)
    assert "secret@" not in str(caught.value)


def test_the_test_of_a_mailbox_reads_its_calendar(place: str) -> None:
    row = {"mailbox_id": "sales", "address": "ann@acme.example", "booking_link": ""}
    tried = [try_logins(Settings(AGENTIC_SALES_CALENDARS=f"sales={told}"), row) for told in (place, "/nowhere/ann.ics")]
    assert [told["calendar"] for told in tried] == [
        "",
        "`calendar` is not available: it cannot be read: FileNotFoundError",
    ]
