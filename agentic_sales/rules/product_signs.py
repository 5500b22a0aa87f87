"""Find in the words of an offer its audience, the audience's pains, its gains, and the way of its sale.

Everything is a pure function of plain texts. Each finding has the sentence that it was read in.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agentic_sales.rules.backing import Texts
from agentic_sales.rules.company_words import OWN_WORDS
from agentic_sales.rules.competitors import Proof
from agentic_sales.rules.signs import affirmed, compiled, level
from agentic_sales.rules.tables import every, table
from agentic_sales.rules.wording import sentences
from agentic_sales.rules.words import folded

_TABLE = table("product_signs")
_AUDIENCE = _TABLE["audience"]
_BEFORE = compiled(_AUDIENCE["before"])
_END = re.compile(rf"(?<!\w)(?:{'|'.join(_AUDIENCE['end'])})(?!\w)|[.,;:!?()\u2013\u2014|/]")
_ORGANISATIONS = compiled(_AUDIENCE["organisations"])
_PEOPLE = re.compile(rf"(?:{'|'.join(_AUDIENCE['people_endings'])})\Z")
_NOT_PEOPLE = frozenset(_AUDIENCE["not_people"])
_NOBODY = frozenset(map(folded, _AUDIENCE["nobody"]))
_TITLES = compiled(_AUDIENCE["titles"])
_STAGES = {name: compiled(phrases) for name, phrases in _TABLE["stages"].items()}
_PLACES = {name: compiled(phrases) for name, phrases in _TABLE["places"].items()}
_NEEDS = {name: compiled(phrases) for name, phrases in _TABLE["needs"].items()}
_MOTIONS = {name: compiled(every(phrases)) for name, phrases in _TABLE["motions"].items()}
_PAIN, _OUTCOME, _ANTI = (compiled(every(_TABLE[name])) for name in ("pain", "outcome", "anti"))
_ARTICLE = re.compile(r"\A(?:the|your|our|a|an|busy|modern|any|every|all|die|der|den|les|los|las)\s+", re.IGNORECASE)
_HALVES = re.compile(r";\s+")
"""Words between two statements of one sentence."""
_MEASURE = re.compile(r"\d")
_NO_NAME = re.compile(r"\b\d|\b(?:their|your|our|its|his|her|my|ihre?|leurs?|sus?)\b")
"""A number or an owner behind a word such as `for` tells that it names no audience."""
_MOST_AUDIENCE_WORDS = 6
_MOST_AUDIENCE_CHARS = 80
_LEAST_SENTENCE_WORDS = 2
_MOST_ACTOR_WORDS = 3
MOTIONS: tuple[str, ...] = tuple(_MOTIONS)
"""Names of the signs of how an offer is sold."""


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of an offer."""

    text: str
    """The sentence."""
    source: str
    """Where it stands."""

    def backs(self, claim: str) -> Proof:
        """Return it as the words that back a claim."""
        return Proof(claim=claim, quote=self.text[:200], source_url=self.source)


@dataclass(frozen=True, slots=True)
class AudienceSign:
    """The audience of an offer by a sentence."""

    name: str
    """The audience in the sentence's words."""
    is_people: bool
    """Whether it names a role of people, not organisations."""
    said: Said
    """The sentence."""


def all_said(texts: Texts) -> list[Said]:
    """Return the sentences of texts, each once, in their order."""
    told = (
        Said(part.strip(), source)
        for source, text in texts.items()
        for sentence in sentences(text)
        for part in _HALVES.split(sentence)
    )
    kept = {folded(said.text): said for said in reversed([*told]) if len(said.text.split()) >= _LEAST_SENTENCE_WORDS}
    return [*kept.values()][::-1]


def audiences(said: Iterable[Said]) -> list[AudienceSign]:
    """Return the audiences that sentences name, each once. An audience that is excluded is left out."""
    found = (sign for one in said if not _ANTI.search(level(one.text)) for sign in _audiences_in(one))
    kept = {folded(sign.name): sign for sign in reversed([*found])}
    return [*kept.values()][::-1]


def titles_in(said: Iterable[Said]) -> list[AudienceSign]:
    """Return the job titles that sentences name outright, each once."""
    found = (
        AudienceSign(_trimmed(one.text[hit.start() : hit.end()]), is_people=True, said=one)
        for one in said
        for hit in _TITLES.finditer(level(one.text))
    )
    return [*{folded(sign.name): sign for sign in reversed([*found]) if sign.name}.values()][::-1]


