"""Judge the companies that a person looks at before a vertical is activated."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, Field

from agentic_sales.rules.verticals import Vertical, VerticalReason, fit_of

LONGEST_QUOTE_CHARS = 200


class SampledCompany(BaseModel):
    """A company of the sample."""

    name: str = Field(description="Name.")
    domain: str = Field(description="Registrable domain of its site.")
    score: float = Field(description="0 to 1: fit of its code and of its description at GitHub.")
    stacks: list[str] = Field(default_factory=list, description="Stacks of its code.")
    category: str = Field(default="", description="Category by its site.")
    fit: float | None = Field(default=None, description="0 to 1: fit by its site. Null: the site was not read.")
    reasons: list[VerticalReason] = Field(default_factory=list, description="Reasons for it, in words of its site.")
    disqualifiers: list[VerticalReason] = Field(
        default_factory=list, description="Reasons against it, in words of its site."
    )
    why_not: str = Field(default="", description="Why its site was not judged. Empty: it was, or will be.")
    run_id: str | None = Field(default=None, description="Run that reads its site. Null: none does.")
    tries: int = Field(default=0, description="Readings that failed.")

    @property
    def is_judged(self) -> bool:
        """Return whether nothing more is to be read of it."""
        return self.fit is not None or bool(self.why_not)


def sample_of(orgs: Iterable[Mapping[str, Any]], most: int) -> list[SampledCompany]:
    """Return the first companies of a code search, which come best first."""
    kept = ("name", "domain", "score", "stacks")
    return [SampledCompany(**{name: org[name] for name in kept}) for org in list(orgs)[:most]]


def judged_by_site(company: SampledCompany, read: Mapping[str, Any], vertical: Vertical) -> SampledCompany:
    """Return a company with what its site says of the vertical.

    Args:
        company: The company.
        read: Answer of `company_enrichment` with the pages.
        vertical: The vertical.
    """
    if not read.get("readable"):
        return company.model_copy(update={"run_id": None, "why_not": read.get("unreadable_reason") or "unreadable"})
    home = (read.get("company") or {}).get("url") or f"https://{company.domain}"
    pages = {home: read.get("home_markdown") or "", read.get("careers_url") or "": read.get("careers_markdown") or ""}
    fit = fit_of(vertical, {url: text for url, text in pages.items() if text})
    told = {"fit": fit.score, "reasons": _short(fit.reasons), "disqualifiers": _short(fit.disqualifiers)}
    category = str((read.get("classification") or {}).get("category") or "")
    return company.model_copy(update={**told, "category": category, "run_id": None})


def _short(reasons: Iterable[VerticalReason]) -> list[VerticalReason]:
    return [reason.model_copy(update={"quote": reason.quote[:LONGEST_QUOTE_CHARS]}) for reason in reasons]
