"""Hold the shared parts of the bulk rows: the selected rows of the book, their results, and their budget.

One kind of bulk asks one workflow about each company. `KINDS` has one entry for each kind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.forms import Form
from agentic_sales.rules.found_facts import FoundFact

RowStatus = Literal["done", "failed", "skipped_empty"]
SURE = 0.6
"""Least confidence of a verdict that is written as a category or a country."""
MOST_DESCRIPTION_CHARS = 6_000
_DESCRIBED = ("description", "services", "industry", "keywords")
_PLACES = ("location", "headquarters", "address")
_PLACE_PARTS = ("city", "region", "country")
_BUDGET_CODE = "budget_exceeded"


class BulkForm(Form):
    """Input of a bulk: a filter over the companies of the book, and its limits."""

    country: str = Field(default="", max_length=200, description="Companies of this country, as the book has it.")
    category: str = Field(default="", max_length=200, description="Companies of this category, such as PRODUCT.")
    ids: list[str] = Field(default_factory=list, max_length=5_000, description="These companies alone.")
    missing_field: str = Field(default="", max_length=64, description="Companies without a fact of this field.")
    limit: int = Field(default=100, ge=1, le=5_000, description="Most companies that are asked about.")
    concurrency: int = Field(default=4, ge=1, le=16, description="Companies that are asked about at the same time.")
    apply: bool = Field(default=False, description="Write the verdicts into the book.")
    budget_usd: float | None = Field(
        default=None,
        gt=0,
        description="Budget for the models in USD. The run stops within one row of it. Null: no limit.",
    )
    force_refresh: bool = Field(default=False, description="Ask also about companies that were asked about lately.")
    max_age_days: int = Field(default=30, ge=0, le=3650, description="Days for which the last answer counts.")


class BulkResult(BaseModel):
    """The result of one company."""

    company_id: str = Field(description="The company.")
    name: str = Field(description="Its name.")
    domain: str = Field(default="", description="Its site. Empty: none is known.")
    status: RowStatus = Field(default="done", description="skipped_empty: the book has nothing to ask about.")
    verdict: str = Field(default="", description="The answer in one word.")
    confidence: float = Field(default=0.0, description="Probability that it is right, 0-1.")
    source: str = Field(default="", description="Origin of the answer: `llm` or `rules`.")
    reasons: list[str] = Field(default_factory=list, description="Reasons of the answer, or why there is none.")
    error_code: str = Field(default="", description="Code of the failure. Empty: it did not fail.")
    is_final: bool = Field(default=True, description="Whether another try of the same run would change nothing.")
    model_calls: int = Field(default=0, description="Requests to models.")
    cost_usd: float | None = Field(default=0.0, description="Their cost in USD. Null: a price is not known.")


class BulkReport(BaseModel):
    """Output of a bulk."""

    count: int = Field(default=0, description="Companies that were asked about, with those that failed.")
    done: int = Field(default=0, description="Companies with an answer.")
    failed: list[BulkResult] = Field(
        default_factory=list, description="Companies with a failed question, each with its error."
    )
    skipped_fresh: int = Field(default=0, description="Companies with an answer that is young enough.")
    skipped_empty: int = Field(default=0, description="Companies of which the book has nothing to ask about.")
    left: int = Field(default=0, description="Chosen companies that were not reached.")
    stopped: str = Field(default="", description="Why the run ended before the last company. Empty: it did not.")
    csv_path: str = Field(default="", description="File with one line a company, in the worker's state directory.")
    results: list[BulkResult] = Field(default_factory=list, description="One entry a company, as in the file.")
    applied: bool = Field(default=False, description="Whether the verdicts were written into the book.")
    facts_persisted: int = Field(default=0, description="Facts of these verdicts that stand in the book.")
    counts: dict[str, int] = Field(default_factory=dict, description="Companies by verdict.")
    high_confidence_count: int = Field(default=0, description="Answers with a confidence of .6 or more.")
    is_recruitment_count: int = Field(default=0, description="Recruiters; 0 for the other kinds.")
    classified_count: int = Field(default=0, description="Countries with a confidence of .6 or more.")
    total_cost_usd: float = Field(default=0.0, description="Known cost of the models.")
    total_model_calls: int = Field(default=0, description="Requests to models.")


@dataclass(frozen=True, slots=True)
class BulkKind:
    """One kind of bulk."""

    assistant_id: str
    """Its row of the registry, and the workflow of its facts."""
    asks: str
    """The workflow that is asked about each company."""
    question: Callable[[str, str, Mapping[str, Any]], dict[str, Any] | None]
    """Makes the input from name, domain and facts of a company. None: there is nothing to ask about."""
    verdict: Callable[[Mapping[str, Any]], str]
    """Names the answer in one word."""
    findings: Callable[[BulkResult], list[FoundFact]] | None
    """Turns a result into facts. None: the workflow writes its own."""
    nothing: str
    """Why a company without a question is passed over."""

    @property
    def facts_of(self) -> str:
        """Return the workflow whose facts hold the time of the last question about a company."""
        return self.assistant_id if self.findings else self.asks


def recruitment_question(name: str, domain: str, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the book's facts of a company as a question to `classify_recruitment`."""
    told = "\n".join(text for field in _DESCRIBED if (text := _text(facts.get(field))))
    return {"name": name, "website": domain, "description": told[:MOST_DESCRIPTION_CHARS]}


