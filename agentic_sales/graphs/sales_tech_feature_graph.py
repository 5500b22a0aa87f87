"""Make a card of a sales technology product from its own site, in nine aspects.

`START → load → fetch → extract → reconcile → synthesize → persist → END`

Nine extractors read the pages side by side. Once, at most five further pages are read for the missing parts. Nothing
gets into the card that no page says (`rules.sales_tech`). Where pages do not agree, both are shown. The book gets ten
facts.
"""

import asyncio
import time
from dataclasses import asdict
from itertools import count
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.known import known_company
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import Subject
from agentic_sales.llm.ask import Answer, ModelOutput, ask, report_of
from agentic_sales.llm.graph_meta import merge_graph_meta
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import sales_tech as card
from agentic_sales.rules import sales_tech_card as cards
from agentic_sales.rules import sales_tech_signs as signs
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.enrichments import NOT_BOOKED
from agentic_sales.settings import settings
from agentic_sales.sources.crawl import CrawlLimits
from agentic_sales.sources.product_pages import read_more, texts_for
from agentic_sales.sources.service import Unavailable

PROMPTS = load_prompts(__file__)
LIMITS = CrawlLimits(max_pages=18, max_depth=2, time_limit_s=90.0)


class Input(cards.FeatureForm):
    """Input of a run."""


class Output(cards.FeatureReport, ModelOutput):
    """Output of a run."""


class State(Input, Output):
    """Input, output and the parts under way."""

    units: dict[str, Any] = Field(default_factory=dict)
    unread: list[str] = Field(default_factory=list)
    started_s: float = 0.0


EXAMPLE: dict[str, Any] = {"url": "https://quillmark.example", "name": "Quillmark"}


async def load(state: State) -> dict[str, Any]:
    """Find the site of the company."""
    known = await known_company(state.company_id) if state.company_id else None
    told = {"url": state.url or known.site_url, "name": state.name or known.name} if known else {}
    return {"started_s": time.time(), **told}


async def fetch(state: State) -> dict[str, Any]:
    """Read the site, the telling pages first."""
    gone = Unavailable()
    found = await texts_for(settings(), state.url, state.given_pages, LIMITS, gone)
    tell_progress("fetch", len(found.pages), len(found.pages))
    return {**asdict(found), "unavailable_sources": list(gone.told)}


async def extract(state: State) -> dict[str, Any]:
    """Fill the nine parts of the card side by side."""
    return await _filled(state, state.pages, [*card.PAYLOADS])


async def _filled(state: State, pages: dict[str, str], aspects: list[card.Aspect]) -> dict[str, Any]:
    words, done = with_additions("sales_tech", signs.sales_tech_words, settings().rules_dir), count(1)
    own = await asyncio.to_thread(signs.extract_all, aspects, pages, state.unread, words)

    async def one(aspect: card.Aspect) -> Answer[card.AspectUnit[Any]]:
        answer = await ask(
            PROMPTS["extract"],
            card.UNITS[aspect],
            fallback=lambda: own[aspect],
            temperature=0.0,
            aspect=words.about[aspect],
            unread=fenced("\n".join(state.unread)),
            pages=fenced(cards.as_text(cards.pages_for(aspect, pages, words))),
        )
        tell_progress("extract", next(done), len(aspects), aspect)
        return answer

    answers = await asyncio.gather(*map(one, aspects))
    units = state.units | cards.dumped_units(aspects, [answer.value for answer in answers])
    return {"units": units, **report_of(answers)}


async def reconcile(state: State) -> dict[str, Any]:
    """Read once for the missing parts, fill them again, and show where pages do not agree."""
    words = with_additions("sales_tech", signs.sales_tech_words, settings().rules_dir)
    wanted = cards.wanted_pages(state.units, state.unread)
    more = await read_more(settings(), wanted)
    pages = state.pages | more.pages
    again = await _filled(state, pages, cards.asking_for(state.units, wanted)) if more.pages else {}
    differing = card.contradictions_in(await asyncio.to_thread(signs.told_by_page, pages, words))
    read = {"page_titles": state.page_titles | more.page_titles, "failed_urls": state.failed_urls + more.failed_urls}
    found = await asyncio.to_thread(cards.assembled, again.get("units", state.units), pages, differing)
    return {**again, "pages": pages, **read, **found}


async def synthesize(state: State) -> dict[str, Any]:
    """Sum the card up. A summary with a name or a number that the card does not have is left to the rules."""
    allowed = f"{state.name}\n{card.card_text(state.features)}"
    own = card.Synthesis(summary=signs.summary_of(state.parts, state.name), confidence=state.confidence)
    answer = await ask(PROMPTS["synthesize"], card.Synthesis, fallback=lambda: own, tier="deep", card=fenced(allowed))
    is_kept = answer.source == "llm" and not card.invents(answer.value.summary, allowed)
    whole = merge_graph_meta(state.graph_meta, answer.graph_meta)
    told = cards.summed_up(state, (answer.value if is_kept else own).summary, whole, time.time() - state.started_s)
    return {**told, "graph_meta": answer.graph_meta, "source": "llm" if is_kept else "rules"}


async def persist(state: State) -> dict[str, Any]:
    """Write the ten facts and the card in place of those of before. A site that says nothing changes nothing."""
    findings = card.facts_of(state.features, state.parts, state.source)
    if state.dry_run or state.given_pages or not findings:
        return {"persisted": False, **NOT_BOOKED}
    async with writing_book("sales_tech_feature_graph") as book:
        firm, document = Firm(state.name, state.url), state.features.model_dump(mode="json")
        company = Subject("company", state.company_id or (await book.companies([firm]))[firm])
        await book.replace(company, card.GROUP, findings)
        await book.keep(company, "sales_tech_features", document, prompts=state.graph_meta["prompts"])
    return {"persisted": True, "company_id": company.id, **book.told}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load, fetch, extract, reconcile, synthesize, persist])
    builder.add_edge(START, "load")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="sales_tech_feature_graph")


graph = build_graph()
