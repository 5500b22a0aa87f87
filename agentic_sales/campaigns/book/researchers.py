"""Read and write authors of papers: the person, the employer, and the papers as things of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

from agentic_sales.campaigns.book.known import KnownCompany
from agentic_sales.campaigns.book.known_people import KnownPerson, known_person
from agentic_sales.campaigns.book.writing import BookWriter, writing_book
from agentic_sales.contracts import CompanyId, PersonId, Subject
from agentic_sales.rules.authors import SoughtPerson
from agentic_sales.rules.company_identity import Firm, site_of
from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.rules.papers import FoundPaper
from agentic_sales.rules.researchers import ResearcherForm
from agentic_sales.store.people import SourcedPerson
from agentic_sales.store.subjects import Thing


async def given_researcher(given: ResearcherForm) -> KnownPerson:
    """Return the person of an input. The input's values go before the book's.

    Raises:
        UnknownRecord: The book does not have the id.
    """
    known = KnownPerson(name=given.name)
    if given.has_id:
        known = await known_person(person_id=given.person_id, contact_id=given.contact_id)
    company = known.company or KnownCompany(company_id="", name="")
    told = {"name": given.company_name or company.name, "domain": site_of(given.domain) or company.domain}
    return known.model_copy(update={"name": given.name or known.name, "company": company.model_copy(update=told)})


def wanted_of(known: KnownPerson, orcid: str) -> SoughtPerson:
    """Return a person as services are asked for him or her."""
    company = known.company or KnownCompany(company_id="", name="")
    return SoughtPerson(known.name, company.name, company.domain or "", orcid)


async def write_researcher(
    workflow: str, whom: KnownPerson, facts: Sequence[FoundFact], *, papers: Sequence[FoundPaper] = (), page: str = ""
) -> PersonId | None:
    """Write a person with facts and papers. Return the id.

    Args:
        workflow: Name of the workflow.
        whom: The person. One that the book does not have is written if a page or the employer tells him or her.
        facts: The findings.
        papers: Papers, which become things with their abstracts.
        page: A page about the person.

    Returns:
        None: the person was forgotten, or nothing beside the name tells the person from others.
    """
    async with writing_book(workflow) as book:
        subject = await _subject(book, whom, page)
        if subject is None:
            return None
        book.note(subject, facts)
        await _note_papers(book, papers)
    return PersonId(subject.id)


async def _note_papers(book: BookWriter, papers: Sequence[FoundPaper]) -> None:
    things = {Thing("paper", paper.thing_key, paper.title, paper.url): paper for paper in papers if paper.title}
    for thing, paper in (await book.things(things)).items():
        book.note(paper, _facts_of_paper(things[thing]))


async def _subject(book: BookWriter, whom: KnownPerson, page: str) -> Subject | None:
    if whom.person_id or whom.contact_id:
        return await book.person(whom)
    firm = Firm(whom.company.name, whom.company.domain) if whom.company else Firm("")
    company_id: CompanyId | None = (await book.companies([firm])).get(firm) if firm.key else None
    try:
        mine = SourcedPerson(whom.name, company_id, page)
    except ValueError:  # A name alone is nobody.
        return None
    person_id = (await book.people([mine])).get(mine)
    return Subject("person", person_id) if person_id else None


def _facts_of_paper(paper: FoundPaper) -> list[FoundFact]:
    told: Mapping[str, Any] = {
        "authors": paper.authors,
        "year": paper.year,
        "abstract": paper.abstract,
        "citation_count": paper.citation_count,
        "doi": paper.doi,
    }
    return [
        FoundFact(field=name, value=value, method="api", source_url=paper.url)
        for name, value in told.items()
        if value not in (None, "", [])
    ]
