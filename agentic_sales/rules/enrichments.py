"""Hold the output of `company_enrichment`, and turn it into facts of the book and back."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.company_page import Company
from agentic_sales.rules.company_scores import Scores
from agentic_sales.rules.company_signs import plain_text
from agentic_sales.rules.company_verdict import UNDECIDED, Classification, Evidence, Judgement, agreeing, verified
from agentic_sales.rules.found_facts import FoundFact, FoundMethod, standing

ClassifySource = Literal["llm", "heuristic"]
NotKeptReason = Literal["", "fresh", "unreadable", "undecided"]
TRUSTED_CONFIDENCE = 0.4
"""Least confidence of a model. Below it the verdict of the rules counts."""
KEPT = ("company", "careers_url", "emails", "classification", "classify_source", "evidence", "scores")
"""Fields of an enrichment that are kept as a document. The pages are not."""


class Booked(BaseModel):
    """The book's receipt for an answer."""

    facts_persisted: int = Field(default=0, description="Facts of this answer that stand in the book, new or not.")
    updated: bool = Field(default=False, description="Whether the book has learned something new.")


NOT_BOOKED = Booked().model_dump()
"""The book's part of an answer if nothing was written."""


class Enrichment(Booked):
    """The description of a company by its site."""

    company: Company = Field(default=Company(), description="Name and facts that identify the company.")
    readable: bool = Field(default=True, description="Whether the home page shows text that can be read.")
    unreadable_reason: str = Field(default="", description="Why it does not. Empty: it does.")
    home_markdown: str = Field(default="", description="Home page as Markdown, the first 20,000 characters.")
    careers_markdown: str = Field(default="", description="Careers page as Markdown, likewise. Empty: none was read.")
    careers_url: str | None = Field(default=None, description="Address of the careers page. Null: none was read.")
    emails: list[str] = Field(default_factory=list, description="Addresses that the pages show, lower case.")
    classification: Classification = Field(default=UNDECIDED, description="Class of the company.")
    classify_source: ClassifySource = Field(
        default="heuristic",
        description="Origin of the class: the model, or the rules (also if the model was not sure).",
    )
    evidence: list[Evidence] = Field(
        default_factory=list, description="At most one quote per field of the classification, found on a page."
    )
    scores: Scores = Field(default=Scores(), description="How promising the company is.")
    skip_reason: NotKeptReason = Field(
        default="",
        description="fresh: the company was looked at lately, and the answer is the book's record of that without the "
        "pages. unreadable, undecided: nothing was written. The home page shows nothing, or neither model "
        "nor rules could classify it. Empty: none of these.",
    )

    @property
    def why_not_kept(self) -> NotKeptReason:
        """Return why the book is to stay as it is. Empty: this is worth keeping."""
        if not self.readable:
            return "unreadable"
        return "" if self.classification.confidence else "undecided"


def decided(
    answered: Judgement, rules: Judgement, pages: Sequence[tuple[str, str]], *, is_by_model: bool
) -> dict[str, Any]:
    """Return the verdict of a model, or that of the rules if the model is not sure, with the quotes that stand.

    Args:
        answered: The verdict of the model or the rules.
        rules: The verdict of the rules.
        pages: Address and plain text of each page.
        is_by_model: Whether a model gave the verdict.
    """
    is_models = is_by_model and answered.confidence >= TRUSTED_CONFIDENCE
    verdict = rules if is_by_model and not is_models else answered
    return {
        "classification": verdict.model_dump(exclude={"evidence"}),
        "classify_source": "llm" if is_models else "heuristic",
        "evidence": [found.model_dump() for found in verified([*verdict.evidence, *agreeing(rules, verdict)], pages)],
        "source": "llm" if is_models else "rules",
    }


def kept_document(found: Enrichment) -> dict[str, Any]:
    """Return an enrichment as one document."""
    return found.model_dump(mode="json", include={*KEPT})


def as_kept(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer that the book has kept, as JSON, and its source."""
    kept = Enrichment.model_validate({name: document[name] for name in KEPT if name in document})
    source = "llm" if kept.classify_source == "llm" else "rules"
    return {**kept.model_dump(mode="json"), "source": source, "skip_reason": "fresh"}


def findings_of(found: Enrichment) -> list[FoundFact]:
    """Return an enrichment as facts: every field of the classification that words of a page back, and the score."""
    method: FoundMethod = "llm" if found.classify_source == "llm" else "rules"
    home = found.company.url
    told = {"enrichment_score": found.scores.score, "careers_url": found.careers_url}
    described = FoundFact(
        field="description",
        value=found.company.description,
        method="rules",
        confidence=found.classification.confidence,
        source_url=home,
        quote=found.company.description,
    )
    return [
        *(
            FoundFact(
                field=proof.field,
                value=getattr(found.classification, proof.field),
                method=method,
                confidence=found.classification.confidence,
                source_url=proof.url,
                quote=proof.quote,
            )
            for proof in found.evidence
        ),
        *standing([described], {home: plain_text(found.home_markdown)}),
        *(
            FoundFact(field=field, value=value, method="rules", source_url=home)
            for field, value in told.items()
            if value is not None
        ),
    ]
