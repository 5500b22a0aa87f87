"""Find somebody's papers, subjects, skills and GitHub account.

`START → load_contact → resolve_github_handle → fetch_papers → extract_skills → extract_tags → synthesize → END`

OpenAlex is asked for papers, then Crossref, then Semantic Scholar. Nobody is taken for the person without the surname,
and namesakes that cannot be told apart are nobody. Papers that the book has stay as they are. The book keeps the
results as facts of the person.
"""

from datetime import UTC, datetime
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.campaigns.book.known_people import KnownPerson
from agentic_sales.campaigns.book.researchers import given_researcher, wanted_of, write_researcher
from agentic_sales.errors import AgenticSalesError
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import papers as rules
from agentic_sales.rules.authors import GITHUB_OK
from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.rules.researchers import EnrichedResearcher, ResearcherForm, enriched_facts, github_fact
from agentic_sales.settings import settings
from agentic_sales.sources.author_papers import find_accounts, papers_of
from agentic_sales.sources.github import GitHub
from agentic_sales.sources.service import Unavailable

PROMPTS = load_prompts(__file__)


class Input(ResearcherForm):
    """Input of a run: a person of the book, or a name."""


class Output(ModelOutput, EnrichedResearcher):
    """Output of a run."""

    findings: list[FoundFact] = Field(default_factory=list, description="Facts that the book keeps.")
    enriched_at: str = Field(default="", description="When, ISO 8601.")
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")


class State(Input, Output):
    """Input, output and the person of the book."""

    known: KnownPerson = Field(default_factory=KnownPerson, description="The person in the book.")
    github_score: float = Field(default=1.0, description="How surely the account is the person's.")
    tag_quotes: dict[str, list[str]] = Field(default_factory=dict, description="Words and page of each tag.")


EXAMPLE: dict[str, Any] = {"name": "Nerys Vanterpool", "company_name": "Emberloom", "domain": "emberloom.example"}


async def load_contact(state: State) -> dict[str, Any]:
    """Read the person in the book, or take the name."""
    known = await given_researcher(state)
    told = known.model_dump(include={"person_id", "contact_id", "name", "position", "profile"})
    return {
        "known": known.model_dump(),
        "contact": told | {"orcid": state.orcid or str(known.facts.get("orcid") or "")},
        "company": known.company.model_dump(include={"company_id", "name", "domain"}) if known.company else {},
        "github_handle": str(known.facts.get("github_login") or ""),
        "github_handle_source": "",
        "existing_tags": [tag for tag in known.facts.get("research_tags") or [] if tag in rules.RESEARCH_TAGS],
    }


async def resolve_github_handle(state: State) -> dict[str, Any]:
    """Search GitHub for the name, unless the book knows the account."""
    if state.github_handle:
        return {"github_handle_source": "existing"}
    gone = Unavailable()
    try:
        async with GitHub(settings()) as github:
            found = await find_accounts(github, wanted_of(state.known, state.contact["orcid"]))
    except AgenticSalesError as exc:
        gone.note("github", exc)
        return {"unavailable_sources": list(gone.told)}
    best = next((each for each in found if each.score >= GITHUB_OK), None)
    tell_progress("resolve_github_handle", 1, 1, best.user.login if best else "nobody")
    told = {"github_handle": best.user.login, "github_score": best.score} if best else {}
    return told | {"github_handle_source": "search" if best else ""}


async def fetch_papers(state: State) -> dict[str, Any]:
    """Ask for papers, and join them with those of the book."""
    gone = Unavailable()
    found = await papers_of(settings(), wanted_of(state.known, state.contact["orcid"]), gone)
    papers = rules.merge_papers(state.known.facts.get("papers") or [], found)
    tell_progress("fetch_papers", 1, 1, f"{len(papers)} papers")
    told = [*state.unavailable_sources, *gone.told]
    return {"papers": [paper.model_dump() for paper in papers], "unavailable_sources": told}


async def extract_skills(state: State) -> dict[str, Any]:
    """Find the skills that titles and abstracts name."""
    return {"extracted_skills": rules.skills_in(state.papers)}


async def extract_tags(state: State) -> dict[str, Any]:
    """Choose tags with a model, else by words. A tag without words of a paper is dropped."""
    if not state.papers:
        return {"tags": state.existing_tags, "tags_added": []}
    text = "\n\n".join(paper.text for paper in state.papers)
    answer = await ask(
        PROMPTS["extract_tags"],
        rules.PaperTags,
        fallback=lambda: rules.tags_in(state.papers),
        temperature=0.0,
        papers=fenced(text[:12_000]),
    )
    backed = rules.backed_tags(answer.value, state.papers)
    tags = [tag for tag in rules.RESEARCH_TAGS if tag in backed or tag in state.existing_tags]
    added = [tag for tag in tags if tag not in state.existing_tags]
    return {"tags": tags, "tags_added": added, "tag_quotes": backed, **answer.report}


async def synthesize(state: State) -> dict[str, Any]:
    """Write the results into the book."""
    facts = enriched_facts(state.papers, state.tags, state.tag_quotes, state.extracted_skills, method=state.source)
    facts += github_fact(state.github_handle, state.github_score) if state.github_handle_source == "search" else []
    if facts and not state.dry_run:
        page = f"https://github.com/{state.github_handle}" if state.github_handle else ""
        await write_researcher("contact_enrich", state.known, facts, papers=state.papers, page=page)
    return {"findings": [fact.model_dump() for fact in facts], "enriched_at": datetime.now(UTC).isoformat()}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load_contact, resolve_github_handle, fetch_papers, extract_skills, extract_tags, synthesize])
    builder.add_edge(START, "load_contact")
    builder.add_edge("synthesize", END)
    return builder.compile(checkpointer=checkpointer, name="contact_enrich")


graph = build_graph()
