"""Hold the findings of a workflow, as its answer has them and as the book keeps them.

A claim about a text is backed by words of that text. `standing` drops every claim without words on a page.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.rules.company_signs import find_quote

FoundMethod = Literal["api", "rules", "llm"]
"""Ways in which a workflow finds something out."""


class FoundFact(BaseModel):
    """One thing that a workflow found out about a subject."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(
        pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$",
        max_length=64,
        description="Field that the fact fills, such as `country` or `problem.slow_quotes`.",
    )
    value: Any = Field(description="Any JSON value but null.")
    method: FoundMethod = Field(description="How it was found: by a service's API, by rules or by a model.")
    confidence: float = Field(default=1.0, ge=0, le=1, description="Probability that it is right.")
    source_url: str = Field(default="", description="Page that says so. Empty: none does.")
    quote: str = Field(default="", description="Words of that page. Empty: the source is no text.")


def standing(claims: Iterable[FoundFact], pages: Mapping[str, str]) -> list[FoundFact]:
    """Return the claims with a quote on a page, with the page's own spelling and address.

    Args:
        claims: Claims with quotes. The page that a claim names is looked at first.
        pages: Plain text of each page by its address.
    """
    found = []
    for claim in claims:
        addresses = dict.fromkeys((claim.source_url, *pages))
        here = ((url, find_quote(claim.quote, pages[url])) for url in addresses if url in pages)
        standing_at = next(((url, words) for url, words in here if words), None)
        if standing_at is not None:
            found.append(claim.model_copy(update={"source_url": standing_at[0], "quote": standing_at[1]}))
    return found
