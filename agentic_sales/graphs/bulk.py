"""Ask one workflow about many companies of the book: three rows, which differ in the workflow that they ask.

`START → select → judge → persist → report → END`

Each company has one result. Finished companies are remembered, so that a run whose worker died goes on with the next
one. A budget stops the run within one company of it. Without `apply` nothing is written into the book.
"""

import time
from functools import partial
from itertools import count, pairwise
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field
from uuid_utils import uuid7

from agentic_sales.campaigns.book import bulk as book
from agentic_sales.campaigns.book.known import KnownCompany
from agentic_sales.errors import AgenticSalesError
from agentic_sales.llm.progress import tell_progress
from agentic_sales.rules import bulk as rules
from agentic_sales.rules.forms import dumped
from agentic_sales.runs.purse import current_purse
from agentic_sales.runs.remembered import Part, remembered
from agentic_sales.runs.subruns import run_assistant
from agentic_sales.side_by_side import ask_while

WORK_LIMIT_S = 2_700.0
"""After so long no further company is begun. A company takes at most the 600 s of `sales_tech_feature_graph`."""


class Input(rules.BulkForm):
    """Input of a run."""


class Output(rules.BulkReport):
    """Output of a run."""


class State(Input, Output):
    """Input, output and the companies under way."""

    chosen: list[str] = Field(default_factory=list)
    until_s: float = 0.0


EXAMPLE: dict[str, Any] = {"limit": 20, "concurrency": 2}


async def select(kind: rules.BulkKind, state: State) -> dict[str, Any]:
    """Choose the companies. A later attempt of the run works through the same ones."""
    chosen = await remembered("chosen", partial(book.choose_companies, state, kind))
    return {"chosen": chosen["ids"], "skipped_fresh": chosen["fresh"], "until_s": time.monotonic() + WORK_LIMIT_S}


async def judge(kind: rules.BulkKind, state: State) -> dict[str, Any]:
    """Ask about each company, for as long as the budget and the time last."""
    purse, told = current_purse.get(), count(1)
    limits = (state.budget_usd, purse.limit_usd if purse else None)
    allowance = rules.Allowance(min((limit for limit in limits if limit), default=None), state.concurrency)
    companies = await book.companies_with_facts(state.chosen)

    async def one(company: KnownCompany) -> rules.BulkResult:
        name = f"company:{company.company_id}"
        part = await remembered(name, partial(_ask, kind, company, apply=state.apply), is_kept=_is_final)
        result = rules.BulkResult.model_validate(part)
        allowance.pay(result)
        tell_progress("judge", next(told), len(companies), company.name)
        return result

    def may_start(under_way: int) -> bool:
        return time.monotonic() < state.until_s and allowance.has_room(under_way)

    results = await ask_while(companies, one, may_start=may_start)
    left = len(companies) - len(results)
    late = f"time: after {WORK_LIMIT_S:g} s no further company is begun" if left else ""
    return {"results": dumped(results), "left": left, "stopped": (allowance.stopped or late) if left else ""}


def _is_final(part: Part) -> bool:
    return bool(part["is_final"])


async def _ask(kind: rules.BulkKind, company: KnownCompany, *, apply: bool) -> Part:
    """Ask about one company. Its failure is its result, and stops none of the others."""
    known = rules.BulkResult(company_id=company.company_id, name=company.name, domain=company.domain or "")
    asked = kind.question(company.name, known.domain, company.facts)
    if asked is None:
        return known.model_copy(update={"status": "skipped_empty", "reasons": [kind.nothing]}).model_dump()
    by_id = {} if kind.findings else {"company_id": company.company_id, "dry_run": not apply}
    try:
        run = await run_assistant(kind.asks, asked | by_id)
    except AgenticSalesError as exc:
        why = {"status": "failed", "error_code": exc.code, "reasons": [str(exc)], "is_final": not exc.is_retryable}
        return known.model_copy(update=why).model_dump()
    return rules.answered(known, kind, run.output).model_dump()


async def persist(kind: rules.BulkKind, state: State) -> dict[str, Any]:
    """Write the verdicts, if that was asked for."""
    if not state.apply:
        return {"applied": False, "facts_persisted": 0}
    return {"applied": True, "facts_persisted": await book.save_verdicts(kind, state.results)}


async def report(kind: rules.BulkKind, state: State) -> dict[str, Any]:
    """Count, and write the file."""
    purse = current_purse.get()
    path = await book.write_report(kind, purse.run_id if purse else str(uuid7()), state.results)
    return {**rules.counted(kind, state.results), "csv_path": str(path), "chosen": []}


def _build(kind: rules.BulkKind, checkpointer: Checkpointer) -> CompiledStateGraph[State, None, Input, State]:
    builder = StateGraph(State, input_schema=Input)
    for node in (select, judge, persist, report):
        builder.add_node(node.__name__, partial(node, kind))
    way = (START, "select", "judge", "persist", "report", END)
    for before, after in pairwise(way):
        builder.add_edge(before, after)
    return builder.compile(checkpointer=checkpointer, name=kind.assistant_id)


def build_recruitment_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes for `classify_recruitment_bulk`."""
    return _build(rules.RECRUITMENT, checkpointer)


def build_country_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes for `country_classify_bulk`."""
    return _build(rules.COUNTRY, checkpointer)


def build_sales_tech_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes for `enrich_sales_tech`."""
    return _build(rules.SALES_TECH, checkpointer)


recruitment_graph = build_recruitment_graph()
country_graph = build_country_graph()
sales_tech_graph = build_sales_tech_graph()
