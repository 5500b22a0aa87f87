"""Read what a company's pages say of it, by rules over closed vocabularies: each value with the words it rests on.

Everything here is a pure function of a page's plain text, in English or German, and takes time in proportion to it.
A rule knows words and not what their writer meant, so that it must never be surer than its confidence tells.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import shorten
from typing import Generic, TypeVar

from agentic_sales.rules.company_words import (
    AI_MENTION,
    AI_NATIVE,
    AI_OFFER,
    CATEGORY_SIGNS,
    DENIED,
    GENERAL_INDUSTRIES,
    INDUSTRY_SIGNS,
    NO_ROLES,
    REMOTE_SIGNS,
    REMOTE_WORDS,
    ROLE_LISTED,
    ROLES_INVITED,
    SERVED,
    Category,
    Industry,
    RemotePolicy,
    Signs,
)

MAX_QUOTE_CHARS = 200
QUOTE_REACH_CHARS = 90
"""How far a quote goes to both sides of the phrase that decided."""
OPENING_CHARS = 800
"""Where a home page says what matters most."""
VETO_REACH_CHARS = 60
"""How far before a phrase a word can deny it."""
PLAIN_POINTS = 3
"""Points of a phrase that says outright what the company is; a faint sign has 1."""
MAX_FAINT_POINTS = 3
ENOUGH_POINTS = 3
"""Points below which the category stays unknown."""
RULES_CONFIDENCE_FLOOR = 0.5
RULES_CONFIDENCE_PER_POINT = 0.05
RULES_CONFIDENCE_CEILING = 0.9
"""The rules know words, never what the writer meant."""
UNKNOWN_CONFIDENCE = 0.2

_MARKDOWN_LINK = re.compile(r"\[([^\]\[\n]*)\]\([^)\s]{0,2000}\)")
_MARKDOWN_MARKS = re.compile(r"^[ \t]*(?:[#>+-]+[ \t]+)+|\*\*|`", re.MULTILINE)
_SPACES = re.compile(r"[^\S\n]+")
_REST_OF_SENTENCE = rf"(?:[^\n.!?]|[.!?](?=\S)){{0,{QUOTE_REACH_CHARS}}}"
_BEFORE = re.compile(rf"(?<!\S){_REST_OF_SENTENCE}\Z")
_AFTER = re.compile(rf"{_REST_OF_SENTENCE}[.!?]?(?!\S)")
_TYPOGRAPHY = str.maketrans("\u2018\u2019\u201c\u201d\u201e\u2013\u2014\u00a0", '\'\'"""-- ')
"""One character for one, so that positions stay."""
_QUOTE_MARKS = "\"'.… \n"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding(Generic[T]):
    """What a rule reads in the pages."""

    value: T
    """The value of the field."""
    quote: str = ""
    """The words that it rests on; empty: nothing is said, and the value is the field's default."""


def read_category(home: str) -> Finding[Category]:
    """Tell what a company sells; UNKNOWN without enough signs."""
    points = category_points(home)
    best = max(points, key=lambda category: points[category])
    if points[best] < ENOUGH_POINTS:
        return Finding("UNKNOWN")
    signs = CATEGORY_SIGNS[best]
    hits = [*affirmed(signs.plain, home, DENIED, SERVED), *affirmed(signs.faint, home, DENIED, SERVED)]
    return Finding(best, sentence_around(hits[0]))


def category_points(home: str) -> dict[Category, int]:
    """Weigh the signs of each category."""
    return {category: _points(signs, home) for category, signs in CATEGORY_SIGNS.items()}


def _points(signs: Signs, home: str) -> int:
    plain, faint = (_count_phrases(affirmed(sign, home, DENIED, SERVED)) for sign in (signs.plain, signs.faint))
    return PLAIN_POINTS * plain + min(faint, MAX_FAINT_POINTS)


def _count_phrases(hits: Iterable[re.Match[str]]) -> int:
    return len({" ".join(hit[0].casefold().split()) for hit in hits})


def category_confidence(points: Mapping[Category, int]) -> float:
    """Return how sure the best category is: the more points and the fewer rivals, the surer."""
    best = max(points.values())
    if best < ENOUGH_POINTS:
        return UNKNOWN_CONFIDENCE
    sure = min(RULES_CONFIDENCE_FLOOR + RULES_CONFIDENCE_PER_POINT * best, RULES_CONFIDENCE_CEILING)
    return round(sure * best / sum(points.values()), 2)


