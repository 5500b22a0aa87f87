"""Hold the stages of the pipeline: the input of each, the companies that it passes over, and its report."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from agentic_sales.rules.company_signs import plain_text
from agentic_sales.rules.forms import Form, GivenForm
from agentic_sales.rules.found_facts import FoundFact, standing

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
    """The result of one stage."""

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
    source: str | None = Field(description="Origin of the answer: `llm`, `rules`, or null if no model is ever asked.")


class CompanyAnswers(BaseModel):
    """One company on its way; a result is null until its stage has succeeded."""

    url: str = Field(description="Where its site begins. Empty: the book knows no site of it.")
    domain: str = Field(description="Host of the site. Empty: likewise.")
    company_id: str = Field("", description="The company in the book. Empty: it was given by its site.")
    name: str = Field("", description="Its name in the book. Empty: likewise.")
    is_blocked: bool = Field(False, description="A person said that nobody of it is written to.")
    deep_scrape: dict[str, Any] | None = Field(None, description="Answer of `deep_scrape`.")
    company_enrichment: dict[str, Any] | None = Field(None, description="Answer of `company_enrichment`.")
    classify_recruitment: dict[str, Any] | None = Field(None, description="Answer of `classify_recruitment`.")
    country_classify: dict[str, Any] | None = Field(None, description="Answer of `country_classify`.")
    email_compose: dict[str, Any] | None = Field(None, description="Answer of `email_compose`.")


class CompaniesForm(GivenForm):
    """Companies to take through the chain."""

    @classmethod
    def one_of(cls) -> tuple[str, ...]:
        """Return the fields of which one must not be blank."""
        return ("domains", "company_ids")

    domains: list[str] = Field(default_factory=list, max_length=50, description="Web sites, as domains or as URLs.")
    company_ids: list[str] = Field(
        default_factory=list, max_length=50, description="Companies of the book. The results are written there."
    )


class PipelineForm(Form):
    """The subject of the drafted mails, and whether the results are written to the book."""

    dry_run: bool = Field(False, description="Write nothing into the book.")
    recipient_name: str = Field("", max_length=200, description="Name of the reader of the drafted mails.")
    instructions: str = Field(
        "", max_length=4000, description="Wishes for the content and the request of the drafted mails."
    )
    sender_name: str = Field("", max_length=200, description="Name of the sender of the drafted mails.")


class PassedOver(Exception):
    """Raised by a question that has no sense for a company. The text says why."""


def begun(domain: str) -> CompanyAnswers:
    """Return a company at the begin of its way, by a domain or an address."""
    url = domain if "://" in domain or not domain else f"https://{domain}"
    return CompanyAnswers(url=url, domain=urlsplit(url).netloc)


def begun_in_book(known: Mapping[str, Any]) -> CompanyAnswers:
    """Return a company of the book at the begin of its way."""
    names = ("company_id", "name", "is_blocked")
    return begun(known["domain"] or "").model_copy(update={name: known[name] for name in names})


def question_of(stage: StageName, company: CompanyAnswers, given: PipelineForm) -> dict[str, Any]:
    """Return the input of a stage's workflow for a company.

    Raises:
        PassedOver: The stage has nothing to ask about it.
    """
    match stage:
        case "discover" | "enrich":
            return site_question(company, given)
        case "qualify":
            return recruitment_question(company)
        case "locate":
            return location_question(company)
        case "compose":
            return mail_question(company, given)


def question_or_why_not(stage: StageName, company: CompanyAnswers, given: PipelineForm) -> dict[str, Any] | PassedOver:
    """Return the input of a stage's workflow for a company, or why the stage has nothing to ask about it."""
    try:
        return question_of(stage, company, given)
    except PassedOver as exc:
        return exc


def site_question(company: CompanyAnswers, given: PipelineForm) -> dict[str, Any]:
    """Name the site for `deep_scrape` and `company_enrichment`, which write their results to the book."""
    if not company.url:
        raise PassedOver("the book knows no web site of it")
    if not company.company_id:
        return {"url": company.url}
    return {"company_id": company.company_id, "dry_run": given.dry_run}


def recruitment_question(company: CompanyAnswers) -> dict[str, Any]:
    """Return the facts of a company, for `classify_recruitment`."""
    known = _described(company)
    return {"name": known["name"], "website": company.url, "description": known["description"]}


def location_question(company: CompanyAnswers) -> dict[str, Any]:
    """Quote where a company says it is, for `country_classify`."""
    pages = (company.deep_scrape or {}).get("pages", [])
    if (found := _LOCATION.search("\n".join(page["markdown"] for page in pages))) is None:
        raise PassedOver("the site does not say where the company is")
    return {"location": found[1].strip()}


def mail_question(company: CompanyAnswers, given: PipelineForm) -> dict[str, Any]:
    """Return the basis of a first mail, for `email_compose`."""
    if company.is_blocked:
        raise PassedOver("a person has blocked it, so nobody of it is written to")
    verdict = company.classify_recruitment or {}
    if verdict.get("is_recruitment") and verdict.get("confidence", 0.0) >= HIGH_CONFIDENCE:
        raise PassedOver("it is a recruiter, which is not a lead")
    known = _described(company)
    return {
        "recipient_name": given.recipient_name,
        "company_name": known["name"],
        "recipient_context": known["description"],
        "instructions": given.instructions,
        "sender_name": given.sender_name,
    }


def _described(company: CompanyAnswers) -> dict[str, str]:
    known = (company.company_enrichment or {}).get("company", {})
    name = known.get("name") or company.name or company.domain
    return {"name": name, "description": known.get("description") or ""}


def findings_of(company: CompanyAnswers) -> list[FoundFact]:
    """Return the classes of a company. Their answers are backed by the words that they were asked about.

    `deep_scrape` and `company_enrichment` have written their own findings.
    """
    asked = {"is_recruitment": _described(company)["description"], "country": ""}
    with suppress(PassedOver):
        asked["country"] = location_question(company)["location"]
    answers = {"is_recruitment": company.classify_recruitment or {}, "country": company.country_classify or {}}
    claims = [
        FoundFact(
            field=field,
            value=answer[field],
            method="llm" if answer["source"] == "llm" else "rules",
            confidence=answer["confidence"],
            source_url=company.url,
            quote=asked[field],
        )
        for field, answer in answers.items()
        if answer and answer[field] is not None and answer["confidence"] > 0
    ]
    pages = (company.deep_scrape or {}).get("pages", [])
    return standing(claims, {page["url"]: plain_text(page["markdown"]) for page in pages})


def report_of(
    stage: StageName, companies: Sequence[CompanyAnswers], answers: Sequence[object], duration_ms: int
) -> StageReport:
    """Report a stage. An answer that is an exception is a failure, or a company that was passed over."""
    errors = [f"{c.domain or c.name}: {a}" for c, a in zip(companies, answers, strict=True) if isinstance(a, Exception)]
    passed = sum(isinstance(answer, PassedOver) for answer in answers)
    created = len(companies) - len(errors)
    return StageReport(
        stage=stage,
        status=_status(created, passed, len(companies)),
        processed=len(companies) - passed,
        created=created,
        errors=errors,
        duration_ms=duration_ms,
    )


def _status(created: int, passed: int, total: int) -> StageStatus:
    if passed == total:
        return "SKIP"
    if created + passed == total:
        return "OK"
    return "PARTIAL" if created else "FAIL"
