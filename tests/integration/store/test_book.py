"""The book on both databases: one row a company, one current fact a field, and nothing lost by a merge."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.contracts import CompanyId, ContactId, PersonId, Subject
from agentic_sales.errors import StateConflict, UnknownRecord
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.current_facts import MOST_KEPT
from agentic_sales.settings import Settings
from agentic_sales.store import analyses as written
from agentic_sales.store.analyses import Analysis, analyses_of, latest_analysis, save_analysis
from agentic_sales.store.companies import (
    CompanyFilter,
    CompanyRow,
    block_company,
    companies,
    company,
    company_ids,
    company_named,
)
from agentic_sales.store.contacts import add_contact, contact
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.facts import Fact, current_values, facts_of
from agentic_sales.store.merge import merge_companies
from agentic_sales.store.people import SourcedPerson, become_contact, erase_person, people, person, person_ids
from agentic_sales.store.recording import Recorded, record_facts
from agentic_sales.store.subjects import Thing, close_missing, save_things, thing, things

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ACME, OTHER = Firm("Acme GmbH", "acme.de"), Firm("Other Ltd", "other.co.uk")
WRITERS = 12


@pytest.fixture
async def database(migrated: Settings) -> AsyncIterator[Database]:
    """An empty book of each kind of database."""
    async with open_database(migrated) as opened:
        yield opened


async def one_company(connection: AsyncConnection, firm: Firm = ACME) -> CompanyId:
    return (await company_ids(connection, [firm], now=NOW))[firm]


def about(company_id: str, field: str, value: Any, **further: Any) -> Fact:
    told = {"method": "llm", "observed_at": NOW, "workflow": "company_enrichment", **further}
    return Fact(Subject("company", company_id), field, value, **told)


async def count(connection: AsyncConnection, table: Any) -> int:
    return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_a_company_in_six_spellings_is_one_row(database: Database) -> None:
    spellings = [
        Firm("ACME"),
        Firm("Acme GmbH", "https://www.acme.de/impressum"),
        Firm("acme gmbh & co. kg", None),
        Firm("", "jobs.acme.de"),
        Firm("Ácme", "acme.de"),
        Firm("Acme Deutschland", "ACME.DE"),
    ]
    async with database.writing() as connection:
        for spelling in spellings:
            await company_ids(connection, [spelling], now=NOW)
        at_once = await company_ids(connection, spellings, now=NOW)
        assert len({*at_once.values()}) == 1
        [row] = await companies(connection)
    assert (row.key, row.domain, row.name) == ("acme.de", "acme.de", "ACME")


async def test_companies_of_one_name_and_two_sites_are_two_and_the_name_alone_is_neither(database: Database) -> None:
    firms = [Firm("Acme", "acme.de"), Firm("Acme Inc", "acme.com"), Firm("Acme")]
    async with database.writing() as connection:
        found = await company_ids(connection, firms, now=NOW)
        assert await company_ids(connection, firms, now=NOW) == found
    assert len({*found.values()}) == 3


async def test_writers_of_one_company_at_once_make_one_row(database: Database) -> None:
    async def write(firm: Firm) -> CompanyId:
        async with database.writing() as connection:
            return await one_company(connection, firm)

    spellings = [Firm("Acme GmbH", "acme.de"), Firm("ACME"), Firm("acme", "www.acme.de")] * (WRITERS // 3)
    ids = await asyncio.gather(*map(write, spellings))
    assert len({*ids}) == 1
    async with database.reading() as connection:
        assert await count(connection, CompanyRow) == 1


async def test_a_list_of_companies_is_narrowed_by_facts_names_and_blocks(database: Database) -> None:
    async with database.writing() as connection:
        acme, other = [await one_company(connection, firm) for firm in (ACME, OTHER)]
        await record_facts(connection, [about(acme, "country", "Germany"), about(other, "category", "PRODUCT")])
        await block_company(connection, other, by="Ann", why="a partner", now=NOW)

        async def listed(**wanted: Any) -> list[str]:
            return [row.company_id for row in await companies(connection, CompanyFilter(**wanted))]

        assert await listed() == [other, acme]
        assert await listed(country="germany") == [acme]
        assert await listed(category="product") == [other]
        assert await listed(missing_field="country") == [other]
        assert await listed(is_blocked=True) == [other]
        assert await listed(text="ACM") == [acme]
        assert await listed(text=".co.uk") == [other]
        assert await listed(text="%") == []
        assert await listed(ids=[acme]) == [acme]
        assert [row.company_id for row in await companies(connection, limit=1, offset=1)] == [acme]
        for spelling in (acme, "https://www.acme.de", "Acme Ltd."):
            found = await company_named(connection, spelling)
            assert found is not None
            assert found.company_id == acme
        assert await company_named(connection, "nobody.example") is None


async def test_what_is_found_again_changes_nothing_but_when_it_was_seen(database: Database) -> None:
    later = NOW + timedelta(days=3)
    async with database.writing() as connection:
        acme = await one_company(connection)
        fact = about(acme, "country", "Germany", confidence=0.8, quote="Berlin", source_url="https://acme.de/contact")
        assert await record_facts(connection, [fact]) == Recorded(new=1)
        again = about(acme, "country", "Germany", confidence=0.8, quote="Berlin", source_url="https://acme.de/contact")
        assert await record_facts(connection, [again]) == Recorded(unchanged=1)
        seen = about(acme, "country", "Germany", confidence=0.8, quote="Berlin", source_url="https://acme.de/contact")
        assert await record_facts(connection, [_at(seen, later)]) == Recorded(unchanged=1)
        [row] = await facts_of(connection, Subject("company", acme), with_history=True)
    assert (row.first_observed_at, row.observed_at, row.is_current, row.quote) == (NOW, later, True, "Berlin")


def _at(fact: Fact, moment: datetime) -> Fact:
    return about(
        fact.subject.id,
        fact.field,
        fact.value,
        confidence=fact.confidence,
        quote=fact.quote,
        source_url=fact.source_url,
        observed_at=moment,
    )


async def test_the_fact_of_the_most_trusted_method_is_current_and_the_others_are_history(database: Database) -> None:
    async with database.writing() as connection:
        acme = await one_company(connection)
        await record_facts(connection, [about(acme, "country", "Spain", method="person", workflow="Ann")])
        await record_facts(
            connection,
            [
                about(acme, "country", "Germany", observed_at=NOW + timedelta(days=9)),
                about(acme, "industry", ["software", "tools"]),
            ],
        )
        now = await facts_of(connection, Subject("company", acme))
        assert [(row.field, row.value, row.method) for row in now] == [
            ("country", "Spain", "person"),
            ("industry", ["software", "tools"], "llm"),
        ]
        history = await facts_of(connection, Subject("company", acme), field="country", with_history=True)
        assert [row.value for row in history] == ["Spain", "Germany"]
        assert await current_values(connection, "company", [acme], ["country"]) == {acme: {"country": "Spain"}}


async def test_the_history_of_a_field_is_bounded(database: Database) -> None:
    async with database.writing() as connection:
        acme = await one_company(connection)
        for day in range(MOST_KEPT + 5):
            await record_facts(connection, [about(acme, "employees", day, observed_at=NOW + timedelta(days=day))])
        rows = await facts_of(connection, Subject("company", acme), with_history=True)
    assert [row.value for row in rows] == [*range(MOST_KEPT + 4, 4, -1)]
    assert [row.is_current for row in rows] == [True] + [False] * (MOST_KEPT - 1)


async def test_of_writers_of_one_field_at_once_one_has_the_current_fact(database: Database) -> None:
    async with database.writing() as connection:
        acme = await one_company(connection)

    async def write(number: int) -> None:
        async with database.writing() as connection:
            await record_facts(connection, [about(acme, "employees", number, workflow=f"w{number}")])

    await asyncio.gather(*map(write, range(WRITERS)))
    async with database.reading() as connection:
        rows = await facts_of(connection, Subject("company", acme), with_history=True)
    assert len(rows) == WRITERS
    assert [row.is_current for row in rows] == [True] + [False] * (WRITERS - 1)


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"field": "Is It"}, "names no field"),
        ({"value": None}, "has no value"),
        ({"confidence": 1.5}, "confidence 1.5"),
    ],
)
def test_a_fact_that_nobody_could_use_is_refused(told: dict[str, Any], wrong: str) -> None:
    values: dict[str, Any] = {"field": "country", "value": "Germany", **told}
    with pytest.raises(ValueError, match=wrong):
        about("acme", **values)


async def test_an_analysis_of_the_same_content_is_not_written_again(database: Database) -> None:
    async with database.writing() as connection:
        subject = Subject("company", await one_company(connection))
        first = Analysis(subject, "icp", {"a": 1, "b": {"c": [1], "d": "x"}}, "deep_icp")
        again = Analysis(subject, "icp", {"b": {"d": "x", "c": [1]}, "a": 1}, "deep_icp")
        other = Analysis(subject, "icp", {"a": 2}, "deep_icp", prompts={"draft": "abc"})
        ids = [await save_analysis(connection, each, now=NOW) for each in (first, again, other)]
        assert ids[0] == ids[1] != ids[2]
        latest = await latest_analysis(connection, subject, "icp")
        assert latest is not None
        assert (latest.content, latest.prompts) == ({"a": 2}, {"draft": "abc"})
        for number in range(3, 3 + written.MOST_KEPT):
            await save_analysis(connection, Analysis(subject, "icp", {"a": number}, "deep_icp"), now=NOW)
        kept = await analyses_of(connection, subject, kind="icp")
    assert [row.content["a"] for row in kept] == [*range(2 + written.MOST_KEPT, 2, -1)]


async def test_a_person_is_recognised_by_profile_address_or_name_within_a_company(database: Database) -> None:
    async with database.writing() as connection:
        acme = await one_company(connection)
        sources = [
            SourcedPerson("Ada Lovelace", acme),
            SourcedPerson("Dr. Ada M. Lovelace", acme, profile="https://github.com/ada/"),
            SourcedPerson("A. Lovelace", None, profile="http://www.github.com/Ada?tab=repositories"),
            SourcedPerson("ada lovelace", acme, email_hash=email_hash("ada@acme.de")),
            SourcedPerson("Ada King", None, email_hash=email_hash("Ada+papers@acme.de")),
        ]
        ids = {(await person_ids(connection, [source], now=NOW))[source] for source in sources}
        assert len(ids) == 1
        [row] = await people(connection, company_id=acme)
        assert (row.name, row.profile) == ("Ada Lovelace", "github.com/ada")


async def test_namesakes_with_two_profiles_on_one_site_are_two_people(database: Database) -> None:
    async with database.writing() as connection:
        acme = await one_company(connection)
        one, two = [SourcedPerson("Jo Smith", acme, profile=f"github.com/{name}") for name in ("jo", "smith")]
        assert len({*(await person_ids(connection, [one, two], now=NOW)).values()}) == 2


async def test_writers_of_one_person_at_once_make_one_row(database: Database) -> None:
    async with database.writing() as connection:
        acme = await one_company(connection)

    async def write(number: int) -> None:
        async with database.writing() as connection:
            profile = "github.com/ada" if number % 2 else ""
            await person_ids(connection, [SourcedPerson("Ada Lovelace", acme, profile=profile)], now=NOW)

    await asyncio.gather(*map(write, range(WRITERS)))
    async with database.reading() as connection:
        assert len(await people(connection)) == 1


async def test_a_forgotten_person_does_not_come_back_with_the_next_source(database: Database) -> None:
    found = SourcedPerson("Ada Lovelace", None, profile="github.com/ada")
    async with database.writing() as connection:
        person_id = (await person_ids(connection, [found], now=NOW))[found]
        assert await erase_person(connection, person_id, now=NOW)
        again = SourcedPerson("Ada L.", None, profile="https://github.com/ADA", email_hash=email_hash("ada@acme.de"))
        assert await person_ids(connection, [again], now=NOW) == {}
        assert await people(connection) == []


def test_a_name_alone_names_no_person() -> None:
    with pytest.raises(ValueError, match="give a profile, an address or a company"):
        SourcedPerson("Ada Lovelace")


async def test_an_opening_that_vanished_is_closed_and_comes_back_under_its_id(database: Database) -> None:
    async with database.writing() as connection:
        acme = await one_company(connection)
        jobs = [Thing("opening", f"ashby/acme/{key}", f"Engineer {key}", company_id=acme) for key in "ab"]
        before = await save_things(connection, jobs, now=NOW)
        assert await close_missing(connection, "opening", acme, seen=["ashby/acme/a"], now=NOW) == ["ashby/acme/b"]
        assert [row.key for row in await things(connection, "opening", company_id=acme, is_there=True)] == [jobs[0].key]
        renamed = Thing("opening", "ashby/acme/b", "Senior Engineer b")
        again = await save_things(connection, [renamed], now=NOW)
        assert again[renamed] == before[jobs[1]]
        row = await thing(connection, again[renamed])
    assert row is not None
    assert (row.name, row.gone_at, row.company_id) == ("Senior Engineer b", None, acme)


async def test_of_two_lists_of_a_company_each_closes_its_own_openings_alone(database: Database) -> None:
    async with database.writing() as connection:
        acme = await one_company(connection)
        jobs = [Thing("opening", f"{board}/acme/a", "Engineer", company_id=acme) for board in ("ashby", "lever")]
        await save_things(connection, jobs, now=NOW)
        gone = await close_missing(connection, "opening", acme, seen=[], now=NOW, prefix="lever/acme/")
    assert gone == ["lever/acme/a"]


async def test_a_merge_moves_everything_and_the_old_site_leads_to_the_new_row(database: Database) -> None:
    async with database.writing() as connection:
        acme, other = [await one_company(connection, firm) for firm in (ACME, OTHER)]
        await record_facts(connection, [about(acme, "country", "Germany", confidence=0.9)])
        await record_facts(connection, [about(other, "country", "France", method="api"), about(other, "employees", 9)])
        await save_analysis(connection, Analysis(Subject("company", other), "icp", {"a": 1}, "deep_icp"), now=NOW)
        both = [
            SourcedPerson("Ada Lovelace", acme),
            SourcedPerson("Ada Lovelace", other),
            SourcedPerson("Bob Noyce", other),
        ]
        ids = await person_ids(connection, both, now=NOW)
        job = Thing("opening", "ashby/other/a", "Engineer", company_id=other)
        await save_things(connection, [job], now=NOW)
        contact_id = await _contact(connection, other)
        await become_contact(connection, PersonId(ids[both[1]]), contact_id, now=NOW)
        await block_company(connection, other, by="Ann", why="a partner", now=NOW)

        moved = await merge_companies(connection, into=acme, other=other, now=NOW)

        assert (moved.facts, moved.analyses, moved.references) == (2, 1, 4)
        [row] = await companies(connection)
        assert (row.company_id, row.key, row.blocked_by) == (acme, "acme.de", "Ann")
        now = await facts_of(connection, Subject("company", acme))
        assert [(fact.field, fact.value) for fact in now] == [("country", "France"), ("employees", 9)]
        assert len(await analyses_of(connection, Subject("company", acme))) == 1
        names = [each.name for each in await people(connection, company_id=acme)]
        assert sorted(names) == ["Ada Lovelace", "Bob Noyce"]
        ada = await person(connection, PersonId(ids[both[0]]))
        assert ada is not None
        assert ada.contact_id == contact_id
        [moved_job] = await things(connection, "opening", company_id=acme)
        assert moved_job.key == job.key
        written_to = await contact(connection, contact_id)
        assert written_to is not None
        assert written_to.company_id == acme
        assert await one_company(connection, Firm("Other", "www.other.co.uk")) == acme
        assert await person_ids(connection, [SourcedPerson("Bob Noyce", acme)], now=NOW) == {
            SourcedPerson("Bob Noyce", acme): ids[both[2]]
        }


async def test_who_was_forgotten_in_a_company_stays_so_after_its_merge_and_its_old_id_is_found(
    database: Database,
) -> None:
    async with database.writing() as connection:
        acme, other = [await one_company(connection, firm) for firm in (ACME, OTHER)]
        ada, bob = SourcedPerson("Ada Lovelace", other), SourcedPerson("Bob Noyce", other)
        ids = await person_ids(connection, [ada, bob], now=NOW)
        await erase_person(connection, ids[ada], now=NOW)
        await merge_companies(connection, into=acme, other=other, now=NOW)
        found = await company_named(connection, other)
        assert found is not None
        assert found.company_id == acme
        again = [SourcedPerson("Ada Lovelace", acme), SourcedPerson("Bob Noyce", acme)]
        assert await person_ids(connection, again, now=NOW) == {again[1]: ids[bob]}


async def test_a_company_takes_the_site_of_the_one_that_is_merged_into_it(database: Database) -> None:
    async with database.writing() as connection:
        by_name, by_site = [await one_company(connection, firm) for firm in (Firm("Acme Tools"), ACME)]
        await merge_companies(connection, into=by_name, other=by_site, now=NOW)
        row = await company(connection, by_name)
        assert row is not None
        assert (row.key, row.domain) == ("acme.de", "acme.de")
        assert await one_company(connection, Firm("Acme Tools")) == by_name
        with pytest.raises(StateConflict, match="into itself"):
            await merge_companies(connection, into=by_name, other=by_name, now=NOW)
        with pytest.raises(UnknownRecord, match="unknown company"):
            await merge_companies(connection, into=by_name, other=by_site, now=NOW)


async def _contact(connection: AsyncConnection, company_id: CompanyId) -> ContactId:
    values = {"email": "ada@other.co.uk", "email_hash": email_hash("ada@other.co.uk"), "company_id": company_id}
    basis = {"consent_basis": "contract", "consent_source": "their order", "consent_at": NOW}
    contact_id = await add_contact(connection, {**values, **basis}, now=NOW)
    assert contact_id is not None
    return contact_id
