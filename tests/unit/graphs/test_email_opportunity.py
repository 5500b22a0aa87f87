"""`email_opportunity` writes about an opening of the book to the person who decides, or says why it writes nothing."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.contracts import CompanyId, ContactId, Subject
from agentic_sales.errors import UnknownRecord
from agentic_sales.graphs.email_opportunity import EXAMPLE, Input
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.opportunities import Opportunity, fresh_subject
from agentic_sales.store.companies import block_company, company_ids
from agentic_sales.store.contacts import add_contact
from agentic_sales.store.facts import Fact
from agentic_sales.store.people import SourcedPerson, become_contact, person_ids
from agentic_sales.store.recording import record_facts
from agentic_sales.store.subjects import Thing, close_missing, save_things
from agentic_sales.store.suppressions import suppress
from tests.support.book_runs import BookRuns
from tests.support.small_campaign import person_of

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
FIRM = Firm("Cinderpath", "cinderpath.example")
OPENING = Thing("opening", "ashby/1", "Legal Engineer", "https://jobs.ashbyhq.com/cinderpath/1")
WISH = {"additional_instructions": "We sell contract tests. Ask for a short call."}


class Desk:
    """An opening of the book and the contacts of its company."""

    def __init__(self, book: BookRuns, company_id: CompanyId, opening: Subject) -> None:
        self.book, self.company_id, self.opening = book, company_id, opening

    async def contact(self, email: str, *, authority: float) -> ContactId:
        """Add a contact whose person has some authority."""
        async with self.book.database.writing() as connection:
            values = {**person_of(email), "company_id": self.company_id}
            contact_id = await add_contact(connection, values, now=NOW)
            assert contact_id is not None
            found = SourcedPerson(email, self.company_id, f"https://github.com/{email.partition('@')[0]}")
            [person_id] = (await person_ids(connection, [found], now=NOW)).values()
            await become_contact(connection, person_id, contact_id, now=NOW)
            told = Fact(Subject("person", person_id), "authority_score", authority, "rules", NOW)
            await record_facts(connection, [told])
        return contact_id


@pytest.fixture
async def desk(book: BookRuns) -> Desk:
    async with book.database.writing() as connection:
        company_id = (await company_ids(connection, [FIRM], now=NOW))[FIRM]
        thing = Thing(OPENING.kind, OPENING.key, OPENING.name, OPENING.url, company_id)
        opening = (await save_things(connection, [thing], now=NOW))[thing]
        text = "You will turn clauses into tests. " + "x" * 4_000
        await record_facts(connection, [Fact(opening, "description", text, "api", NOW)])
    return Desk(book, company_id, opening)


async def test_a_mail_is_about_the_opening_and_goes_to_the_contact_with_the_most_authority(desk: Desk) -> None:
    await desk.contact("ida@cinderpath.example", authority=0.3)
    chief = await desk.contact("jo@cinderpath.example", authority=0.9)
    final = await desk.book.run("email_opportunity", {"opportunity_id": desk.opening.id, **WISH})
    assert (final["contact_id"], final["contact_email"]) == (chief, "jo@cinderpath.example")
    assert (final["opportunity_title"], final["opportunity_status"]) == ("Legal Engineer", "open")
    assert (final["company_name"], final["company_website"]) == ("Cinderpath", "https://cinderpath.example/")
    assert "contract tests" in final["body"]
    assert len(final["raw_context"]) == 3_000


async def test_an_unknown_opening_is_an_error_and_no_empty_mail(book: BookRuns) -> None:
    with pytest.raises(UnknownRecord, match="unknown opening `nowhere`"):
        await book.run("email_opportunity", {"opportunity_id": "nowhere"})


async def test_nothing_is_written_to_somebody_who_unsubscribed(desk: Desk) -> None:
    await desk.contact("jo@cinderpath.example", authority=0.9)
    async with desk.book.database.writing() as connection:
        digest = email_hash("jo@cinderpath.example")
        await suppress(connection, digest, "unsubscribed", source="test", now=NOW)
    final = await desk.book.run("email_opportunity", {"opportunity_id": desk.opening.id, **WISH})
    assert (final["skip_reason"], final["body"]) == ("unsubscribed", "")


async def test_nothing_is_written_to_a_blocked_company(desk: Desk) -> None:
    async with desk.book.database.writing() as connection:
        await block_company(connection, desk.company_id, by="ada", why="a partner", now=NOW)
    final = await desk.book.run("email_opportunity", {"opportunity_id": desk.opening.id, **WISH})
    assert (final["skip_reason"], final["subject"]) == ("stopped", "")


async def test_an_opening_that_its_board_no_longer_lists_is_closed(desk: Desk) -> None:
    async with desk.book.database.writing() as connection:
        await close_missing(connection, "opening", desk.company_id, seen=(), now=NOW)
    final = await desk.book.run("email_opportunity", {"opportunity_id": desk.opening.id, **WISH})
    assert final["opportunity_status"] == "closed"


async def test_an_opening_may_be_given_by_value(book: BookRuns) -> None:
    final = await book.run("email_opportunity", EXAMPLE)
    assert (final["opportunity_title"], final["contact_id"]) == ("Firmware Test Engineer", None)
    assert final["body"].endswith("Ada Example")


def test_a_subject_that_the_person_has_had_gives_way_to_another_one() -> None:
    known = Opportunity(
        opportunity_title="Legal Engineer", company_name="Acme", prior_subjects=["A QUESTION", "Legal engineer"]
    )
    assert fresh_subject("A question", known) == "Legal Engineer at Acme"
    assert fresh_subject("Something new", known) == "Something new"


@pytest.mark.parametrize("given", [{}, {"opportunity_id": "1", "title": "x"}, {"company": "Acme"}])
def test_an_input_names_exactly_one_opening(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="give either `opportunity_id`"):
        Input(**given)