def actors(said: Iterable[Said]) -> list[AudienceSign]:
    """Return the people at the beginning of sentences, as in `Claims handlers lose hours`, each once."""
    found = [
        AudienceSign(" ".join(one.text.split()[:place]), is_people=True, said=one)
        for one in said
        if (place := _actor_words(level(one.text).split()))
    ]
    return [*{folded(sign.name): sign for sign in reversed(found)}.values()][::-1]


def industries(said: Iterable[Said]) -> dict[str, Said]:
    """Return the industries that sentences name, with the first sentence of each."""
    found: dict[str, Said] = {}
    for one in said:
        text = level(one.text)
        for industry, sign in OWN_WORDS.industries.items():
            if industry not in OWN_WORDS.general_industries and next(affirmed(sign, text, OWN_WORDS.denied), None):
                found.setdefault(industry, one)
    return found


def stage_in(text: str) -> str:
    """Return the size or stage of companies that a text names first in our order. Empty: none."""
    return next((name for name, sign in _STAGES.items() if sign.search(level(text))), "")


def place_in(text: str) -> str:
    """Return the market that a text names. Empty: none."""
    return next((name for name, sign in _PLACES.items() if sign.search(level(text))), "")


def pains(said: Iterable[Said]) -> list[Said]:
    """Return the sentences that state pains of the buyers."""
    return [one for one in said if _PAIN.search(level(one.text)) and not _ANTI.search(level(one.text))]


def outcomes(said: Iterable[Said]) -> list[Said]:
    """Return the sentences that state gains of the offer. A loss of people is none, as in `Nurses lose checks`."""
    told = ((one, level(one.text)) for one in said)
    found = [one for one, text in told if next(affirmed(_OUTCOME, text, OWN_WORDS.denied), None)]
    return [one for one in found if not (actors([one]) and _PAIN.search(level(one.text)))]


def measured(said: Iterable[Said]) -> list[Said]:
    """Return the sentences that have a number."""
    return [one for one in said if _MEASURE.search(one.text)]


def refusals(said: Iterable[Said]) -> list[Said]:
    """Return the sentences that exclude an audience."""
    return [one for one in said if _ANTI.search(level(one.text))]


def needs(said: Iterable[Said]) -> list[tuple[str, Said]]:
    """Return the sentences that state a need or a lack of the offer, with `high`, `medium` or `low`."""
    found = []
    for one in said:
        text = level(one.text)
        if severity := next((name for name, sign in _NEEDS.items() if sign.search(text)), ""):
            found.append((severity, one))
    return found


def motions(said: Iterable[Said]) -> dict[str, Said]:
    """Return the signs of how the offer is sold, with the first sentence of each."""
    told = [(one, level(one.text)) for one in said]
    hits = {
        name: next((one for one, text in told if next(affirmed(sign, text, OWN_WORDS.denied), None)), None)
        for name, sign in _MOTIONS.items()
    }
    return {name: one for name, one in hits.items() if one}


def _audiences_in(said: Said) -> Iterator[AudienceSign]:
    text = level(said.text)
    for hit in _BEFORE.finditer(text):
        rest = text[hit.end() : hit.end() + _MOST_AUDIENCE_CHARS]
        end = _END.search(rest)
        words = rest[: end.start() if end else len(rest)].split()[:_MOST_AUDIENCE_WORDS]
        length = _last_group(words)
        if not length:
            continue
        name = _trimmed(" ".join(said.text[hit.end() :].split()[:length]))
        if name and folded(name) not in _NOBODY and not _NO_NAME.search(level(name)):
            yield AudienceSign(name, _is_people(words[length - 1]), said)


def _last_group(words: list[str]) -> int:
    """Return how many words name the audience: up to the last word of people or organisations. 0: none does."""
    groups = [place for place, word in enumerate(words, 1) if _ORGANISATIONS.fullmatch(word) or _is_people(word)]
    return groups[-1] if groups else 0


def _actor_words(words: list[str]) -> int:
    """Return how many words at the beginning of a sentence name acting people. 0: none do."""
    places = (place for place, word in enumerate(words[:_MOST_ACTOR_WORDS], 1) if _is_people(word))
    place = next(places, 0)
    return place if place < len(words) and (place == 0 or words[place].isalpha()) else 0


def _is_people(word: str) -> bool:
    return bool(_PEOPLE.search(word)) and word not in _NOT_PEOPLE and not _ORGANISATIONS.fullmatch(word)


def _trimmed(name: str) -> str:
    return _ARTICLE.sub("", name.strip(" .,;:!?"))
