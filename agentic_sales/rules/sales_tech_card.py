"""Put the card of a sales technology product together from the parts that extractors filled."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, Field

from agentic_sales.rules.enrichments import Booked
from agentic_sales.rules.forms import CompanyForm
from agentic_sales.rules.sales_tech import (
    PAYLOADS,
    UNITS,
    Aspect,
    AspectUnit,
    Contradiction,
    PageProof,
    SalesTechFeatures,
    completeness_of,
    proven,
)
from agentic_sales.rules.sales_tech_signs import SalesTechWords, aspects_of

MOST_REFETCHED = 5
"""Pages that are read once more for missing parts."""
MOST_PROMPT_CHARS = 14_000
"""Letters of pages that an extractor reads."""
MOST_PAGE_CHARS = 5_000
"""Letters of one page that an extractor reads."""


class FeatureForm(CompanyForm):
    """The product's company: its id in the book, or its site."""

    name: str = Field(default="", max_length=200, description="Name of the product. Empty: as the book has it.")
    given_pages: dict[str, str] = Field(
        default_factory=dict, max_length=20, description="Pages by address, by value: nothing is fetched or written."
    )


class FeatureReport(Booked):
    """The card and how it was made."""

    company_id: str = Field(default="", description="The company in the book. Empty: it was not written there.")
    features: SalesTechFeatures = Field(default=SalesTechFeatures(), description="The card.")
    confidence: float = Field(default=0.0, description="How well the card describes the product, 0 to 1.")
    cost_usd: float = Field(default=0.0, description="Cost of the models in USD.")
    model_calls: int = Field(default=0, description="Requests to models.")
    elapsed_ms: int = Field(default=0, description="Wall-clock time of the run.")
    persisted: bool = Field(default=False, description="Whether the book has the card.")
    contradictions: list[Contradiction] = Field(default_factory=list, description="Where the pages do not agree.")
    pages: dict[str, str] = Field(default_factory=dict, description="Plain text of each page by its address.")
    page_titles: dict[str, str] = Field(default_factory=dict, description="Title of each page.")
    failed_urls: list[str] = Field(default_factory=list, description="Pages that could not be read.")
    candidate_urls: list[str] = Field(default_factory=list, description="Pages of the site that were found.")
    overview: dict[str, Any] = Field(default_factory=dict, description="Kind and use of the product.")
    icp: dict[str, Any] = Field(default_factory=dict, description="Its target group.")
    pricing: dict[str, Any] = Field(default_factory=dict, description="Its prices.")
    integrations: dict[str, Any] = Field(default_factory=dict, description="Products that it works with.")
    gtm: dict[str, Any] = Field(default_factory=dict, description="How it is sold.")
    differentiators: dict[str, Any] = Field(default_factory=dict, description="Its differences.")
    security: dict[str, Any] = Field(default_factory=dict, description="Its statements on security.")
    ai_capabilities: dict[str, Any] = Field(default_factory=dict, description="Tasks of its artificial intelligence.")
    competitors: dict[str, Any] = Field(default_factory=dict, description="Products that it is compared with.")
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")

    @property
    def parts(self) -> dict[Aspect, dict[str, Any]]:
        """Return the nine parts of the card."""
        return {aspect: getattr(self, aspect) for aspect in PAYLOADS}


def pages_for(aspect: Aspect, pages: Mapping[str, str], words: SalesTechWords) -> dict[str, str]:
    """Return the pages that an extractor reads: the home page, those that promise its aspect, then others."""
    home, *others = pages or [""]
    ordered = [home, *sorted(others, key=lambda url: aspect not in aspects_of(url, words))]
    found, left = dict[str, str](), MOST_PROMPT_CHARS
    for url in ordered:
        text = pages.get(url, "")[: min(MOST_PAGE_CHARS, left)]
        left -= len(text)
        if text:
            found[url] = text
    return found


def _units_of(units: Mapping[str, Mapping[str, Any]]) -> dict[Aspect, AspectUnit[Any]]:
    """Return the results of the extractors from their JSON."""
    return {aspect: unit.model_validate(units[aspect]) for aspect, unit in UNITS.items() if aspect in units}


def wanted_pages(units: Mapping[str, Any], unread: Iterable[str]) -> list[str]:
    """Return the unread pages that incomplete parts ask for, the most wanted first. Other addresses do not count."""
    known, wanted = set(unread), dict[str, float]()
    for unit in _units_of(units).values():
        for url in unit.refetch_suggestions:
            if url in known and unit.completeness < 1:
                wanted[url] = wanted.get(url, 0.0) + 1 - unit.completeness
    return sorted(wanted, key=lambda url: -wanted[url])[:MOST_REFETCHED]


def asking_for(units: Mapping[str, Any], urls: Iterable[str]) -> list[Aspect]:
    """Return the aspects that asked for one of some pages."""
    read = set(urls)
    return [aspect for aspect, unit in _units_of(units).items() if read.intersection(unit.refetch_suggestions)]


def assembled(
    units: Mapping[str, Any], pages: Mapping[str, str], contradictions: list[Contradiction]
) -> dict[str, Any]:
    """Return the card, its parts and its confidence. Only statements of the pages are in them.

    Args:
        units: The results of the extractors, as JSON by aspect.
        pages: Plain text of each page by its address.
        contradictions: Where the pages do not agree.
    """
    parts: dict[Aspect, dict[str, Any]] = {}
    index: dict[str, list[PageProof]] = {}
    for aspect, unit in _units_of(units).items():
        parts[aspect], proofs = proven(unit.payload, unit.evidence, pages)
        index |= proofs
    confidence = round(sum(map(completeness_of, parts.values())) / len(PAYLOADS), 4)
    values = {name: value for part in parts.values() for name, value in part.items()}
    features = SalesTechFeatures.model_validate(
        {**values, "evidence_index": index, "contradictions": contradictions, "overall_confidence": confidence}
    )
    return {
        **{str(aspect): part for aspect, part in parts.items()},
        "features": features.model_dump(mode="json"),
        "confidence": confidence,
        "contradictions": [each.model_dump() for each in contradictions],
    }


def summed_up(report: FeatureReport, summary: str, graph_meta: Mapping[str, Any], elapsed_s: float) -> dict[str, Any]:
    """Return the card with its summary, and the cost of the whole run."""
    return {
        "features": {**report.features.model_dump(mode="json"), "summary": summary},
        "cost_usd": graph_meta["totals"]["total_cost_usd"],
        "model_calls": sum(entry["calls"] for entry in graph_meta["telemetry"].values()),
        "elapsed_ms": round(1000 * elapsed_s),
    }


def as_text(pages: Mapping[str, str]) -> str:
    """Return pages for a prompt, each below its address."""
    return "\n\n".join(f"{url}\n{text}" for url, text in pages.items())


def dumped_units(aspects: Iterable[Aspect], units: Iterable[BaseModel]) -> dict[str, Any]:
    """Return the results of the extractors as JSON, by aspect."""
    return {aspect: unit.model_dump(mode="json") for aspect, unit in zip(aspects, units, strict=True)}
