"""Read a company's pages by rules over the table `companies`. Each value comes with the words that back it.

Everything here is a pure function of a page's plain text. Its time is in proportion to the text. A rule knows words and
not their writer's intention. So it must never be surer than its confidence tells.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from textwrap import shorten
from typing import Generic, TypeVar

from agentic_sales.rules.company_words import OWN_WORDS, Category, CategorySigns, CompanyWords, Industry, RemotePolicy
from agentic_sales.rules.recruiters import find_clues
from agentic_sales.rules.signs import Hit, affirmed, level

MAX_QUOTE_CHARS = 200
QUOTE_REACH_CHARS = 90
"""How far a quote goes to both sides of the phrase that decided."""
HEADLINE_CHARS = 160
"""Where the title and the headline of a home page stand."""
MAX_WEIGHT_OF_PHRASE = 2.0
"""Most that one phrase counts for an industry, however often a page repeats it."""
OPENING_CHARS = 800
"""Length of a home page's opening. It says the most important things."""
PLAIN_POINTS = 3
"""Points of a phrase that names the company's kind outright. A faint sign has 1."""
MAX_FAINT_POINTS = 3
ENOUGH_POINTS = 3
"""Points below which the category stays unknown."""
RULES_CONFIDENCE_FLOOR = 0.5
RULES_CONFIDENCE_PER_POINT = 0.05
RULES_CONFIDENCE_CEILING = 0.9
"""The rules know words, never the writer's intention."""
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
class SignFinding(Generic[T]):
    """A rule's value, read in the pages."""

    value: T
    """The value of the field."""
    quote: str = ""
    """The words that back it. If empty, nothing is said, and the value is the field's default."""


def read_category(home: str, words: CompanyWords = OWN_WORDS) -> SignFinding[Category]:
    """Tell a company's category. UNKNOWN without enough signs."""
    points = category_points(home, words)
    best = max(points, key=lambda category: points[category])
    if points[best] < ENOUGH_POINTS:
        return SignFinding("UNKNOWN")
    return SignFinding(best, _category_quote(best, home, words))


def _category_quote(category: Category, home: str, words: CompanyWords) -> str:
    signs, text = words.categories[category], level(home)
    for sign in (signs.plain, signs.faint):
        if hit := next(affirmed(sign, text, words.denied, words.served), None):
            return sentence_around(home, hit)
    found = [clue.words for clue in find_clues("", "", home, words.recruiters) if clue.weight > 0]
    return next((quote for clue in found if (quote := find_quote(clue, home))), "")


def category_points(home: str, words: CompanyWords = OWN_WORDS) -> dict[Category, int]:
    """Weigh the signs of each category. The signs of a recruiter include those of its own table."""
    text = level(home)
    points = {category: _points(signs, text, words) for category, signs in words.categories.items()}
    recruiter = sum(clue.weight for clue in find_clues("", "", home, words.recruiters))
    return points | {"STAFFING": points["STAFFING"] + max(0, round(recruiter))}


def _points(signs: CategorySigns, text: str, words: CompanyWords) -> int:
    vetoes = (words.denied, words.served)
    plain, faint = (_count_phrases(affirmed(sign, text, *vetoes)) for sign in (signs.plain, signs.faint))
    return PLAIN_POINTS * plain + min(faint, MAX_FAINT_POINTS)


def _count_phrases(hits: Iterable[Hit]) -> int:
    return len({" ".join(hit[0].casefold().split()) for hit in hits})


def category_confidence(points: Mapping[Category, int]) -> float:
    """Return how sure the best category is. More points and fewer rivals make it surer."""
    best = max(points.values())
    if best < ENOUGH_POINTS:
        return UNKNOWN_CONFIDENCE
    sure = min(RULES_CONFIDENCE_FLOOR + RULES_CONFIDENCE_PER_POINT * best, RULES_CONFIDENCE_CEILING)
    return round(sure * best / sum(points.values()), 2)