def country_question(name: str, domain: str, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """Say where the book places a company, for `country_classify`."""
    del name, domain
    whole = next((text for field in _PLACES if (text := _text(facts.get(field)))), "")
    told = whole or ", ".join(text for field in _PLACE_PARTS if (text := _text(facts.get(field))))
    return {"location": told[:500]} if told else None


def sales_tech_question(name: str, domain: str, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """Ask for the card of a company with a site, for `sales_tech_feature_graph`."""
    del name, facts
    return {} if domain else None


def recruitment_findings(result: BulkResult) -> list[FoundFact]:
    """Return the facts of a verdict on recruitment. A sure recruiter gets its category."""
    is_recruiter = result.verdict == RECRUITER
    found = [_fact(result, "is_recruitment", is_recruiter)]
    if is_recruiter and result.confidence >= SURE:
        found.append(_fact(result, "category", "STAFFING"))
    return found


def country_findings(result: BulkResult) -> list[FoundFact]:
    """Return the facts of a verdict on a country. An unsure one tells only that the question was asked."""
    found = [_fact(result, "country_verdict", result.verdict)]
    if result.verdict != NO_COUNTRY and result.confidence >= SURE:
        found.append(_fact(result, "country", result.verdict))
    return found


def _fact(result: BulkResult, field: str, value: object) -> FoundFact:
    method: Literal["llm", "rules"] = "llm" if result.source == "llm" else "rules"
    return FoundFact(field=field, value=value, method=method, confidence=result.confidence)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(text for each in value if (text := _text(each)))
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


RECRUITER, NO_RECRUITER = "recruiter", "no_recruiter"
NO_COUNTRY, NO_CARD = "none", "no_card"
RECRUITMENT = BulkKind(
    "classify_recruitment_bulk",
    "classify_recruitment",
    recruitment_question,
    lambda output: RECRUITER if output.get("is_recruitment") else NO_RECRUITER,
    recruitment_findings,
    "the book has neither a name nor a site of it",
)
COUNTRY = BulkKind(
    "country_classify_bulk",
    "country_classify",
    country_question,
    lambda output: str(output.get("country") or NO_COUNTRY),
    country_findings,
    "the book does not say where it is",
)
SALES_TECH = BulkKind(
    "enrich_sales_tech",
    "sales_tech_feature_graph",
    sales_tech_question,
    lambda output: "card" if (output.get("features") or {}).get("summary") else NO_CARD,
    None,
    "the book knows no site of it",
)


def answered(known: BulkResult, kind: BulkKind, output: Mapping[str, Any]) -> BulkResult:
    """Return the result of an answered question about a company."""
    calls, cost_usd = spent_in(output)
    gone = [str(source) for source in output.get("unavailable_sources") or []]
    is_failed = bool(gone) and kind.verdict(output) == NO_CARD
    failed = {"status": "failed", "error_code": "source_unavailable"} if is_failed else {}
    return known.model_copy(
        update={
            **failed,
            "verdict": kind.verdict(output),
            "confidence": float(output.get("confidence") or 0.0),
            "source": str(output.get("source") or ""),
            "reasons": [str(reason) for reason in output.get("reasons") or gone],
            "model_calls": calls,
            "cost_usd": cost_usd,
        }
    )


def spent_in(output: Mapping[str, Any]) -> tuple[int, float | None]:
    """Return the requests to models that an answer took, and their cost in USD. None: a price is not known."""
    entries = ((output.get("graph_meta") or {}).get("telemetry") or {}).values()
    costs = [entry.get("cost_usd") for entry in entries if entry.get("calls")]
    calls = sum(int(entry.get("calls") or 0) for entry in entries)
    return calls, None if None in costs else round(sum(costs), 6)


class Allowance:
    """Decides whether another company may be asked about.

    With a limit, a company is started only if the dearest one so far, times those under way, still leaves money. So
    the limit is passed by at most the cost of one company. Until one has cost something, one is asked about at a time.
    """

    def __init__(self, limit_usd: float | None, at_once: int) -> None:
        self._limit_usd, self._at_once = limit_usd, at_once
        self._spent_usd = 0.0
        self._dearest_usd = 0.0
        self.stopped = ""
        """Why no further company may be asked about. Empty: one may."""

    def pay(self, result: BulkResult) -> None:
        """Count the cost of a company."""
        if result.error_code == _BUDGET_CODE:
            self.stopped = "budget: a budget of the fleet is used up"
        if self._limit_usd is None:
            return
        cost_usd = self._dearest_usd if result.status == "failed" else result.cost_usd  # what it cost is not told
        if cost_usd is None:
            self.stopped = "budget: the price of the model is not known; set AGENTIC_SALES_MODEL_PRICES"
            return
        self._spent_usd += cost_usd
        self._dearest_usd = max(self._dearest_usd, cost_usd)
        if self._spent_usd >= self._limit_usd:
            self.stopped = f"budget: {self._spent_usd:.6f} of {self._limit_usd:g} USD are spent"

    def has_room(self, under_way: int) -> bool:
        """Tell whether one more may be asked about beside those under way."""
        if self.stopped or under_way >= self._at_once:
            return False
        if self._limit_usd is None or under_way == 0:
            return True
        is_known = self._dearest_usd > 0
        return is_known and self._spent_usd + under_way * self._dearest_usd < self._limit_usd


def counted(kind: BulkKind, results: Sequence[BulkResult]) -> dict[str, Any]:
    """Return the counts of a report."""
    done = [result for result in results if result.status == "done"]
    sure = [result for result in done if result.confidence >= SURE]
    by_verdict: dict[str, int] = {}
    for result in done:
        by_verdict[result.verdict] = by_verdict.get(result.verdict, 0) + 1
    failed = [result for result in results if result.status == "failed"]
    return {
        "count": len(done) + len(failed),
        "done": len(done),
        "failed": [result.model_dump() for result in failed],
        "skipped_empty": len(results) - len(done) - len(failed),
        "counts": by_verdict,
        "high_confidence_count": len(sure),
        "is_recruitment_count": by_verdict.get(RECRUITER, 0),
        "classified_count": sum(r.verdict != NO_COUNTRY for r in sure) if kind is COUNTRY else 0,
        "total_cost_usd": round(sum(result.cost_usd or 0.0 for result in results), 6),
        "total_model_calls": sum(result.model_calls for result in results),
    }
