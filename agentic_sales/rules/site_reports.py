"""Hold the output of `deep_scrape` for a site, and turn it into facts."""

from collections.abc import Sequence

from pydantic import BaseModel, Field

from agentic_sales.rules.company_identity import site_of
from agentic_sales.rules.company_page import describe_company
from agentic_sales.rules.company_signs import plain_text
from agentic_sales.rules.enrichments import Booked
from agentic_sales.rules.forms import CompanyForm
from agentic_sales.rules.found_facts import FoundFact, standing

DESCRIPTION_CONFIDENCE = 0.5
"""Confidence that the first whole sentence of a site states the company's business."""


class ScrapeForm(CompanyForm):
    """Which site to read, and how much of it."""

    url: str = Field(
        default="",
        max_length=2_000,
        description="Where the site begins; `https://` may be left out. Empty: the site of `company_id` in the book.",
    )
    max_pages: int = Field(15, ge=1, le=50, description="Most pages that are read.")
    max_depth: int = Field(2, ge=0, le=4, description="Links that a page may be away from the first; 0: only that.")
    max_chars: int = Field(
        20_000, ge=1_000, le=500_000, description="Most characters of Markdown that are returned of all pages together."
    )


class ScrapedPage(BaseModel):
    """One page that was read."""

    url: str = Field(description="Where the page was, after redirects.")
    title: str = Field(description="Its title. Empty: it has none.")
    markdown: str = Field(description="Its content as Markdown. Long pages are cut so that all fit `max_chars`.")
    depth: int = Field(description="Links that it is away from the first page.")
    truncated: bool = Field(default=False, description="The page is larger than the part that was read.")
    left_out: int = Field(default=0, description="Characters of its Markdown that are not returned.")

    def shortened(self, markdown: str) -> "ScrapedPage":
        """Return the page with the beginning of its Markdown."""
        left_out = len(self.markdown) - len(markdown)
        return self.model_copy(update={"markdown": markdown, "left_out": left_out})


class SkippedPage(BaseModel):
    """One page that was chosen and could not be read."""

    url: str = Field(description="Where the page should have been.")
    reason: str = Field(description="Why it could not be read.")


class SiteReport(Booked):
    """The description of a site."""

    domain: str = Field("", description="Host of the site, without `www.`, after redirects.")
    target_url: str = Field("", description="Where the first page was, after redirects.")
    readable: bool = Field(True, description="Whether the first page shows text that can be read.")
    unreadable_reason: str = Field("", description="Why it does not. Empty: it does.")
    pages_crawled: int = Field(0, description="Pages that were read.")
    pages: list[ScrapedPage] = Field([], description="The pages, in the order in which they were read.")
    emails: list[str] = Field([], description="Email addresses on the pages, each once, in order; the first 500.")
    links: list[str] = Field([], description="Where the pages link to, each once; the first 200.")
    has_careers: bool = Field(False, description="A careers page was read, or a page links to one or to a job board.")
    careers_url: str = Field("", description="The careers page or job board. Empty: none was seen.")
    has_pricing: bool = Field(False, description="A pricing page was read, or a page links to one.")
    pricing_url: str = Field("", description="The pricing page. Empty: none was seen.")
    skipped: list[SkippedPage] = Field([], description="Pages that were chosen and could not be read.")


def findings_of(found: SiteReport) -> list[FoundFact]:
    """Return the facts of a site: its description in its own words, its addresses and its telling pages."""
    at = found.target_url
    told = {
        "careers_url": found.careers_url,
        "pricing_url": found.pricing_url,
        "emails": own_addresses(found.emails, at),
    }
    first = next((page.markdown for page in found.pages if page.url == at), "")
    title = next((page.title for page in found.pages if page.url == at), "")
    says = describe_company(title, at, first, "").description
    described = FoundFact(
        field="description",
        value=says,
        method="rules",
        confidence=DESCRIPTION_CONFIDENCE,
        source_url=at,
        quote=says,
    )
    return [
        *standing([described], {at: plain_text(first)}),
        *(FoundFact(field=field, value=value, method="rules", source_url=at) for field, value in told.items() if value),
    ]


def own_addresses(emails: Sequence[str], url: str) -> list[str]:
    """Return the addresses that belong to the site itself. Others are those of its web designer or of a provider."""
    return [email for email in emails if site_of(email.rpartition("@")[2]) == site_of(url)]
