"""Take companies from a web address to a drafted first mail, by asking the other workflows.

`START → discover → enrich → qualify → locate → compose → END`

Each stage is a sub-run through the routing contract, so it executes on the pool of its capability. A stage's failure
for one company is reported, and the other companies and stages go on; nothing is sent.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal
from urllib.parse import urlsplit

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.errors import AgenticSalesError
from agentic_sales.runs.subruns import SubRun, run_assistant

COMPANIES_AT_ONCE = 4
HIGH_CONFIDENCE = 0.6
"""From here a verdict "is a recruiter" ends a company's way: recruiters are not leads."""
_LOCATION = re.compile(
    r"\b(?:based|headquartered|head office|offices?|located|hq)\s*(?:is\s+)?(?:in|at|:)\s+([^\n.;|()*\[\]]{3,80})",
    re.IGNORECASE,
)

StageName = Literal["discover", "enrich", "qualify", "locate", "compose"]
StageStatus = Literal["OK", "PARTIAL", "FAIL", "SKIP"]
ASSISTANTS: dict[StageName, str] = {
    "discover": "deep_scrape",
    "enrich": "company_enrichment",
    "qualify": "classify_recruitment",
    "locate": "country_classify",
    "compose": "email_compose",
}


class StageReport(BaseModel):
    """What one stage did."""

    stage: StageName = Field(description="Name of the stage.")
    status: StageStatus = Field(description="OK: all succeeded; PARTIAL: some; FAIL: none; SKIP: nothing to do.")
    processed: int = Field(description="Companies that the stage was tried for.")
    created: int = Field(description="Companies that it has a result for.")
    errors: list[str] = Field(description="One sentence per company that failed or was passed over.")
    duration_ms: int = Field(description="Wall-clock time of the stage.")


class StageRun(BaseModel):
    """One sub-run that succeeded."""

    stage: StageName = Field(description="Stage that asked for it.")
    assistant_id: str = Field(description="Workflow that ran.")
    queue: str = Field(description="Queue that it ran on.")
    run_id: str = Field(description="Its run.")
    worker_pid: int = Field(description="Process that ran it.")
    duration_ms: int = Field(description="Time from the worker's claim to the end.")
    source: str | None = Field(description="Who answered: `llm`, `rules`, or null where no model is ever asked.")


class CompanyAnswers(BaseModel):
    """One company on its way; a result is null until its stage has succeeded."""

    url: str = Field(description="Where its site begins.")
    domain: str = Field(description="Host of the site.")
    deep_scrape: dict[str, Any] | None = Field(None, description="Answer of `deep_scrape`.")
    company_enrichment: dict[str, Any] | None = Field(None, description="Answer of `company_enrichment`.")
    classify_recruitment: dict[str, Any] | None = Field(None, description="Answer of `classify_recruitment`.")
    country_classify: dict[str, Any] | None = Field(None, description="Answer of `country_classify`.")
    email_compose: dict[str, Any] | None = Field(None, description="Answer of `email_compose`.")


class Input(BaseModel):
    """Companies to take through the chain, and what the mail should be about."""

    model_config = ConfigDict(extra="forbid")

    domains: list[str] = Field(min_length=1, max_length=50, description="Web sites, as domains or as URLs.")
    recipient_name: str = Field("", max_length=200, description="Who the drafted mails address.")
    instructions: str = Field("", max_length=4000, description="What the drafted mails should say or ask for.")
    sender_name: str = Field("", max_length=200, description="Who signs the drafted mails.")


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
    companies = [
        CompanyAnswers(url=_as_url(domain), domain=urlsplit(_as_url(domain)).netloc) for domain in state.domains
    ]
    begun = state.model_copy(update={"companies": companies})
    return await _run_stage("discover", begun, lambda company: {"url": company.url})


async def enrich(state: State) -> dict[str, Any]:
    """Classify and score each company from its site."""
    return await _run_stage("enrich", state, lambda company: {"url": company.url})


async def qualify(state: State) -> dict[str, Any]:
    """Ask whether each company is a recruiter."""
    return await _run_stage("qualify", state, recruitment_question)


async def locate(state: State) -> dict[str, Any]:
    """Find each company's country in what its site says of its place."""
    return await _run_stage("locate", state, location_question)


