"""Tell whether passages answer a question, and which sentences do. These are the rules of the workflow `agentic_rag`.

A sentence answers if the telling words of the question stand in it or near it, if each name of the question stands in
the passage or in its title, and if it has a value of the kind that is asked for: money, a date, a person. A word that
no document has weighs most. So a question about what is not written anywhere finds nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentic_sales.rules.questions import FAINT_SHARE, Asked, AskedWord
from agentic_sales.rules.ranking import Group
from agentic_sales.rules.search_terms import terms_of
from agentic_sales.rules.wording import sentences

ENOUGH = 0.4
"""Share of the weight of a question's words that an answer has."""
ABOVE_SHARE = 0.9
"""What a word counts for that stands in a heading or the title."""
NEAR_SHARE = 0.6
"""What a word counts for that stands in the passage and not in the sentence."""
ALIKE = 0.88
"""A further sentence is told if it has this share of the best one's coverage."""
MOST_SENTENCES = 4
LEAST_LETTERS = 3
MOST_LABEL_WORDS = 4

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|januar|märz|mai|juni|juli|okt|dez"
_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|seventy"
    "|eighty|ninety|hundred|thousand|million|billion|dozen|half|once|twice|daily|weekly|monthly|quarterly|yearly|every"
)
_MONEY = (
    r"[€$£¥]\s?\d|\b(?:eur|usd|gbp|chf)\s?\d|\d[\d.,]*\s?(?:[€$£¥]|(?:k|m|bn|million|billion)?\s?"
    r"(?:euros?|eur|dollars?|usd|gbp|chf|pounds?|francs?|cents?)\b)"
)
_KINDS: Mapping[str, re.Pattern[str]] = {
    "money": re.compile(_MONEY, re.IGNORECASE),
    "price": re.compile(
        rf"{_MONEY}|\bfree\b|\bon request\b|\bcontact sales\b|\bno charge\b|\bkostenlos\b|\bquote\b", re.IGNORECASE
    ),
    "count": re.compile(rf"\d|\b(?:{_NUMBER_WORDS})\b", re.IGNORECASE),
    "amount": re.compile(rf"\d|\b(?:{_NUMBER_WORDS})\b", re.IGNORECASE),
    "duration": re.compile(
        rf"(?:\d|\b(?:{_NUMBER_WORDS}|a|an|the same)\b)[^.;]{{0,20}}\b(?:second|minute|hour|day|week|month|year"
        r"|quarter|night|stunde|tag|woche|monat|jahr)s?e?n?\b|\b(?:immediately|at once|overnight|instant\w*)\b",
        re.IGNORECASE,
    ),
    "date": re.compile(
        rf"\b(?:1[89]|20)\d\d\b|\b\d{{1,2}}\.\d{{1,2}}\.|\b(?:{_MONTHS})[a-z]*\.?\s+\d|\d\.?\s*(?:{_MONTHS})"
        r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:yesterday|today|tomorrow|immediately)\b"
        r"|\b(?:after|within|every|until|before)\b.{0,20}\b(?:hour|day|week|month|quarter|year)s?\b",
        re.IGNORECASE,
    ),
    "audience": re.compile(
        r"\b(?:made|built|designed|meant|intended|ideal|perfect|tailored|developed)\b.*\bfor\b|\baimed at\b"
        r"|\b(?:clients|customers|users) (?:are|include)\b|\b(?:used|trusted) by\b|\bhelps\b",
        re.IGNORECASE,
    ),
    "email": re.compile(r"[\w.+-]+@[\w-]+\.\w"),
    "phone": re.compile(r"\+?\d[\d ()/.-]{6,}\d"),
    "contact": re.compile(
        r"[\w.+-]+@[\w-]+\.\w|https?://|www\.|\+?\d[\d ()/.-]{6,}\d|\b(?:form|chat|portal)\b", re.IGNORECASE
    ),
}
_CAPITALS = re.compile(
    r"(?<![\w@.])[A-Z\u00c0-\u00de][\w'\u2019-]+"
    r"(?:[ \u00a0](?:(?:van|von|de|der|da|di|del|la|le|bin|al)[ ])?[A-Z\u00c0-\u00de][\w'\u2019-]*\.?)*"
)
_LABELS = re.compile(
    r"^(?:Our|The|We|In|At|On|For|With|By|From|You|It|This|That|Every|All|And|But|If|To|Write|Made|Dr|Mr|Ms|Mrs)\b"
    r"[ \u00a0]*"
)
_TITLES = re.compile(
    r"\b(?:Chief|Head|Vice|President|Officer|Director|Manager|Engineer\w*|Partner|Sales|Executive|Consultant|Principal"
    r"|Senior|Lead|Founder|Co-founder|VP|CEO|CTO|Series|Inc|Ltd|GmbH|LLC|Srl|AG)\b"
)


