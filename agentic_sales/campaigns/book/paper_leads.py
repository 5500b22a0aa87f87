"""Keep the leads among the authors of papers, and the yield of a topic's searches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentic_sales.campaigns.book.writing import BookWriter, writing_book
from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.rules.bandit import BanditArm, learnt
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.paper_leads import PaperLead, facts_of_lead, facts_of_paper
from agentic_sales.rules.words import folded
from agentic_sales.settings import settings
from agentic_sales.store.analyses import AnalysisRow, latest_analysis
from agentic_sales.store.database import current_database
from agentic_sales.store.people import SourcedPerson
from agentic_sales.store.subjects import Thing, thing_of_key

WORKFLOW = "lead_papers"
_KIND = "search_arms"


@dataclass(frozen=True, slots=True)
class WrittenLeads:
    """The receipt for leads."""

    people: list[str]
    """People of the book that are leads."""
    new: int
    """People among them that were not known."""


async def known_arms(topic: str) -> dict[str, BanditArm]:
    """Return the yield of the searches of a topic."""
    async with current_database(settings()).reading() as connection:
        row = await thing_of_key(connection, "document", _key(topic))
        kept = await latest_analysis(connection, row.subject, _KIND) if row else None
    return _arms_in(kept)


async def write_leads(topic: str, leads: Sequence[PaperLead], rewards: dict[str, float]) -> WrittenLeads:
    """Write leads, their companies and their papers, and the yield of this round of searches."""
    async with writing_book(WORKFLOW) as book:
        firms = await book.companies(firm for lead in leads if (firm := lead.firm))
        people = [(lead, person) for lead in leads if (person := _person(lead, firms))]
        ids = await book.people(person for _, person in people)
        papers = {paper.key: paper for lead in leads for paper in lead.papers}
        things = {Thing("paper", paper.key, paper.title, paper.url): paper for paper in papers.values()}
        for thing, subject in (await book.things(things)).items():
            book.note(subject, facts_of_paper(things[thing]))
        for lead, person in people:
            if person in ids:
                book.note(Subject("person", ids[person]), facts_of_lead(lead))
        await _learn(book, topic, rewards)
    return WrittenLeads(sorted(set(ids.values())), len(book.new_people))


async def _learn(book: BookWriter, topic: str, rewards: dict[str, float]) -> None:
    """Add one round to the yield. A run that is delivered again has taught its round already."""
    [subject] = (await book.things([Thing("document", _key(topic), f"Searches for {topic.strip()}")])).values()
    kept = await latest_analysis(book.connection, subject, _KIND)
    if kept is not None and book.run_id is not None and kept.run_id == book.run_id:
        return
    after = learnt(_arms_in(kept), rewards.items())
    arms = {name: arm.model_dump() for name, arm in sorted(after.items())}
    await book.keep(subject, _KIND, {"arms": arms}, prompts={})


def _arms_in(kept: AnalysisRow | None) -> dict[str, BanditArm]:
    arms: dict[str, Any] = kept.content["arms"] if kept else {}
    return {name: BanditArm.model_validate(arm) for name, arm in arms.items()}


def _person(lead: PaperLead, firms: dict[Firm, CompanyId]) -> SourcedPerson | None:
    """Return a lead as a person of the book. None if nothing but the name is known."""
    company_id = firms.get(lead.firm) if lead.firm else None
    return SourcedPerson(lead.name, company_id, lead.profile) if lead.profile or company_id else None


def _key(topic: str) -> str:
    return f"searches:{folded(topic)}"
