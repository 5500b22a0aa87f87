"""Take companies from a web address, or from the book, to a drafted first mail, by asking the other workflows.

`START → load → discover → enrich → qualify → locate → compose → persist → END`

Each stage is a sub-run through the routing contract. So it executes on the pool of its capability. The failure of a
stage for one company is reported. The others go on. The book keeps the results of its companies. Nothing is sent.
"""

import time
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field

from agentic_sales.campaigns.book.known import known_companies
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import Subject
from agentic_sales.llm.progress import tell_progress
from agentic_sales.rules.pipeline_stages import (
    ASSISTANTS,
    CompaniesForm,
    CompanyAnswers,
    PipelineForm,
    StageName,
    StageReport,
    StageRun,
    begun,
    begun_in_book,
    findings_of,
    question_or_why_not,
    report_of,
)
from agentic_sales.runs.subruns import SubRun, run_each

COMPANIES_AT_ONCE = 4


class Input(CompaniesForm, PipelineForm):
    """Input of a run."""


class Output(BaseModel):
    """The result of every company and every stage."""

    companies: list[CompanyAnswers] = Field([], description="The companies with the answers of their stages.")
    reports: list[StageReport] = Field([], description="One report per stage, in order.")
    runs: list[StageRun] = Field([], description="Every sub-run that succeeded.")


class State(Input, Output):
    """Input and output together; the stages only add."""


EXAMPLE: dict[str, Any] = {"domains": ["{site}"], "sender_name": "Ada Example"}


async def load(state: State) -> dict[str, Any]:
    """Line up the companies: those given by their sites, then those of the book."""
    known = await known_companies(state.company_ids)
    companies = [*map(begun, state.domains), *(begun_in_book(each.model_dump()) for each in known)]
    return {"companies": [company.model_dump() for company in companies]}


async def discover(state: State) -> dict[str, Any]:
    """Crawl each company's site."""
    return await _run_stage("discover", state)


async def enrich(state: State) -> dict[str, Any]:
    """Classify and score each company from its site."""
    return await _run_stage("enrich", state)


async def qualify(state: State) -> dict[str, Any]:
    """Ask whether each company is a recruiter."""
    return await _run_stage("qualify", state)


async def locate(state: State) -> dict[str, Any]:
    """Find each company's country in the places that its site names."""
    return await _run_stage("locate", state)


async def compose(state: State) -> dict[str, Any]:
    """Draft a first mail to each company that is a lead."""
    return await _run_stage("compose", state)


async def persist(state: State) -> dict[str, Any]:
    """Write the classes of the companies that were given by an id."""
    known = [company for company in state.companies if company.company_id]
    if known and not state.dry_run:
        async with writing_book("pipeline") as book:
            for company in known:
                book.note(Subject("company", company.company_id), findings_of(company))
    return {}


async def _run_stage(stage: StageName, state: State) -> dict[str, Any]:
    started_s, assistant_id = time.monotonic(), ASSISTANTS[stage]
    questions = [question_or_why_not(stage, company, state) for company in state.companies]
    asked = [question for question in questions if isinstance(question, dict)]
    told = iter(await run_each(assistant_id, asked, at_once=COMPANIES_AT_ONCE))
    answers = [next(told) if isinstance(question, dict) else question for question in questions]
    tell_progress(stage, len(state.companies), len(state.companies))
    report = report_of(stage, state.companies, answers, round(1000 * (time.monotonic() - started_s)))
    runs = [_stage_run(stage, answer) for answer in answers if isinstance(answer, SubRun)]
    companies = [
        company.model_copy(update={assistant_id: answer.output}) if isinstance(answer, SubRun) else company
        for company, answer in zip(state.companies, answers, strict=True)
    ]
    return {
        "companies": [company.model_dump() for company in companies],
        "reports": [r.model_dump() for r in (*state.reports, report)],
        "runs": [r.model_dump() for r in (*state.runs, *runs)],
    }


def _stage_run(stage: StageName, sub_run: SubRun) -> StageRun:
    record = sub_run.record
    return StageRun(
        stage=stage,
        assistant_id=record.assistant_id,
        queue=record.queue,
        run_id=record.run_id,
        worker_pid=int((record.worker or "/0").rsplit("/", 1)[1]),
        duration_ms=sub_run.duration_ms,
        source=sub_run.output.get("source"),
    )


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load, discover, enrich, qualify, locate, compose, persist])
    builder.add_edge(START, "load")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="pipeline")


graph = build_graph()