def read_ai_tier(home: str, careers: str, words: CompanyWords = OWN_WORDS) -> SignFinding[int]:
    """Tell how a company speaks of artificial intelligence: as its business (2), as a tool (1), or not at all (0).

    A product made of it counts as the business if the home page opens with it, or speaks of two such products.
    """
    native = next(affirmed(words.ai_native, home, words.denied), None)
    offers = list(affirmed(words.ai_offer, home, words.denied))
    if native is None and offers and (offers[0].start() < OPENING_CHARS or _count_phrases(offers) > 1):
        native = offers[0]
    if native is not None:
        return SignFinding(2, sentence_around(home, native))
    both = f"{home}\n{careers}"
    mention = next(affirmed(words.ai_mention, both, words.denied), None)
    return SignFinding(1, sentence_around(both, mention)) if mention else SignFinding(0)


def read_industry(home: str, words: CompanyWords = OWN_WORDS) -> SignFinding[Industry]:
    """Tell the most frequent industry of a home page. Among equals the first one wins."""
    text = level(home)
    hits = {industry: list(affirmed(sign, text, words.denied)) for industry, sign in words.industries.items()}
    said = [industry for industry in hits if hits[industry]]
    if not said:
        return SignFinding("unknown")
    ranks = {one: (_weight(one, hits[one], words), -hits[one][0].start()) for one in said}
    best = max(said, key=lambda one: ranks[one])
    return SignFinding(best, sentence_around(home, hits[best][0]))


def _weight(industry: Industry, hits: Iterable[Hit], words: CompanyWords) -> float:
    """Weigh the phrases of an industry. Each counts at most twice, and a phrase in the opening counts double."""
    counts: dict[str, float] = {}
    for hit in hits:
        value = 2.0 if hit.start() < HEADLINE_CHARS else 1.0
        counts[hit[0]] = min(counts.get(hit[0], 0.0) + value, MAX_WEIGHT_OF_PHRASE)
    return sum(counts.values()) / (2 if industry in words.general_industries else 1)


def read_remote_policy(home: str, careers: str, words: CompanyWords = OWN_WORDS) -> SignFinding[RemotePolicy]:
    """Tell how the people of a company work. The careers page comes first."""
    both = f"{careers}\n{home}"
    signs = [(policy, sign, both) for policy, sign in words.remote_signs]
    for policy, sign, text in [*signs, *((policy, sign, careers) for policy, sign in words.remote_words)]:
        if hit := next(affirmed(sign, level(text), words.denied, words.served), None):
            return SignFinding(policy, sentence_around(text, hit))
    return SignFinding("unknown")


def read_open_roles(home: str, careers: str, words: CompanyWords = OWN_WORDS) -> SignFinding[bool]:
    """Tell whether a company is hiring. A listed job outweighs a denial, and a denial outweighs an invitation."""
    both = f"{careers}\n{home}"
    if listed := words.role_listed.search(level(careers)):
        return SignFinding(value=True, quote=sentence_around(careers, listed))
    if none := words.no_roles.search(level(both)):
        return SignFinding(value=False, quote=sentence_around(both, none))
    for text, sign in ((both, words.roles_invited), (careers, words.roles_on_careers_page)):
        if hit := next(affirmed(sign, level(text), words.denied), None):
            return SignFinding(value=True, quote=sentence_around(text, hit))
    return SignFinding(value=False)


def sentence_around(text: str, hit: Hit) -> str:
    """Return the sentence around a hit, up to the longest length of a quote."""
    reach = QUOTE_REACH_CHARS + 1  # One more tells whether a word is cut.
    before = _BEFORE.search(text[max(0, hit.start() - reach) : hit.start()])
    after = _AFTER.match(text[hit.end() : hit.end() + reach])
    said = text[hit.start() : hit.end()]
    sentence = f"{before[0] if before else ''}{said}{after[0] if after else ''}"
    return shorten(sentence, MAX_QUOTE_CHARS, placeholder="")


def find_quote(quote: str, text: str) -> str | None:
    """Return the text's words that a quote repeats. Case, spacing and quotation marks do not count.

    Only a quote that stands there as a whole is found. Of a long one, the first words are returned.
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
