"""Whom an answer names is suggested, and joins the campaign once a person accepts by name, on both databases."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import Inbound
from agentic_sales.campaigns.answers.reclassify import reclassify
from agentic_sales.campaigns.answers.suggestions import SuggestionChoice, accept, decline
from agentic_sales.campaigns.outcomes.report import report_of
from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.people.export import held_of
from agentic_sales.campaigns.people.forget import erase, leave_for_good
from agentic_sales.campaigns.people.lifting import suppress_by_hand
from agentic_sales.campaigns.people.places import PlaceInCampaign
from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.errors import InvalidRequest, NotPermitted, RequestError, StateConflict
from agentic_sales.rehearsal.days import rehearse
from agentic_sales.settings import Settings
from agentic_sales.sources.mailboxes import MailboxVerdict
from agentic_sales.store.audit import audit_entries
from agentic_sales.store.campaigns import enrollments
from agentic_sales.store.contacts import ContactRow, contact_by_hash
from agentic_sales.store.database import open_database
from agentic_sales.store.suggestions import SuggestionRow, suggestions
from tests.chaos.campaign_lives import EVERYWHERE, PROCESSES, Fate
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, small_campaign

JO, JANE = "jo@firm.example", "jane.doe@firm.example"
TEXT = f"I am not the right person. Please write to my colleague Jane Doe ({JANE}).\n\nBest,\nJo"
SOURCE = "named in an answer of 2026-03-03 to campaign `spring`, accepted by Ann"


@pytest.fixture
async def spring(migrated: Settings) -> AsyncIterator[SmallCampaign]:
    """A running campaign, whose first person has got the first message."""
    async with small_campaign(migrated, plan={"steps": [{}]}) as campaign:
        await campaign.person(JO, time_zone="Europe/Berlin")
        await pass_until(campaign, 1)
        yield campaign


async def pass_until(campaign: SmallCampaign, days: float, *, since: float = 0) -> None:
    """Let days pass."""
    clock, until = VirtualClock(NOW + timedelta(days=since)), NOW + timedelta(days=days)
    await rehearse(campaign.database, clock, MaildirTransport(campaign.folder), until=until)


async def answered(campaign: SmallCampaign, text: str = TEXT, *, number: int = 1, kind: Any = "reply") -> None:
    """Let the first person answer, and a visit read the answer."""
    now = NOW + timedelta(days=number)
    told: dict[str, Any] = {"about_ids": (campaign.mails()[0]["Message-ID"],), "address": JO, "text": text}
    event = Inbound(f"answer-{number}", "test", kind, now, **told)
    async with campaign.database.writing() as connection:
        await record(connection, event, now=now)
    await pass_until(campaign, number + 0.5, since=number)


async def suggested(campaign: SmallCampaign) -> list[SuggestionRow]:
    """Return the suggestions."""
    async with campaign.database.reading() as connection:
        return await suggestions(connection, CAMPAIGN)


async def takes_mail(address: str) -> MailboxVerdict:
    """Judge that an address takes mail."""
    return MailboxVerdict(address, "deliverable", ())


async def accepted(campaign: SmallCampaign, **choice: Any) -> PlaceInCampaign:
    """Accept the one suggestion."""
    (row,) = await suggested(campaign)
    told = SuggestionChoice(**{"by": "Ann", **choice})
    return await accept(campaign.database, row.suggestion_id, told, check=takes_mail, now=NOW + timedelta(days=2))


async def contact_of(campaign: SmallCampaign, email: str) -> ContactRow | None:
    """Return the contact of an address, or None."""
    async with campaign.database.reading() as connection:
        return await contact_by_hash(connection, email_hash(email))


async def enrolled(campaign: SmallCampaign) -> int:
    """Count the people of the campaign."""
    async with campaign.database.reading() as connection:
        return len(await enrollments(connection, CAMPAIGN))


async def test_a_named_person_is_suggested_and_nobody_is_enrolled(spring: SmallCampaign) -> None:
    await answered(spring)
    (row,) = await suggested(spring)
    assert (row.name, row.email, row.event_id, row.state) == ("Jane Doe", JANE, "answer-1", "open")
    assert row.words == f"Please write to my colleague Jane Doe ({JANE})."
    assert (await contact_of(spring, JANE), await enrolled(spring)) == (None, 1)
    async with spring.database.reading() as connection:
        assert (await report_of(connection, CAMPAIGN, steps=1)).suggested == 1


async def test_an_accepted_person_joins_with_the_basis_and_who_accepted_and_gets_the_first_message(
    spring: SmallCampaign,
) -> None:
    await answered(spring)
    place = await accepted(spring)
    person = await contact_of(spring, JANE)
    assert person is not None
    assert (place.contact_id, place.state, place.step) == (person.contact_id, "active", 0)
    assert (person.consent_basis, person.consent_source) == ("legitimate_interest", SOURCE)
    assert (person.first_name, person.last_name, person.time_zone) == ("Jane", "Doe", "Europe/Berlin")
    async with spring.database.reading() as connection:
        (entry,) = await audit_entries(connection, contact_id=place.contact_id)  # type: ignore[arg-type]
    assert (entry.act, entry.by, entry.told["event_id"]) == ("accept", "Ann", "answer-1")
    await pass_until(spring, 3, since=2)
    assert sorted(mail["To"] for mail in spring.mails()) == [f"Jane Doe <{JANE}>", JO]
    with pytest.raises(StateConflict, match="Ann has accepted it already"):
        await accepted(spring)


async def test_a_declined_person_stays_declined_when_a_later_answer_names_the_same(spring: SmallCampaign) -> None:
    await answered(spring)
    (row,) = await suggested(spring)
    await decline(spring.database, row.suggestion_id, by="Ann", now=NOW, note="we know her")
    await answered(spring, f"As I said: please contact {JANE}.", number=2)
    (again,) = await suggested(spring)
    assert (again.state, again.decided_by, again.note) == ("declined", "Ann", "we know her")
    with pytest.raises(StateConflict, match="Ann has declined it already"):
        await accepted(spring)
    assert await enrolled(spring) == 1


async def test_a_suppressed_person_is_refused_and_is_not_suggested_by_a_later_answer(spring: SmallCampaign) -> None:
    await answered(spring)
    await suppress_by_hand(spring.database, JANE, by="Ann", now=NOW)
    with pytest.raises(NotPermitted, match="must not be written to: stopped"):
        await accepted(spring)
    assert ((await suggested(spring))[0].state, await contact_of(spring, JANE)) == ("open", None)
    await suppress_by_hand(spring.database, "bob@firm.example", by="Ann", now=NOW)
    await answered(spring, "Please contact Bob Roe, bob@firm.example.", number=2)
    assert len(await suggested(spring)) == 1


async def test_a_post_without_an_address_waits_for_one_that_a_person_gives(spring: SmallCampaign) -> None:
    await answered(spring, "Please contact our CTO.")
    with pytest.raises(InvalidRequest, match="--email"):
        await accepted(spring)
    await accepted(spring, email=JANE, name="Jane Doe", basis="consent")
    person = await contact_of(spring, JANE)
    assert person is not None
    assert (person.first_name, person.position, person.consent_basis) == ("Jane", "CTO", "consent")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"Stop writing to me. Write to {JANE}.", "reply"),
        (f"I am out of the office until 9 March 2026. In urgent cases write to {JANE}.", "auto_reply"),
        ("Sounds good, send me the pricing.", "reply"),
    ],
)
async def test_an_opt_out_an_absence_and_a_plain_answer_suggest_nobody(
    spring: SmallCampaign, text: str, kind: str
) -> None:
    await answered(spring, text, kind=kind)
    assert await suggested(spring) == []


async def test_a_person_that_has_left_names_a_successor_by_program(spring: SmallCampaign) -> None:
    await answered(spring, f"Jo no longer works here. Please contact Jane Doe, {JANE}.", kind="auto_reply")
    assert [row.email for row in await suggested(spring)] == [JANE]


async def test_an_answer_that_was_read_wrongly_suggests_once_a_person_corrects_it(spring: SmallCampaign) -> None:
    text = f"I am out of the office until 9 March 2026. Please write to {JANE}."
    await answered(spring, text)
    assert await suggested(spring) == []
    await reclassify(spring.database, "answer-1", "other", by="Ann", now=NOW)
    assert [row.email for row in await suggested(spring)] == [JANE]


@pytest.mark.parametrize("forgotten", [JO, JANE])
async def test_a_forgotten_person_leaves_no_suggestion_behind(spring: SmallCampaign, forgotten: str) -> None:
    await answered(spring)
    async with spring.database.reading() as connection:
        assert len((await held_of(connection, forgotten))["suggestions"]) == 1
    leaving = await leave_for_good(spring.database, forgotten, now=NOW)
    if leaving is not None:
        assert (await erase(spring.database, leaving.contact_id))["suggestions"] == 1
    assert await suggested(spring) == []


async def test_an_address_without_mail_is_refused(spring: SmallCampaign) -> None:
    async def takes_none(address: str) -> MailboxVerdict:
        return MailboxVerdict(address, "undeliverable", ("its domain does not exist",))

    await answered(spring)
    (row,) = await suggested(spring)
    with pytest.raises(RequestError, match="its domain does not exist"):
        await accept(spring.database, row.suggestion_id, SuggestionChoice("Ann"), check=takes_none, now=NOW)


def accept_and_die(configuration: Settings, suggestion_id: str, dies_at: int) -> None:
    """Accept a suggestion in this process, which dies at the n-th statement or commit."""

    async def accepting() -> None:
        life: Any = SimpleNamespace(points=EVERYWHERE, dies_at=dies_at)
        async with open_database(configuration) as database:
            Fate(life).watch(database)
            await accept(database, suggestion_id, SuggestionChoice("Ann"), check=takes_mail, now=NOW)

    asyncio.run(accepting())


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.long)])
async def test_an_acceptance_that_is_killed_between_its_statements_is_made_once_afterwards(
    spring: SmallCampaign, migrated: Settings, every: int
) -> None:
    await answered(spring)
    (row,) = await suggested(spring)
    for dies_at in count(0, every):
        process = PROCESSES.Process(target=partial(accept_and_die, migrated, row.suggestion_id, dies_at))
        process.start()
        await asyncio.to_thread(process.join)
        if process.exitcode == 0 or (await suggested(spring))[0].state == "accepted":
            break
        assert process.exitcode == -signal.SIGKILL
        assert (await contact_of(spring, JANE), await enrolled(spring)) == (None, 1)
    assert dies_at > 5
    assert ((await suggested(spring))[0].state, await enrolled(spring)) == ("accepted", 2)
    assert await contact_of(spring, JANE) is not None