@dataclass(frozen=True, slots=True)
class PassageCandidate:
    """A passage that a search has found."""

    key: str
    """Its id."""
    title: str
    """Title and address words of its document, and the headings above it."""
    text: str
    """Its text."""


@dataclass(frozen=True, slots=True)
class FoundSentence:
    """A sentence of a passage that answers a question."""

    key: str
    """Id of the passage."""
    sentence: str
    """The sentence as it stands there."""
    coverage: float
    """Share of the question's words that it has, 0-1, by weight."""


def evidence(
    asked: Asked, weights: Mapping[Group, float], candidates: Sequence[PassageCandidate]
) -> list[FoundSentence]:
    """Return the sentences that answer a question, the best first. Empty: no passage answers it.

    Args:
        asked: The question.
        weights: Weight of each of its groups, see `ranking.idf`.
        candidates: The passages, the best first.
    """
    found = [finding for candidate in candidates for finding in _of_passage(asked, weights, candidate)]
    best = max((finding.coverage for finding in found), default=0.0)
    if best < ENOUGH:
        return []
    alike = [finding for finding in found if finding.coverage >= max(ENOUGH, ALIKE * best)]
    order = {candidate.key: place for place, candidate in enumerate(candidates)}
    alike.sort(key=lambda finding: (-finding.coverage, order[finding.key]))
    once = {finding.sentence: finding for finding in reversed(alike)}
    return [finding for finding in alike if once[finding.sentence] is finding][:MOST_SENTENCES]


def _of_passage(asked: Asked, weights: Mapping[Group, float], candidate: PassageCandidate) -> Iterable[FoundSentence]:
    above = set(terms_of(candidate.title))
    around = above | set(terms_of(candidate.text))
    if not all(_says(word, around) for word in asked.names):
        return
    label: set[str] = set()
    for sentence in sentences(candidate.text):
        if sum(map(str.isalnum, sentence)) < LEAST_LETTERS or not _has_kinds(asked, sentence, candidate.title):
            label = set(terms_of(sentence)) if _is_label(sentence) else set()
            continue
        here = set(terms_of(sentence)) | label
        label = set(terms_of(sentence)) if _is_label(sentence) else set()
        if coverage := _coverage(asked, weights, here, above, around):
            yield FoundSentence(candidate.key, sentence, round(coverage, 3))


def names_in(text: str) -> list[str]:
    """Return what is written as a name in a text: words with a capital, without the first words of sentences."""
    found = (_LABELS.sub("", name) for name in _CAPITALS.findall(text))
    return [name for name in found if name]


def _is_label(sentence: str) -> bool:
    """Tell a short line without an end, such as `Founded`. The next line is its value."""
    return len(sentence.split()) <= MOST_LABEL_WORDS and sentence[-1] not in ".!?"


def _coverage(asked: Asked, weights: Mapping[Group, float], here: set[str], above: set[str], around: set[str]) -> float:
    """Return the share of the telling words that a sentence has. Names count only where a question has nothing else."""
    telling = [word for word in asked.words if word.is_telling]
    if telling and all(word.is_faint for word in telling):
        telling = [word for word in asked.words if not word.is_name]
    telling = telling or asked.names or list(asked.words)
    own = [word for word in telling if not word.is_faint] or telling
    if not any(_says(word, here) or _says(word, above) for word in own):
        return 0.0
    whole = got = 0.0
    for word in telling:
        weight = weights[word.group] * (FAINT_SHARE if word.is_faint else 1.0)
        whole += weight
        if _says(word, here):
            got += weight
        elif _says(word, above):
            got += weight * ABOVE_SHARE
        elif _says(word, around):
            got += weight * NEAR_SHARE
    return got / whole if whole else 0.0


def _says(word: AskedWord, terms: set[str]) -> bool:
    return any(terms.issuperset(proof) for proof in word.proofs)


def _has_kinds(asked: Asked, sentence: str, title: str) -> bool:
    return all(_has_kind(kind, asked, sentence, title) for kind in asked.kinds)


def _has_kind(kind: str, asked: Asked, sentence: str, title: str) -> bool:
    pattern = _KINDS.get(kind)
    if pattern is not None:
        return pattern.search(sentence) is not None
    known = {term for word in asked.words for term in word.group} | set(terms_of(title))
    new = [name for name in names_in(sentence) if not set(terms_of(name)) & known]
    if kind == "person" and _KINDS["email"].search(sentence):
        return True
    if kind == "place":
        return any(not _TITLES.search(name) for name in new)
    return any(" " in _TITLES.sub("", name).strip() for name in new)
