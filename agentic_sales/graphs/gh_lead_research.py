"""Research a repository's owner as a lead: `START → load_repo → gather → synthesize → persist → END`.

The readme, the telling pages of the owner's site, the busiest contributors and a web search are read side by side. A
model or the rules find statements on money, launches, size, past and public relations. A claim without words of a page
is dropped. Money, a famous past and public relations disqualify. The dossier becomes an analysis of the book.
"""

import asyncio
from itertools import count
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.repositories import write_dossier
from agentic_sales.errors import AgenticSalesError, NotFound
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import lead_research as research
from agentic_sales.rules.forms import Form, dumped
from agentic_sales.rules.repositories import OwnerFacts, RepositoryFacts
from agentic_sales.settings import settings
from agentic_sales.sources.github import GitHub
from agentic_sales.sources.github_owners import owner_of, repository_facts
from agentic_sales.sources.lead_pages import contributors_of, read_site, web_results
from agentic_sales.sources.service import Unavailable

PROMPTS = load_prompts(__file__)


class Input(Form):
    """Input of a run."""

    full_name: str = Field(pattern=r"^[^/\s]+/[^/\s]+$", max_length=300, description="`owner/name` on GitHub.")
    given_pages: dict[str, str] = Field(
        default_factory=dict, max_length=20, description="Pages by address, by value: nothing is fetched or written."
    )
    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class Output(ModelOutput):
    """Output of a run."""

    brief: research.Dossier = Field(default_factory=research.Dossier, description="The dossier.")
    research_id: str | None = Field(default=None, description="The dossier in the book. Null: nothing was written.")
    summary: dict[str, Any] = Field(default_factory=dict, description="icp_disqualifier, and counts of the sources.")
    repo: RepositoryFacts | None = Field(
        default=None, description="The repository. Null: GitHub has none, or did not serve."
    )
    owner: OwnerFacts | None = Field(default=None, description="Its owner.")
    homepages: list[str] = Field(default_factory=list, description="Sites of the owner that were tried.")
    pages: dict[str, str] = Field(default_factory=dict, description="Text of the pages that were read, by address.")
    contributors: list[research.LeadPerson] = Field(default_factory=list, description="The busiest, at most 5.")
    web_results: list[research.WebResult] = Field(
        default_factory=list, description="Hits that name the owner, at most 5."
    )
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")


class State(Input, Output):
    """Input and output."""


EXAMPLE: dict[str, Any] = {"full_name": "cinderpath/cinderpath-core"}


async def load_repo(state: State) -> dict[str, Any]:
    """Read the repository and its owner."""
    gone, repo, owner = Unavailable(), None, None
    try:
        if not state.given_pages:
            async with GitHub(settings()) as github:
                repo = await repository_facts(github, state.full_name)
                owner = await owner_of(github, repo.owner, repo.owner_type)
    except NotFound:  # It is no failure of GitHub. The answer has no repository, or no owner.
        pass
    except AgenticSalesError as exc:
        gone.note("github", exc)
    found = {"repo": repo and repo.model_dump(mode="json"), "owner": owner and owner.model_dump()}
    return {**found, "unavailable_sources": list(gone.told)}


async def gather(state: State) -> dict[str, Any]:
    """Read the site, the contributors and the web side by side. One that fails does not stop the others."""
    repo = state.repo
    if repo is None:
        return {"pages": state.given_pages, "homepages": [], "contributors": [], "web_results": []}
    gone, done, homepages = Unavailable(), count(1), research.homepages_of(repo, state.owner)
    gone.add(state.unavailable_sources)
    name = (state.owner.name if state.owner else "") or repo.owner
    tell = lambda url: tell_progress("gather", next(done), 0, url)  # noqa: E731
    home = next(iter(homepages), "")
    pages, people, hits = await asyncio.gather(
        read_site(settings(), home, read=tell),
        contributors_of(settings(), repo.full_name, gone),
        web_results(settings(), name, home, gone),
    )
    told = [research.contributor(one.name, one.bio, one.email, one.url) for one in people]
    results = [research.WebResult(title=hit.title, url=hit.url, snippet=hit.snippet) for hit in hits]
    found = {"pages": {repo.page: repo.text, **pages}, "contributors": dumped(told), "web_results": dumped(results)}
    return {**found, "homepages": homepages, "unavailable_sources": list(gone.told)}


async def synthesize(state: State) -> dict[str, Any]:
    """Read the signals and the people in the pages. A field that no page fills is left empty."""
    words = with_additions("lead_research", research.lead_words, settings().rules_dir)
    pages = {hit.url: f"{hit.title}\n{hit.snippet}" for hit in state.web_results} | state.pages
    own = await asyncio.to_thread(research.claims_of, pages, words)
    who = f"{state.owner.name if state.owner else ''} ({state.full_name})"
    answer = await ask(
        PROMPTS["synthesize"],
        research.DossierClaims,
        fallback=lambda: own,
        tier="deep",
        owner=fenced(who),
        pages=fenced(research.pages_for_prompt(pages)),
    )
    brief = research.checked_dossier(answer.value, own, pages, state.contributors)
    counts = {"pages": len(state.pages), "contributors": len(state.contributors), "web_results": len(state.web_results)}
    summary = {"icp_disqualifier": research.disqualifier_of(brief), "confidence": brief.confidence, **counts}
    return {"brief": brief.model_dump(), "summary": summary, **answer.report}


async def persist(state: State) -> dict[str, Any]:
    """Write the dossier as an analysis of the repository, and its signals as facts."""
    if state.dry_run or state.repo is None:
        return {"research_id": None}
    prompts = state.graph_meta["prompts"]
    facts = research.facts_of_dossier(state.brief, state.repo.page, method=state.source)
    content = state.brief.model_dump()
    told = await write_dossier(
        "gh_lead_research", state.repo, state.owner, content=content, facts=facts, prompts=prompts
    )
    return {"research_id": told}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load_repo, gather, synthesize, persist])
    builder.add_edge(START, "load_repo")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="gh_lead_research")


graph = build_graph()
