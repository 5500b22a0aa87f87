"""Take companies from a web address to a drafted first mail, by asking the other workflows.

`START → discover → enrich → qualify → locate → compose → END`

Each stage is a sub-run through the routing contract. So it executes on the pool of its capability. The failure of a
stage for one company is reported. The other companies and stages go on. Nothing is sent.
"""

import time
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field

from agentic_sales.rules.pipeline_stages import (
    ASSISTANTS,
    CompanyAnswers,
    PassedOver,
    PipelineForm,
    StageName,
    StageReport,
    StageRun,
    begun,
    question_of,
    report_of,
)
from agentic_sales.runs.subruns import SubRun, run_each

COMPANIES_AT_ONCE = 4


class Input(PipelineForm):
    """Companies to take through the chain, and what the mail should be about."""

    domains: list[str] = Field(min_length=1, max_length=50, description="Web sites, as domains or as URLs.")


class Output(BaseModel):
    """What came of every company and every stage."""

    companies: list[CompanyAnswers] = Field([], description="The companies with the answers of their stages.")
    reports: list[StageReport] = Field([], description="One report per stage, in order.")
    runs: list[StageRun] = Field([], description="Every sub-run that succeeded.")


class State(Input, Output):
    """Input and output together; the stages only add."""


EXAMPLE: dict[str, Any] = {"domains": ["{site}"], "sender_name": "Ada Example"}


async def discover(state: State) -> dict[str, Any]:
    """Crawl each company's site."""
    return await _run_stage("discover", state.model_copy(update={"companies": [begun(d) for d in state.domains]}))


async def enrich(state: State) -> dict[str, Any]:
    """Classify and score each company from its site."""
    return await _run_stage("enrich", state)


async def qualify(state: State) -> dict[str, Any]:
    """Ask whether each company is a recruiter."""
    return await _run_stage("qualify", state)


async def locate(state: State) -> dict[str, Any]:
    """Find each company's country in what its site says of its place."""
    return await _run_stage("locate", state)


async def compose(state: State) -> dict[str, Any]:
    """Draft a first mail to each company that is a lead."""
    return await _run_stage("compose", state)


async def _run_stage(stage: StageName, state: State) -> dict[str, Any]:
    started_s, assistant_id = time.monotonic(), ASSISTANTS[stage]
    questions = [_question(stage, company, state) for company in state.companies]
    asked = [question for question in questions if isinstance(question, dict)]
    told = iter(await run_each(assistant_id, asked, at_once=COMPANIES_AT_ONCE))
    answers = [next(told) if isinstance(question, dict) else question for question in questions]
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


def _question(stage: StageName, company: CompanyAnswers, state: State) -> dict[str, Any] | PassedOver:
    try:
        return question_of(stage, company, state)
    except PassedOver as exc:
        return exc


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
    """Wire the five stages one after the other."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([discover, enrich, qualify, locate, compose])
    builder.add_edge(START, "discover")
    builder.add_edge("compose", END)
    return builder.compile(checkpointer=checkpointer, name="pipeline")


graph = build_graph()
