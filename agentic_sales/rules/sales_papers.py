"""Tell whether a paper is about selling to customers: sales, lead generation, going to market.

The strong and the faint words of a title count twice. A topic that borrows the words of selling, such as recommender
systems or auctions, takes points away, and a trade in which they mean something else takes more. Every reason quotes
the paper.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from agentic_sales.rules.company_signs import find_quote, sentence_around
from agentic_sales.rules.signs import Hit, affirmed, compiled, ending, level, without
from agentic_sales.rules.tables import Compiled, Table, every

MOST_REASONS = 3
ENOUGH_POINTS = 3.0
"""Points from which a paper is about selling."""
STRONG_POINTS, MEDIUM_POINTS, FAINT_POINTS = 3.0, 2.0, 0.5
TITLE_WEIGHT = 2
MOST_FAINT_POINTS = 1.5
"""Most points of faint words, since every paper on trade has many of them."""
NEAR_POINTS, TRADE_POINTS = 2.0, 6.0
CONFIDENCE_FLOOR, CONFIDENCE_PER_POINT, CONFIDENCE_CEILING = 0.6, 0.05, 0.95
EMPTY_CONFIDENCE = 0.3
MAX_QUOTE_CHARS = 120
LONGEST_TITLE_CHARS, LONGEST_ABSTRACT_CHARS = 500, 20_000


@dataclass(frozen=True, slots=True)
class SalesPaperWords:
    """The phrases of the table."""

    elsewhere: re.Pattern[str]
    topics: re.Pattern[str]
    trades: re.Pattern[str]
    strong: re.Pattern[str]
    medium: re.Pattern[str]
    faint: re.Pattern[str]
    aside: re.Pattern[str]


def _built(known: Table) -> SalesPaperWords:
    return SalesPaperWords(
        elsewhere=compiled(known["elsewhere"]["phrases"]),
        topics=compiled(known["near"]["topics"]),
        trades=compiled(known["near"]["trades"]),
        strong=compiled(every(known["strong"])),
        medium=compiled(known["medium"]["words"]),
        faint=compiled(known["faint"]["words"]),
        aside=ending(known["aside"]["before"]),
    )


sales_paper_words = Compiled("sales_papers", _built)


class QuotedReason(BaseModel):
    """A reason with the words that back it."""

    reason: str = Field(max_length=200, description="The reason in at most 15 words.")
    quote: str = Field(max_length=400, description="Words of the title or the abstract, copied.")


class PaperVerdict(BaseModel):
    """Whether a paper is about selling, how surely, and why."""

    is_sales_leadgen: bool = Field(description="True if the paper is about sales, lead generation or going to market.")
    confidence: float = Field(ge=0, le=1, description="Probability that this answer is right.")
    reasons: list[QuotedReason] = Field(description="One to three reasons, each with words of the paper.")


@dataclass(frozen=True, slots=True)
class PaperSigns:
    """The signs in the words of a paper."""

    points: float
    """Points for and against. A paper is about selling from `ENOUGH_POINTS` on."""
    strong: Sequence[str]
    """Words that name selling, where they stand, the title's first."""
    near: Sequence[str]
    """Words of another topic or trade, where they stand."""


def paper_signs(title: str, abstract: str, words: SalesPaperWords) -> PaperSigns:
    """Weigh the words of a title and an abstract."""
    title, abstract = title[:LONGEST_TITLE_CHARS], abstract[:LONGEST_ABSTRACT_CHARS]
    points, strong, near = 0.0, list[str](), list[str]()
    named = {"topics": 0, "trades": 0}
    seen: set[str] = set()
    for text, weight in ((title, TITLE_WEIGHT), (abstract, 1)):
        said = _own_words(text, words)
        hits = _new(affirmed(words.strong, said, words.aside), seen)
        points += weight * STRONG_POINTS * len(hits)
        strong += (sentence_around(text, hit) for hit in hits)
        rest = without(said, hits)
        hits = _new(affirmed(words.medium, rest, words.aside), seen)
        points += MEDIUM_POINTS * len(hits)
        strong += (find for hit in hits if (find := find_quote(hit[0], text)))
        rest = without(rest, hits)
        points += min(MOST_FAINT_POINTS, weight * FAINT_POINTS * len(_new(words.faint.finditer(rest), seen)))
        for kind, pattern in (("topics", words.topics), ("trades", words.trades)):
            told = list(pattern.finditer(level(text)))
            named[kind] += weight * len({hit[0] for hit in told})
            near += (sentence_around(text, hit) for hit in told[:1])
    against = min(named["topics"], TITLE_WEIGHT) * NEAR_POINTS + min(named["trades"], 1) * TRADE_POINTS
    return PaperSigns(points - against, list(dict.fromkeys(strong)), list(dict.fromkeys(near)))


def judge_paper(title: str, abstract: str, words: SalesPaperWords) -> PaperVerdict:
    """Judge a paper by rules."""
    signs = paper_signs(title, abstract, words)
    if signs.strong and signs.points >= ENOUGH_POINTS:
        reasons = [QuotedReason(reason="names selling", quote=_cut(quote)) for quote in signs.strong]
        sure = CONFIDENCE_FLOOR + CONFIDENCE_PER_POINT * (signs.points - ENOUGH_POINTS)
        return PaperVerdict(is_sales_leadgen=True, confidence=_bounded(sure), reasons=reasons[:MOST_REASONS])
    reasons = [QuotedReason(reason="is about something else", quote=_cut(quote)) for quote in signs.near]
    sure = CONFIDENCE_FLOOR + CONFIDENCE_PER_POINT * (ENOUGH_POINTS - signs.points)
    is_bare = not abstract.strip() and not reasons
    return PaperVerdict(
        is_sales_leadgen=False,
        confidence=min(_bounded(sure), CONFIDENCE_FLOOR) if is_bare else _bounded(sure),
        reasons=reasons[:MOST_REASONS],
    )


def standing_reasons(verdict: PaperVerdict, title: str, abstract: str) -> list[str]:
    """Return the reasons with quotes in the paper, in the paper's own spelling, at most three."""
    text = f"{title}\n{abstract}"
    found = ((one.reason.strip(), find_quote(one.quote, text)) for one in verdict.reasons)
    return [f"{reason}: “{_cut(quote)}”" for reason, quote in found if quote][:MOST_REASONS]


def _own_words(text: str, words: SalesPaperWords) -> str:
    """Return a levelled text of the same length, with dots for words that mean something else."""
    said = level(text)
    return words.elsewhere.sub(lambda hit: "." * len(hit[0]), said)


def _new(hits: Iterator[Hit], seen: set[str]) -> list[Hit]:
    """Return the hits with new words. A plural is no other word."""
    found = []
    for hit in hits:
        key = hit[0].rstrip("s")
        if key not in seen:
            seen.add(key)
            found.append(hit)
    return found


def _bounded(sure: float) -> float:
    return round(max(EMPTY_CONFIDENCE, min(sure, CONFIDENCE_CEILING)), 2)


def _cut(quote: str) -> str:
    if len(quote) <= MAX_QUOTE_CHARS:
        return quote
    return quote[:MAX_QUOTE_CHARS].rpartition(" ")[0]
