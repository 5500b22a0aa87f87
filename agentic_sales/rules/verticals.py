"""Hold the verticals of the fleet: the signs for a company, the signs against it, and the marks of its code.

A vertical is data, one table of `verticals.toml`. Its slug is its name everywhere.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.company_signs import sentence_around
from agentic_sales.rules.company_words import OWN_WORDS
from agentic_sales.rules.page_orders import gives_orders
from agentic_sales.rules.signs import affirmed, compiled, level
from agentic_sales.rules.tables import Compiled, Table

Severity = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class VerticalSign:
    """Something that a company's pages say for its fit."""

    name: str
    """Its name."""
    points: float
    """Its share of the score, 0 to 1."""
    phrases: re.Pattern[str]
    """Read over levelled text."""


@dataclass(frozen=True, slots=True)
class AntiSign:
    """Something that speaks against a company."""

    name: str
    """Its name."""
    severity: Severity
    """`high` disqualifies."""
    phrases: re.Pattern[str]
    """Read over levelled text."""


@dataclass(frozen=True, slots=True)
class CodeQuery:
    """A search of GitHub's code."""

    query: str
    """The search."""
    stack: str
    """The stack of the code."""
    needs: tuple[str, ...]
    """One of these stands in a matching place. Empty: any match counts."""


@dataclass(frozen=True, slots=True)
class Buyers:
    """The people of a company that would buy."""

    departments: frozenset[str]
    """Their departments."""
    phrases: re.Pattern[str]
    """Words of their titles, in any department. Read over levelled text."""


@dataclass(frozen=True, slots=True)
class Vertical:
    """One vertical."""

    slug: str
    """Its name everywhere."""
    title: str
    """Its name, for people."""
    signals: Sequence[VerticalSign]
    """Signs for a company."""
    anti_icp: Sequence[AntiSign]
    """Signs against it."""
    code: Sequence[CodeQuery]
    """Searches that find companies by their code."""
    buyers: Buyers
    """Its buyers."""


class VerticalReason(BaseModel):
    """One reason for or against a fit."""

    text: str = Field(description="Name of the sign, such as `regulation_named`.")
    quote: str = Field(default="", description="Words behind it.")
    source: str = Field(default="", description="The page.")
    points: float = Field(default=0.0, description="Points that it added to the score.")
    severity: Severity | None = Field(default=None, description="How much it speaks against. Null: it speaks for.")


class VerticalFit(BaseModel):
    """How well a company fits a vertical."""

    score: float = Field(default=0.0, ge=0, le=1, description="Sum of the points of the signs that its pages bear.")
    reasons: list[VerticalReason] = Field(default_factory=list, description="Signs that speak for it.")
    disqualifiers: list[VerticalReason] = Field(default_factory=list, description="Signs that speak against it.")

    @property
    def is_disqualified(self) -> bool:
        """Return whether something of high severity speaks against it."""
        return any(reason.severity == "high" for reason in self.disqualifiers)


def _built(known: Table) -> Mapping[str, Vertical]:
    found: dict[str, Vertical] = {}
    for slug, told in known.items():
        vertical = _vertical(slug, told)
        for name in (slug, *told.get("aliases", ())):
            if name in found:
                raise ValueError(f"two verticals of the table `verticals` are called `{name}`")
            found[name] = vertical
    return found


def _vertical(slug: str, told: Mapping[str, Any]) -> Vertical:
    buyers = told.get("buyers", {})
    return Vertical(
        slug=slug,
        title=told["title"],
        signals=[VerticalSign(one["name"], one["points"], compiled(one["phrases"])) for one in told["signals"]],
        anti_icp=[AntiSign(one["name"], one["severity"], compiled(one["phrases"])) for one in told["anti_icp"]],
        code=[CodeQuery(one["query"], one["stack"], tuple(one["needs"])) for one in told["code"]],
        buyers=Buyers(frozenset(buyers.get("departments", ())), compiled(buyers.get("titles", ()))),
    )


verticals = Compiled("verticals", _built)
"""Gives the verticals by their slugs and aliases, with a person's additions if there are any."""


def vertical_of(slug: str, known: Mapping[str, Vertical] | None = None) -> Vertical:
    """Return the vertical of a slug or an alias.

    Raises:
        ValueError: There is none. The message names those that there are.
    """
    by_name = verticals.own if known is None else known
    if slug in by_name:
        return by_name[slug]
    slugs = ", ".join(sorted({vertical.slug for vertical in by_name.values()}))
    raise ValueError(f"there is no vertical `{slug}`; there are: {slugs}")


def fit_of(vertical: Vertical, pages: Mapping[str, str]) -> VerticalFit:
    """Return how well the pages of a company fit a vertical. Each sign counts once, with its first words.

    Args:
        vertical: The vertical.
        pages: Plain text of each page by its address.
    """
    reasons = list[VerticalReason]()
    for sign in vertical.signals:
        if words := _first(sign.phrases, pages):
            reasons.append(VerticalReason(text=sign.name, quote=words[1], source=words[0], points=sign.points))
    score = min(sum(reason.points for reason in reasons), 1.0)
    against = anti_reasons(vertical.anti_icp, pages)
    return VerticalFit(score=round(score, 2), reasons=reasons, disqualifiers=against)


def anti_reasons(signs: Iterable[AntiSign], pages: Mapping[str, str]) -> list[VerticalReason]:
    """Return the signs that speak against somebody, each once, with its first words.

    Args:
        signs: The signs.
        pages: Plain text by its source.
    """
    return [
        VerticalReason(text=anti.name, quote=words[1], source=words[0], severity=anti.severity)
        for anti in signs
        if (words := _first(anti.phrases, pages))
    ]


def code_queries(vertical: Vertical, own: Iterable[str]) -> list[CodeQuery]:
    """Return the code searches of a vertical, or the caller's own. Their words have to stand in the match."""
    asked = [CodeQuery(query, "custom", _terms(query)) for query in dict.fromkeys(own) if query.strip()]
    return asked or list(vertical.code)


def _terms(query: str) -> tuple[str, ...]:
    """Return the words of a search that are no qualifiers, the longest first."""
    words = (word.strip('"') for word in query.split() if ":" not in word)
    return tuple(sorted(words, key=len, reverse=True))[:1]


def _first(sign: re.Pattern[str], pages: Mapping[str, str]) -> tuple[str, str] | None:
    for url, text in pages.items():
        for hit in affirmed(sign, level(text), OWN_WORDS.denied):
            quote = sentence_around(text, hit)
            if quote and not gives_orders(quote):
                return url, quote
    return None
