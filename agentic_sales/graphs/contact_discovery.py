"""Find the people of a company.

`START → load → team_branch → gh_branch ‖ papers_branch → merge → dedupe_vs_db → persist → END`

Rules and a model read the company's own pages. A person found by the model counts only with words of a page. GitHub and
papers count only for this very company. Only printed addresses are kept.
"""

import asyncio
from operator import add, or_
from time import monotonic
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.campaigns.book.known_people import given_company, names_known
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import company_people as rules
from agentic_sales.rules import team_pages
from agentic_sales.rules.book_forms import NamedCompanyForm
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.forms import dumped
from agentic_sales.rules.people_keys import person_name_key
from agentic_sales.settings import settings
from agentic_sales.sources.company_people import github_people, paper_people, read_team_pages
from agentic_sales.sources.service import Unavailable
from agentic_sales.store.people import SourcedPerson

PROMPTS = load_prompts(__file__)


class Input(NamedCompanyForm):
    """Input of a run."""

    category: str = Field(default="", max_length=40, description="Category; the book's without one.")
    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class Output(ModelOutput, rules.FoundPeople):
    """Output of a run."""

    timings: Annotated[dict[str, float], or_] = Field(default_factory=dict, description="Seconds of each branch.")
    unavailable_sources: Annotated[list[str], add] = Field(
        default_factory=list, description="Sources that did not serve, and why."
    )


class State(Input, Output):
    """Input, output and the links of the site."""

    organizations: list[str] = Field(default_factory=list, description="GitHub logins that the site links to.")


EXAMPLE: dict[str, Any] = {"domain": "emberloom.example", "name": "Emberloom"}


async def load(state: State) -> dict[str, Any]:
    """Read the company in the book, or take it by value."""
    known = await given_company(state)
    told = {"domain": known.domain or "", "category": state.category or str(known.facts.get("category") or "")}
    return {"company": known.model_dump(include={"company_id", "name"}) | told}


async def team_branch(state: State) -> dict[str, Any]:
    """Read the pages of the company that name people."""
    domain, started_s, gone = state.company["domain"], monotonic(), Unavailable()
    if not domain:
        return {"team": []}
    site = await read_team_pages(settings(), f"https://{domain}/", gone)
    found, report = await asyncio.to_thread(team_pages.people_in, site.pages, state.company["name"]), {}
    if site.pages:
        text = "\n\n".join(f"{url}\n{page}" for url, page in site.pages.items())[: team_pages.MOST_PROMPT_CHARS]
        nobody = team_pages.Team(people=[])  # The rules' people are there already.
        answer = await ask(PROMPTS["team_branch"], team_pages.Team, fallback=lambda: nobody, pages=fenced(text))
        found, report = [*found, *team_pages.backed(answer.value, site.pages)], answer.report
    team = team_pages.with_addresses(found, site.emails, domain)
    return _told("team", team, started_s, gone) | report | {"organizations": site.organizations}


async def gh_branch(state: State) -> dict[str, Any]:
    """Read the members of the company's organisation on GitHub."""
    started_s, gone, company = monotonic(), Unavailable(), state.company
    people = await github_people(settings(), company["name"], company["domain"], state.organizations, gone)
    return _told("gh", people, started_s, gone)


async def papers_branch(state: State) -> dict[str, Any]:
    """Read the authors of the company's papers."""
    company, started_s, gone = state.company, monotonic(), Unavailable()
    if reason := rules.why_no_papers(company["name"], company["category"]):
        return {"skipped_papers": reason, "papers": []}
    people = await paper_people(settings(), company["name"], company["domain"], gone)
    return _told("papers", people, started_s, gone) | {"skipped_papers": ""}


async def merge(state: State) -> dict[str, Any]:
    """Join the people by their names."""
    return {"merged": dumped(rules.merged([*state.team, *state.papers, *state.gh], state.company["domain"]))}


async def dedupe_vs_db(state: State) -> dict[str, Any]:
    """Find the people that the book has in this company."""
    names = await names_known(company_id=state.company["company_id"], domain=state.company["domain"])
    told = [each.model_copy(update={"is_known": person_name_key(each.name) in names}) for each in state.merged]
    fresh = dumped(each for each in told if not each.is_known)
    return {"merged": dumped(told), "candidates": fresh, "skipped_existing": len(told) - len(fresh)}


async def persist(state: State) -> dict[str, Any]:
    """Write the people with their sources, and the new facts of known ones."""
    if state.dry_run or not state.merged:
        return {"candidates_inserted": 0}
    async with writing_book("contact_discovery") as book:
        firm = Firm(state.company["name"], state.company["domain"])
        company_id = CompanyId(state.company["company_id"]) or (await book.companies([firm]))[firm]
        people = {SourcedPerson(each.name, company_id, each.profile): each for each in state.merged}
        for person, person_id in (await book.people(people)).items():
            book.note(Subject("person", person_id), people[person].findings)
    return {"candidates_inserted": len(book.new_people), "company": {**state.company, "company_id": company_id}}


def _told(branch: str, people: list[rules.CompanyPerson], started_s: float, gone: Unavailable) -> dict[str, Any]:
    tell_progress(f"{branch}_branch", 1, 1, f"{len(people)} people")
    timings = {branch: round(monotonic() - started_s, 3)}
    return {branch: dumped(people), "timings": timings, "unavailable_sources": list(gone.told)}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes. The site is first, since it names the organisation on GitHub."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load, team_branch, gh_branch, merge, dedupe_vs_db, persist])
    builder.add_node(papers_branch)
    builder.add_edge(START, "load")
    builder.add_edge("team_branch", "papers_branch")
    builder.add_edge("papers_branch", "merge")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="contact_discovery")


graph = build_graph()
