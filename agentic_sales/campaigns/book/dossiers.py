"""Find a competitor and its dossier of before, and keep a new one."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from agentic_sales.campaigns.book.known import known_analysis, known_company, known_sites
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import Subject
from agentic_sales.rules.company_identity import Firm, site_of
from agentic_sales.rules.competitor_lenses import CompetitorForm, Lens, LensReport, facts_of_lens, group_of

KIND = "competitor_dossier"
"""Kind of the analysis."""
_APPENDED: frozenset[Lens] = frozenset({"changelog", "funding_headcount"})
"""Lenses on past events. Their older items stay true."""


class Rival(BaseModel):
    """A competitor."""

    company_id: str = Field(default="", description="Its id in the book. Empty: it is not known.")
    name: str = Field(default="", description="Its name.")
    url: str = Field(description="Its home page.")
    before: dict[str, Any] = Field(default_factory=dict, description="Its dossier of before.")


async def rival_of(form: CompetitorForm) -> Rival:
    """Return the competitor that a run was given, by its id or by its site.

    Raises:
        UnknownRecord: The book does not have it.
        SiteUnknown: Neither the book nor the caller knows its site.
    """
    if form.competitor_id.strip():
        company = await known_company(form.competitor_id)
        url, company_id, name = form.url or company.site_url, company.company_id, company.name
    else:
        site = site_of(form.url) or ""
        known = (await known_sites([site])).get(site) if site else None
        url, company_id, name = form.url, known.company_id if known else "", known.name if known else form.name
    before = await known_analysis(Subject("company", company_id), KIND) if company_id else {}
    return Rival(company_id=company_id, name=name, url=url, before=before)


async def save_dossier(rival: Rival, dossier: Mapping[Lens, LensReport], prompts: Mapping[str, str]) -> str:
    """Write the items of the lenses as facts, and the dossier as an analysis. Return the id of the company.

    A lens that failed leaves its facts as they are.

    Raises:
        EffectExceeded: The effect of the current run's row is neither write nor send.
    """
    async with writing_book("deep_competitor") as book:
        company_id = rival.company_id
        if not company_id:
            firm = Firm(rival.name, rival.url)
            company_id = (await book.companies([firm])).get(firm, "")
        if not company_id:
            return ""
        subject = Subject("company", company_id)
        for lens, report in dossier.items():
            facts = facts_of_lens(lens, report)
            if report.failure or lens in _APPENDED:
                book.note(subject, [] if report.failure else facts)
            else:
                await book.replace(subject, group_of(lens), facts)
        await book.keep(subject, KIND, {lens: one.model_dump() for lens, one in dossier.items()}, prompts=prompts)
    return company_id