def read_ai_tier(home: str, careers: str) -> Finding[int]:
    """Tell what artificial intelligence is to a company: its business (2), a tool (1), or nothing it speaks of (0).

    What is made of it counts as the business if the home page opens with it, or speaks of two such things.
    """
    native = next(affirmed(AI_NATIVE, home, DENIED), None)
    offers = list(affirmed(AI_OFFER, home, DENIED))
    if native is None and offers and (offers[0].start() < OPENING_CHARS or _count_phrases(offers) > 1):
        native = offers[0]
    if native is not None:
        return Finding(2, sentence_around(native))
    mention = next(affirmed(AI_MENTION, f"{home}\n{careers}", DENIED), None)
    return Finding(1, sentence_around(mention)) if mention else Finding(0)


def read_industry(home: str) -> Finding[Industry]:
    """Tell the industry that a home page speaks of most; the first one of equals."""
    hits = {industry: list(affirmed(sign, home, DENIED)) for industry, sign in INDUSTRY_SIGNS.items()}
    said = [industry for industry in hits if hits[industry]]
    if not said:
        return Finding("unknown")
    best = max(said, key=lambda one: (_weight(one, len(hits[one])), -hits[one][0].start()))
    return Finding(best, sentence_around(hits[best][0]))


def _weight(industry: Industry, hits: int) -> float:
    return hits / 2 if industry in GENERAL_INDUSTRIES else hits


def read_remote_policy(home: str, careers: str) -> Finding[RemotePolicy]:
    """Tell how the people of a company work; the careers page is asked first."""
    signs = [(policy, sign, f"{careers}\n{home}") for policy, sign in REMOTE_SIGNS]
    for policy, sign, text in [*signs, *((policy, sign, careers) for policy, sign in REMOTE_WORDS)]:
        if hit := next(affirmed(sign, text, DENIED, SERVED), None):
            return Finding(policy, sentence_around(hit))
    return Finding("unknown")


def read_open_roles(home: str, careers: str) -> Finding[bool]:
    """Tell whether a company is hiring: a listed job outweighs a denial, and that an invitation."""
    if listed := ROLE_LISTED.search(careers):
        return Finding(value=True, quote=sentence_around(listed))
    text = f"{careers}\n{home}"
    if none := NO_ROLES.search(text):
        return Finding(value=False, quote=sentence_around(none))
    invited = next(affirmed(ROLES_INVITED, text, DENIED), None)
    return Finding(value=True, quote=sentence_around(invited)) if invited else Finding(value=False)


def affirmed(sign: re.Pattern[str], text: str, *vetoes: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Find a sign in a text, but for where the words before it veto it."""
    for hit in sign.finditer(text):
        before = text[max(0, hit.start() - VETO_REACH_CHARS) : hit.start()].rpartition("\n")[2]
        if not any(veto.search(before) for veto in vetoes):
            yield hit


def sentence_around(hit: re.Match[str]) -> str:
    """Return the sentence that a hit stands in, as far as a quote may be long."""
    text, reach = hit.string, QUOTE_REACH_CHARS + 1  # One more tells whether a word is cut.
    before = _BEFORE.search(text[max(0, hit.start() - reach) : hit.start()])
    after = _AFTER.match(text[hit.end() : hit.end() + reach])
    sentence = f"{before[0] if before else ''}{hit[0]}{after[0] if after else ''}"
    return shorten(sentence, MAX_QUOTE_CHARS, placeholder="")


def find_quote(quote: str, text: str) -> str | None:
    """Return the words of the text that a quote repeats, whatever its case, spacing and quotation marks.

    Only a quote that stands there as a whole is found; of a long one, the first words are returned.
    """
    wanted = quote.translate(_TYPOGRAPHY).strip(_QUOTE_MARKS).split()
    if not any(map(str.isalnum, "".join(wanted))):
        return None
    pattern = r"\s+".join(map(re.escape, wanted))
    found = re.search(rf"(?<!\w){pattern}(?!\w)", text.translate(_TYPOGRAPHY), re.IGNORECASE)
    return shorten(text[found.start() : found.end()], MAX_QUOTE_CHARS, placeholder="") if found else None


def plain_text(markdown: str) -> str:
    """Return Markdown without its marks and addresses, a line for a line, with single spaces."""
    unlinked = _MARKDOWN_LINK.sub(r"\1", markdown)
    return _SPACES.sub(" ", _MARKDOWN_MARKS.sub("", unlinked).replace("|", " "))
