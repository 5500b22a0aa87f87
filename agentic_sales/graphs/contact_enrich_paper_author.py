"""Identify a paper's author, find a way to reach the author, and judge whether the author's employer buys software.

`START → load_contact → resolve_openalex_author → resolve_github_handle ‖ enrich_orcid_profile ‖
enrich_semantic_scholar_author ‖ scrape_personal_homepage ‖ extract_email_from_paper_pdf ‖ resolve_linkedin_url →
classify_affiliation → classify_buyer_fit → auto_flag_unreachable → synthesize → END`

If some services fail, the results of the others are kept. A failure is no "not found".
"""

from datetime import UTC, datetime
from operator import add
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.campaigns.book.known_people import KnownPerson
from agentic_sales.campaigns.book.researchers import given_researcher, wanted_of, write_researcher
from agentic_sales.llm.progress import tell_progress
from agentic_sales.rules import paper_authors as rules
from agentic_sales.rules.authors import SoughtPerson
from agentic_sales.rules.forms import dumped
from agentic_sales.rules.researchers import ResearcherForm
from agentic_sales.settings import settings
from agentic_sales.sources import author_enrichers as services
from agentic_sales.sources.service import Unavailable


class Input(ResearcherForm):
    """Input of a run."""


class Output(rules.AuthorProfile):
    """Output of a run."""

    enrichers_completed: Annotated[list[str], add] = Field(default_factory=list, description="Those that answered.")
    unavailable_sources: Annotated[list[str], add] = Field(
        default_factory=list, description="Sources that did not serve, and why."
    )


class State(Input, Output):
    """Input, output and the known person."""

    known: KnownPerson = Field(default_factory=KnownPerson, description="The person in the book.")


EXAMPLE: dict[str, Any] = {"name": "Nerys Vanterpool", "company_name": "Emberloom", "domain": "emberloom.example"}


async def load_contact(state: State) -> dict[str, Any]:
    """Read the person in the book, or take the name."""
    known = await given_researcher(state)
    told = {"name": known.name, "orcid": state.orcid or str(known.facts.get("orcid") or "")}
    return rules.AuthorProfile().model_dump() | told | {"known": known.model_dump(), "person_id": known.person_id}


async def resolve_openalex_author(state: State) -> dict[str, Any]:
    """Find the author at OpenAlex, by the ORCID iD or by name and employer."""
    gone = Unavailable()
    told, papers = await services.resolve_author(settings(), _wanted(state), gone)
    return {**told, "papers": dumped(papers), "unavailable_sources": list(gone.told)}


async def resolve_github_handle(state: State) -> dict[str, Any]:
    """Find the account on GitHub and its profile."""
    gone = Unavailable()
    return _ended("github", await services.github_of(settings(), _wanted(state), gone), gone)


async def enrich_orcid_profile(state: State) -> dict[str, Any]:
    """Read the ORCID record."""
    gone = Unavailable()
    return _ended("orcid", await services.orcid_of(settings(), state.orcid, gone), gone)


async def enrich_semantic_scholar_author(state: State) -> dict[str, Any]:
    """Find the author at Semantic Scholar."""
    gone = Unavailable()
    return _ended("semantic_scholar", await services.scholar_of(settings(), _wanted(state), gone), gone)


async def scrape_personal_homepage(state: State) -> dict[str, Any]:
    """Read the person's own page."""
    gone, known_url = Unavailable(), str(state.known.facts.get("homepage_url") or "")
    return _ended("homepage", await services.homepage_of(settings(), _wanted(state), known_url, gone), gone)


async def extract_email_from_paper_pdf(state: State) -> dict[str, Any]:
    """Say that PDF files are not read. No parser of them is among the dependencies."""
    return {"pdf_email_status": "no_reader" if state.papers else ""}


async def resolve_linkedin_url(state: State) -> dict[str, Any]:
    """Look the profile up in the book alone. Nothing is fetched from LinkedIn."""
    told = rules.linkedin_of((str(state.known.facts.get("linkedin_url") or ""), state.known.profile))
    return _ended("linkedin", told, Unavailable())


async def classify_affiliation(state: State) -> dict[str, Any]:
    """Tell where the author works, by institution and ORCID record."""
    return rules.affiliation_of(state)


async def classify_buyer_fit(state: State) -> dict[str, Any]:
    """Judge whether the author works where software is bought."""
    return rules.buyer_fit(state)


async def auto_flag_unreachable(state: State) -> dict[str, Any]:
    """Flag a person who does not buy and has no usable address."""
    return rules.flagged(state, has_email=bool(state.known.facts.get("email")))


async def synthesize(state: State) -> dict[str, Any]:
    """Write the results into the book."""
    facts, written = rules.facts_of_author(state), state.person_id
    if facts and not state.dry_run:
        written = await write_researcher("contact_enrich_paper_author", state.known, facts, page=state.page) or ""
    told = {"enriched": [fact.field for fact in facts], "enriched_at": datetime.now(UTC).isoformat()}
    return {"person_id": written, **told}


def _wanted(state: State) -> SoughtPerson:
    return wanted_of(state.known, state.orcid)


def _ended(name: str, found: dict[str, Any], gone: Unavailable) -> dict[str, Any]:
    tell_progress(name, 1, 1)
    return {**found, "enrichers_completed": [] if gone.told else [name], "unavailable_sources": list(gone.told)}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the six services between the author and the judgement."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load_contact, resolve_openalex_author])
    builder.add_sequence([classify_affiliation, classify_buyer_fit, auto_flag_unreachable, synthesize])
    accounts = (resolve_github_handle, enrich_orcid_profile, enrich_semantic_scholar_author, resolve_linkedin_url)
    for node in (*accounts, scrape_personal_homepage, extract_email_from_paper_pdf):
        builder.add_node(node)
        builder.add_edge("resolve_openalex_author", node.__name__)
        builder.add_edge(node.__name__, "classify_affiliation")
    builder.add_edge(START, "load_contact")
    builder.add_edge("synthesize", END)
    return builder.compile(checkpointer=checkpointer, name="contact_enrich_paper_author")


graph = build_graph()