async def compose(state: State) -> dict[str, Any]:
    """Draft a first mail to each company that is a lead."""
    return await _run_stage("compose", state, lambda company: mail_question(company, state))


class _Passed(Exception):
    """Raised by a question that has no sense for a company; the text says why."""


async def _run_stage(
    stage: StageName, state: State, question: Callable[[CompanyAnswers], dict[str, Any]]
) -> dict[str, Any]:
    started_s = time.monotonic()
    at_once = asyncio.Semaphore(COMPANIES_AT_ONCE)

    async def ask(company: CompanyAnswers) -> SubRun | AgenticSalesError | _Passed:
        async with at_once:
            try:
                return await run_assistant(ASSISTANTS[stage], question(company))
            except (AgenticSalesError, _Passed) as exc:
                return exc

    answers = await asyncio.gather(*map(ask, state.companies))
    companies = [_with_answer(c, ASSISTANTS[stage], a) for c, a in zip(state.companies, answers, strict=True)]
    report = _report(stage, state.companies, answers, round(1000 * (time.monotonic() - started_s)))
    runs = [_stage_run(stage, answer) for answer in answers if isinstance(answer, SubRun)]
    return {
        "companies": [company.model_dump() for company in companies],
        "reports": [r.model_dump() for r in (*state.reports, report)],
        "runs": [r.model_dump() for r in (*state.runs, *runs)],
    }


def _with_answer(company: CompanyAnswers, assistant_id: str, answer: object) -> CompanyAnswers:
    return company.model_copy(update={assistant_id: answer.output}) if isinstance(answer, SubRun) else company


def _report(
    stage: StageName, companies: list[CompanyAnswers], answers: Iterable[SubRun | Exception], duration_ms: int
) -> StageReport:
    told = list(zip(companies, answers, strict=True))
    created = sum(isinstance(answer, SubRun) for _, answer in told)
    passed = sum(isinstance(answer, _Passed) for _, answer in told)
    return StageReport(
        stage=stage,
        status=_status(created, passed, len(told)),
        processed=len(told) - passed,
        created=created,
        errors=[f"{company.domain}: {answer}" for company, answer in told if isinstance(answer, Exception)],
        duration_ms=duration_ms,
    )


def _status(created: int, passed: int, total: int) -> StageStatus:
    if passed == total:
        return "SKIP"
    if created + passed == total:
        return "OK"
    return "PARTIAL" if created else "FAIL"


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


def recruitment_question(company: CompanyAnswers) -> dict[str, Any]:
    """Say what is known of a company, for `classify_recruitment`."""
    known = _described(company)
    return {"name": known["name"], "website": company.url, "description": known["description"]}


def location_question(company: CompanyAnswers) -> dict[str, Any]:
    """Quote where a company says it is, for `country_classify`."""
    pages = (company.deep_scrape or {}).get("pages", [])
    text = "\n".join(page.get("markdown", "") for page in pages)
    if (found := _LOCATION.search(text)) is None:
        raise _Passed("the site does not say where the company is")
    return {"location": found[1].strip()}


def mail_question(company: CompanyAnswers, state: State) -> dict[str, Any]:
    """Say what a first mail should build on, for `email_compose`."""
    verdict = company.classify_recruitment or {}
    if verdict.get("is_recruitment") and verdict.get("confidence", 0.0) >= HIGH_CONFIDENCE:
        raise _Passed("it is a recruiter, which is not a lead")
    known = _described(company)
    return {
        "recipient_name": state.recipient_name,
        "company_name": known["name"],
        "recipient_context": known["description"],
        "instructions": state.instructions,
        "sender_name": state.sender_name,
    }


def _described(company: CompanyAnswers) -> dict[str, str]:
    known = (company.company_enrichment or {}).get("company", {})
    return {"name": known.get("name") or company.domain, "description": known.get("description") or ""}


def _as_url(domain: str) -> str:
    return domain if "://" in domain else f"https://{domain}"


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the five stages one after the other."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([discover, enrich, qualify, locate, compose])
    builder.add_edge(START, "discover")
    builder.add_edge("compose", END)
    return builder.compile(checkpointer=checkpointer, name="pipeline")


graph = build_graph()
