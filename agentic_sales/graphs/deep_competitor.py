"""Look at one competitor in six ways, and keep the dossier.

`START → load → read_pages → pricing ‖ features ‖ integrations ‖ changelog ‖ positioning_shift ‖ funding_headcount →
synthesize → END`

Each lens reads one page of the competitor's site by a model or by rules. A lens that fails is named in
`partial_failures`, and its earlier parts are kept. A claim without words of a page is dropped.
"""

from operator import or_
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.campaigns.book.dossiers import Rival, rival_of, save_dossier
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import competitor_lenses as rules
from agentic_sales.settings import settings
from agentic_sales.sources.site_parts import first_link, read_parts
from agentic_sales.sources.web import Fetcher

PROMPTS = load_prompts(__file__)


class Input(rules.CompetitorForm):
    """Input of a run."""

    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class Output(ModelOutput):
    """Output of a run."""

    analysis: dict[str, Any] = Field(default_factory=dict, description="Id of the competitor, and all six lenses.")
    pricing_deep: list[rules.LensItem] = Field(default_factory=list, description="Tiers and prices.")
    features_deep: list[rules.LensItem] = Field(default_factory=list, description="Its features.")
    integrations_deep: list[rules.LensItem] = Field(default_factory=list, description="Products that it works with.")
    changelog: list[rules.LensItem] = Field(default_factory=list, description="Its changes, with dates.")
    positioning_shift: list[rules.LensItem] = Field(default_factory=list, description="How it names itself, and did.")
    funding_headcount: list[rules.LensItem] = Field(default_factory=list, description="Money, people, year.")
    pages: dict[str, str] = Field(default_factory=dict, description="Addresses of the pages that were read, by name.")
    partial_failures: dict[str, str] = Field(default_factory=dict, description="Lenses that failed, and why.")
    unavailable_sources: list[str] = Field(default_factory=list, description="Pages that cannot be read, and why.")


class State(Input, Output):
    """Input, output, the pages and the result of each lens."""

    rival: Rival = Rival(url="")
    texts: dict[str, tuple[str, str]] = Field(default_factory=dict)
    unread: list[str] = Field(default_factory=list)
    reports: Annotated[dict[rules.Lens, rules.LensReport], or_] = Field(default_factory=dict)


EXAMPLE: dict[str, Any] = {"url": "https://pennygale.example/"}


async def load(state: State) -> dict[str, Any]:
    """Find the competitor, and its dossier of before."""
    return {"rival": (await rival_of(state)).model_dump()}


async def read_pages(state: State) -> dict[str, Any]:
    """Read the home page and the page of each lens."""
    if state.page_texts:
        return {"texts": {name: [state.rival.url, text] for name, text in state.page_texts.items()}}
    parts = {lens: first_link(path) for lens, path in rules.PATHS.items()}
    async with Fetcher(settings()) as web:
        site = await read_parts(web, state.rival.url, parts)
    pages = {name: page.final_url for name, page in site.pages.items()}
    texts = {name: [page.final_url, page.text[: rules.MOST_TEXT_CHARS]] for name, page in site.pages.items()}
    return {"texts": texts, "pages": pages, "unread": site.unread, "unavailable_sources": site.failures}


async def _look(name: rules.Lens, state: State) -> dict[str, Any]:
    if missing := rules.unread(name, state.texts, state.unread):
        return {"reports": {name: missing.model_dump()}}
    before = rules.headline_in(state.rival.before)
    answer = await ask(
        PROMPTS[name],
        rules.LensReading,
        fallback=lambda: rules.read_lens(name, state.texts, before),
        undecided=rules.failed,
        tier="deep",
        temperature=0.0,
        page=fenced(rules.words_for(name, state.texts, before)),
    )
    tell_progress("lenses", 0, len(rules.LENSES), name)
    report = rules.checked(name, answer.value, state.texts, answer.source).model_dump()
    return {"reports": {name: report}, **answer.report}


async def pricing(state: State) -> dict[str, Any]:
    """Read its prices."""
    return await _look("pricing", state)


async def features(state: State) -> dict[str, Any]:
    """Read its features."""
    return await _look("features", state)


async def integrations(state: State) -> dict[str, Any]:
    """Read the products that it works with."""
    return await _look("integrations", state)


async def changelog(state: State) -> dict[str, Any]:
    """Read its changes."""
    return await _look("changelog", state)


async def positioning_shift(state: State) -> dict[str, Any]:
    """Read how it names itself, and whether it has named itself otherwise."""
    return await _look("positioning_shift", state)


async def funding_headcount(state: State) -> dict[str, Any]:
    """Read its statements on money and people."""
    return await _look("funding_headcount", state)


async def synthesize(state: State) -> dict[str, Any]:
    """Put the lenses together, and write the book."""
    dossier = rules.whole_dossier(state.reports, state.rival.before)
    competitor_id = state.rival.company_id
    if state.texts and not state.dry_run:
        competitor_id = await save_dossier(state.rival, dossier, state.graph_meta.get("prompts", {}))
    return rules.told(competitor_id, dossier)


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes as above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load, read_pages])
    builder.add_node(synthesize)
    builder.add_edge(START, "load")
    for node in (pricing, features, integrations, changelog, positioning_shift, funding_headcount):
        builder.add_node(node).add_edge("read_pages", node.__name__)
    builder.add_edge(list(rules.LENSES), "synthesize")
    builder.add_edge("synthesize", END)
    return builder.compile(checkpointer=checkpointer, name="deep_competitor")


graph = build_graph()
