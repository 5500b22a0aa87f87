"""The pure rules of campaigns: addresses, hours, caps, assignments."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr, ValidationError

from agentic_sales.campaigns.answers.imap_accounts import ImapAccount, imap_accounts
from agentic_sales.campaigns.people.addresses import email_hash, normalized
from agentic_sales.campaigns.plan.plan import CampaignPlan, mailbox_for, variant_for
from agentic_sales.campaigns.plan.windows import SendWindow, zone_named
from agentic_sales.campaigns.sending.caps import Pace, free_turn, next_turn, turn_after
from agentic_sales.campaigns.sending.links import Links
from agentic_sales.contracts import CampaignId, ContactId, MailboxId
from agentic_sales.errors import ConfigurationError, InvalidAddress
from agentic_sales.settings import Settings

BERLIN = ZoneInfo("Europe/Berlin")
CAMPAIGN = CampaignId("spring")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (" Jo@Example.COM ", "Jo@example.com"),
        ("jo@Bücher.example", "jo@xn--bcher-kva.example"),
        ("jo@faß.de", "jo@xn--fa-hia.de"),
        ("jo@日本語\N{IDEOGRAPHIC FULL STOP}jp", "jo@xn--wgv71a119e.jp"),
        ("o'neil+x@a-b.example", "o'neil+x@a-b.example"),
    ],
)
def test_an_address_is_read_as_mail_is_sent_to_it(given: str, expected: str) -> None:
    assert normalized(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        *("jo", "jo@", "@example.com", "jo@example", "jo@exa mple.com", "jo..x@example.com", ".jo@example.com"),
        *(
            "jo@i\N{HEAVY BLACK HEART}.example",
            "jo@ü_x.example",
            "jo@-ü.example",
            "jo@ü..example",
            "jo@ü\ud83d.example",
        ),
        *("jo@example.com, bo@example.com", "Jo <jo@example.com>", "jö@example.com", "jo@-a.com", "jo@example.c0m."),
        *(
            "jo@example.com\r\nBcc: x@y.z",
            f"{'a' * 65}@example.com",
            f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 80}.com",
        ),
    ],
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(InvalidAddress):
        normalized(given)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Jo@Example.com", "jo+news@example.com", True),
        ("j.o@gmail.com", "jo+x@googlemail.com", True),
        ("j.o@example.com", "jo@example.com", False),
        ("jo@example.com", "jo@example.org", False),
        ("jo@faß.de", "jo@xn--fa-hia.de", True),
        ("jo@faß.de", "jo@fass.de", False),
    ],
)
def test_addresses_of_one_person_have_one_digest(one: str, other: str, *, is_same: bool) -> None:
    assert (email_hash(one) == email_hash(other)) is is_same


def test_the_digest_of_an_address_is_the_same_for_ever_or_who_left_would_be_written_to_again() -> None:
    assert email_hash("Jo.Doe+x@GMail.com") == "04a1e4deaba047ee8ba3cf687548bc696dae05447b83fb8e2e42e0860cfb976b"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-02T10:00", "2026-03-02T10:00"),  # Monday, open
        ("2026-03-02T07:00", "2026-03-02T09:00"),  # before it opens
        ("2026-03-02T17:00", "2026-03-03T09:00"),  # the moment at which it closes
        ("2026-03-06T18:00", "2026-03-09T09:00"),  # Friday evening
        ("2026-03-28T12:00", "2026-03-30T09:00"),  # a weekend in which the clocks go forward
        ("2026-10-24T12:00", "2026-10-26T09:00"),  # and back
    ],
)
def test_a_window_opens_by_the_recipients_clock(at: str, expected: str) -> None:
    found = SendWindow().first_open(datetime.fromisoformat(at).replace(tzinfo=BERLIN), BERLIN)
    assert found.astimezone(BERLIN).replace(tzinfo=None) == datetime.fromisoformat(expected)


def test_a_window_that_opens_in_an_hour_that_is_left_out_opens_once_on_that_day() -> None:
    window = SendWindow(starts=time(2, 30), ends=time(4), days=(7,))
    opens = window.first_open(datetime(2026, 3, 28, 12, tzinfo=UTC), BERLIN)
    assert opens == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert window.first_open(datetime(2026, 3, 29, 2, tzinfo=UTC), BERLIN).date() == date(2026, 4, 5)


@pytest.mark.parametrize("values", [{"starts": "17:00", "ends": "09:00"}, {"days": [0]}, {"days": []}])
def test_a_window_that_never_opens_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SendWindow.model_validate(values)


def test_a_time_zone_that_does_not_exist_is_none() -> None:
    assert (zone_named("Europe/Berlin"), zone_named("Mars/Olympus"), zone_named("../etc")) == (BERLIN, None, None)


def pace(**values: object) -> Pace:
    """Return the pace of a mailbox that may send two a day."""
    usual = {"daily_cap": 2, "ramp_start": None, "ramp_per_day": 0, "ramp_from": None, "spacing": timedelta()}
    return Pace(**{**usual, "zone": BERLIN, "last_slot_at": None, **values})  # type: ignore[arg-type]  # see above


def test_the_day_of_a_cap_is_the_mailboxes_own_also_when_the_clocks_change() -> None:
    evening = datetime(2026, 3, 28, 22, 59, tzinfo=UTC)
    assert next_turn(pace(), 2, evening).at == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert next_turn(pace(), 2, datetime(2026, 3, 29, 12, tzinfo=UTC)).at == datetime(2026, 3, 29, 22, tzinfo=UTC)


def test_a_ramp_up_ends_at_the_cap() -> None:
    ramped = pace(daily_cap=10, ramp_start=3, ramp_per_day=3, ramp_from=date(2026, 3, 2))
    assert [ramped.cap_on(date(2026, 3, day)) for day in (1, 2, 3, 4, 5, 30)] == [3, 3, 6, 9, 10, 10]


def test_a_ramp_up_that_has_not_begun_begins_with_the_first_message_of_the_forecast() -> None:
    noon, midnight = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 2, 23, tzinfo=UTC)
    fresh = pace(daily_cap=10, ramp_start=1, ramp_per_day=1)
    expected = [noon, midnight, midnight, midnight + timedelta(days=1)]
    assert [turn_after(fresh, 0, ahead, noon).at for ahead in range(4)] == expected
    told: list[datetime] = []
    for _ in expected:
        told.append(free_turn(replace(fresh, held_until_at=noon + timedelta(hours=1)), 0, told, noon).at)
    assert told == [noon + timedelta(hours=1), *expected[1:]]


def test_messages_ahead_take_their_turns_first() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    spaced = pace(spacing=timedelta(hours=1))
    turns = [turn_after(spaced, 0, ahead, noon).at for ahead in range(4)]
    midnight = datetime(2026, 3, 2, 23, tzinfo=UTC)
    assert turns == [noon, noon + timedelta(hours=1), midnight, midnight + timedelta(hours=1)]


def test_of_messages_that_find_a_mailbox_busy_each_is_told_a_turn_of_its_own() -> None:
    noon, midnight = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 2, 23, tzinfo=UTC)
    spaced, held = pace(spacing=timedelta(hours=1), last_slot_at=noon, daily_cap=3), [noon]
    for _ in range(4):
        held.append(free_turn(spaced, 1, sorted(held[1:]), noon).at)
    hours = [timedelta(hours=number) for number in range(3)]
    assert held[1:] == [noon + hours[1], noon + hours[2], midnight, midnight + hours[1]]
    capped = [free_turn(pace(), 2, [midnight] * ahead, noon).at for ahead in (0, 1, 2, 3)]
    assert capped == [midnight, midnight, midnight + timedelta(days=1), midnight + timedelta(days=1)]


def test_a_mailbox_that_can_send_is_free_whoever_was_told_to_come_later() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert free_turn(pace(), 1, [noon + timedelta(minutes=1)] * 9, noon).at == noon


def test_the_forecast_of_a_mailbox_that_may_send_nothing_ends() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert turn_after(pace(daily_cap=0), 0, 0, noon).at > noon + timedelta(days=365)


def test_a_person_always_gets_the_same_variant_and_mailbox_and_many_people_get_them_by_weight() -> None:
    plan = CampaignPlan.model_validate(
        {
            "steps": [{"variants": [{"name": "a", "weight": 3}, {"name": "b"}]}, {}],
            "mailboxes": ["one", "two"],
        }
    )
    people = [ContactId(f"person{number}") for number in range(2000)]
    drawn = [variant_for(plan, CAMPAIGN, person, 0) for person in people]
    assert drawn == [variant_for(plan, CAMPAIGN, person, 0) for person in people]
    assert 1400 < Counter(variant.name for variant in drawn if variant)["a"] < 1600
    assert 900 < Counter(mailbox_for(plan, CAMPAIGN, person) for person in people)[MailboxId("one")] < 1100
    assert variant_for(plan, CAMPAIGN, people[0], 1) is None


def test_two_variants_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="two variants of one name"):
        CampaignPlan.model_validate({"steps": [{"variants": [{"name": "a"}] * 2}], "mailboxes": ["one"]})


def test_an_unsubscribe_link_is_read_by_who_made_it_and_by_nobody_else() -> None:
    links = Links("https://sales.example/", b"secret")
    url = links.unsubscribe_url(CAMPAIGN, ContactId("jo"))
    token = url.removeprefix("https://sales.example/unsubscribe/")
    assert links.read(token) == (CAMPAIGN, "jo")
    assert Links("https://sales.example", b"other").read(token) is None
    forged = [token[:-1], f"{token[:-2]}AA", "", ".", "a", "ü.ü", f"x{token}", token.replace(".", ""), "A" * 10_000]
    assert [links.read(text) for text in forged] == [None] * len(forged)


def test_inboxes_are_read_from_one_variable() -> None:
    told = "sales=imaps://ann%40sales.example:ge%3Bheim@imap.example; local = imap://bo:x@127.0.0.1:1143;"
    accounts = imap_accounts(Settings(imap=SecretStr(told)))
    assert accounts == {
        MailboxId("sales"): ImapAccount("imap.example", 993, "ann@sales.example", "ge;heim"),
        MailboxId("local"): ImapAccount("127.0.0.1", 1143, "bo", "x", is_clear=True),
    }
    assert imap_accounts(Settings()) == {}


@pytest.mark.parametrize(
    "told", ["imaps://a:b@c", "sales=imaps://a@c", "sales=imap://a:geheim@imap.example", "sales=x"]
)
def test_an_inbox_that_cannot_be_opened_safely_is_refused_without_telling_its_password(told: str) -> None:
    with pytest.raises(ConfigurationError, match="AGENTIC_SALES_IMAP") as caught:
        imap_accounts(Settings(imap=SecretStr(told)))
    assert "geheim" not in str(caught.value)
