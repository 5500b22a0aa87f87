"""Tell which country a location text means: `START → read_place → classify → END`, without `classify` if certain.

The rules read the text against a gazetteer, and a model is asked only where they are not certain, so that most
locations cost nothing. Like every classifier, this never fails because of a model: it degrades and says so. It must
never invent a country: without one the answer is null and 0.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import pycountry
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.errors import ModelMisconfigured, ModelNotConfigured, ModelRefused, ProviderUnavailable, RateLimited
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.graph_meta import Spending, build_graph_meta
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules.gazetteer import ALIASES, Meanings, fold, is_country, meanings_of_code, meanings_of_name

PROMPTS = load_prompts(__file__)
CERTAIN_RATIO = 0.85
"""Probability from which the rules decide alone."""
LIKELY_RATIO = 0.6
"""Probability from which the rules name a country where no model does; it is also what callers count as classified."""
HIGHEST_RATIO = 0.99
"""The rules know names, never what the writer meant."""
LONE_CODE_RATIO = 0.8
"""Least probability that a country's code, when it is the whole location, means the country and not a state."""
LEAST_UNLISTED_RATIO = 0.0005
"""Least probability that words mean a place that the gazetteer does not list; keeps rounded sums below 1."""
LONGEST_NAME_WORDS = 4
"""Words of the longest name that is looked for inside a phrase."""
SHORTEST_NAME_LETTERS = 4
"""Shorter words inside a phrase are read as names only in capitals: `Of` is a town."""
ALPHA_2_LETTERS = 2
"""A part of two capitals is a code, also where it is a word: "Salem, OR"."""
MAX_REASONS = 2
MAX_QUOTE_LETTERS = 40

_SEPARATORS = re.compile(r"[,;/|()\[\]{}<>\n\t•·\u2013\u2014:&+]|-\s|\s-")
_REGIONS = (
    "africa,americas,amer,anz,apac,asia,asia pacific,baltics,benelux,central europe,cis,dach,eastern europe,emea,eu,"
    "europe,european union,latam,latin america,mena,middle east,nordics,noram,north america,northern europe,oceania,"
    "scandinavia,south america,southeast asia,southern europe,western europe"
)
_WAYS_OF_WORKING = (
    "anywhere,distributed,earth,flexible,fully,global,globally,home,home based,home office,hybrid,international,"
    "multiple,none,nowhere,on site,onsite,remote,several,tba,tbd,unknown,unspecified,various,virtual,wfh,work,"
    "work from anywhere,work from home,world,worldwide"
)
_PLAIN_WORDS = (
    "airport,and,area,based,bay,central,centre,city,coast,county,countries,country,east,eastern,enterprise,est,"
    "federal,first,from,gold,green,headquarters,hq,hub,in,island,location,locations,male,media,metro,most,n a,nan,"
    "normal,north,northern,of,office,offices,only,or,part,region,republic,roles,same,south,southern,state,store,"
    "superior,team,the,time,union,university,west,western,within"
)
NO_PLACE = frozenset(f"{_REGIONS},{_WAYS_OF_WORKING},{_PLAIN_WORDS}".split(","))
"""Words of location texts that name no country, though small places have some of these names; folded."""


class Input(BaseModel):
    """What a run takes."""

    model_config = ConfigDict(extra="forbid")

    location: str = Field(max_length=500, description="Location as a page or a job post states it; may be empty.")


class Output(ModelOutput):
    """What a run answers."""

    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2 code; null: no single country is named.")
    confidence: float = Field(default=0.0, description="Probability that the country is right, 0-1; 0 for null.")
    reasons: list[str] = Field(default_factory=list, description="At most two reasons, for people.")


class State(Input, Output):
    """Input, output and what passes between the nodes."""

    is_certain: bool = Field(default=False, description="Whether the rules decided, so that no model was asked.")


EXAMPLE: dict[str, Any] = {"location": "Munich, DE"}


class Verdict(BaseModel):
    """Which country, how surely, and why."""

    country: str | None = Field(description="ISO 3166-1 alpha-2 code in capitals, or null.")
    confidence: float = Field(ge=0, le=1, description="Probability that the country is right; 0 for null.")
    reasons: list[str] = Field(description="One or two short reasons that quote the location.")


async def read_place(state: State) -> dict[str, Any]:
    """Read the location by rules, and claim the answer where they are certain."""
    verdict, is_certain = judge(state.location)
    claim = _by_rules() if is_certain else {}
    return {**verdict.model_dump(), "is_certain": is_certain, **claim}


def route_by_certainty(state: State) -> Literal["classify", "__end__"]:
    """Ask a model only where the rules are not certain."""
    return "__end__" if state.is_certain else "classify"


async def classify(state: State) -> dict[str, Any]:
    """Ask a model what the rules could not settle; a failing model leaves no country and a reason."""
    rules = Verdict(country=state.country, confidence=state.confidence, reasons=state.reasons)
    try:
        answer = await ask(
            PROMPTS["classify"],
            Verdict,
            fallback=lambda: rules,
            temperature=0.0,
            gazetteer=describe_odds(country_odds(read_phrases(state.location))),
            location=fenced(state.location),
        )
    except (ModelMisconfigured, ModelNotConfigured, ModelRefused, ProviderUnavailable, RateLimited) as exc:
        return {**no_country(f"classifier error: {exc}").model_dump(), **_by_rules()}
    return {**checked(answer.value).model_dump(), **answer.report}


def _by_rules() -> dict[str, Any]:
    meta = build_graph_meta(PROMPTS["classify"], answered_by=None, spending=Spending(model=None))
    return {"source": "rules", "graph_meta": meta}


def checked(verdict: Verdict) -> Verdict:
    """Hold an answer to the promise: a code that ISO 3166 knows, or null and 0; at most two reasons."""
    code = (verdict.country or "").strip().upper()
    code = "GB" if code == "UK" else code
    if is_country(code):
        return Verdict(country=code, confidence=verdict.confidence, reasons=verdict.reasons[:MAX_REASONS])
    if code in {"", "NULL", "NONE"}:
        return no_country(*verdict.reasons[:MAX_REASONS])
    return no_country(f"the model answered {quoted(code)}, which is no country of ISO 3166")


def no_country(*reasons: str) -> Verdict:
    """Return the conservative verdict."""
    return Verdict(country=None, confidence=0.0, reasons=list(reasons))


@dataclass(frozen=True, slots=True)
class Phrase:
    """Some words of a location."""

    text: str
    """The words as they were written."""
    meanings: Meanings
    """The places that they can mean; empty: none is known."""


def judge(location: str) -> tuple[Verdict, bool]:
    """Return what the rules make of a location, and whether that is certain."""
    phrases = tuple(read_phrases(location))
    odds = country_odds(phrases)
    if not odds:
        is_certain = all(_is_plain(phrase.text) for phrase in phrases)
        return no_country(_why_no_place(location, is_certain=is_certain)), is_certain
    names = ", ".join(quoted(phrase.text) for phrase in phrases if phrase.meanings)
    (country, ratio), *others = sorted(odds.items(), key=lambda item: (-item[1], item[0]))
    rivals = [country_name(other) for other, chance in others[:2] if chance > 1 - CERTAIN_RATIO]
    if ratio < LIKELY_RATIO:
        return no_country(f"{names} can mean {' or '.join([country_name(country), *rivals])}"), False
    reasons = [f"{country_name(country)}, by {names}", *(f"it could also mean {rival}" for rival in rivals)]
    confidence = round(min(ratio, HIGHEST_RATIO), 2)
    return Verdict(country=country, confidence=confidence, reasons=reasons[:MAX_REASONS]), ratio >= CERTAIN_RATIO


def _why_no_place(location: str, *, is_certain: bool) -> str:
    if not location.strip():
        return "the location is empty"
    if is_certain:
        return f"{quoted(location)} names no single country"
    return f"no place is known in {quoted(location)}"


def read_phrases(location: str) -> Iterator[Phrase]:
    """Split a location into phrases, with the places that each can mean."""
    if meanings := _meanings_of_all(location.strip()):
        yield Phrase(location.strip(), meanings)
        return
    for part in _SEPARATORS.split(location):
        yield from _read_part(part.strip())


def _meanings_of_all(location: str) -> Meanings:
    """Read a location that is nothing but one name or one code, commas in the name included."""
    if is_country(code := location.upper()):
        return {code: max(LONE_CODE_RATIO, meanings_of_code(code)[code])}
    return {} if _is_plain(location) else meanings_of_name(location)


def _is_plain(words: str) -> bool:
    """Tell whether words name no place; accents matter, since Ísland is a country."""
    return words.isascii() and fold(words) in NO_PLACE


def _read_part(part: str) -> Iterator[Phrase]:
    if not fold(part):
        return
    if meanings := _meanings_of_part(part):
        yield Phrase(part, meanings)
        return
    words = re.split(r"[\s-]+", part)
    while words:
        count, meanings = _longest_name(words)
        yield Phrase(" ".join(words[:count]), meanings)
        del words[:count]


def _meanings_of_part(part: str) -> Meanings:
    """Read what stands between separators: short capitals as a code before a name, all else the other way round."""
    is_capitals = len(part) < SHORTEST_NAME_LETTERS and part.isupper()
    if _is_plain(part) and not (is_capitals and len(part) == ALPHA_2_LETTERS):
        return {}
    if is_capitals and fold(part) not in ALIASES:
        return meanings_of_code(part) or meanings_of_name(part)
    return meanings_of_name(part) or meanings_of_code(part)


def _longest_name(words: Sequence[str]) -> tuple[int, Meanings]:
    """Return how many words the longest name at the start has, and its meanings; a word that is none counts alone."""
    for count in range(min(LONGEST_NAME_WORDS, len(words)), 0, -1):
        phrase = " ".join(words[:count])
        if _is_plain(phrase):
            return count, {}
        if meanings := _meanings_inside(phrase, is_last=count == len(words)):
            return count, meanings
    return 1, {}


def _meanings_inside(phrase: str, *, is_last: bool) -> Meanings:
    """Read words in the middle of a phrase with more care: short ones only in capitals, codes only at the end."""
    if len(fold(phrase)) >= SHORTEST_NAME_LETTERS:
        return meanings_of_name(phrase)
    if not phrase.isupper():
        return {}
    if fold(phrase) in ALIASES:
        return meanings_of_name(phrase)
    return meanings_of_code(phrase) if is_last else {}


def country_odds(phrases: Iterator[Phrase] | Sequence[Phrase]) -> Mapping[str, float]:
    """Weigh all phrases together: the probability of each country that they can mean; empty: none."""
    meanings = [phrase.meanings for phrase in phrases if phrase.meanings]
    odds: defaultdict[str, float] = defaultdict(float)
    for place, chance in (reduce(both, meanings) if meanings else {}).items():
        odds[place[:2]] += chance
    return dict(odds)


def both(left: Meanings, right: Meanings) -> Meanings:
    """Return the places that fit two phrases, by Bayes' rule: "Paris" and "TX" leave US-TX.

    A place fits a phrase that does not list it as well as an unlisted place does, so that the listed need not agree:
    "Lebanon, NH" is a town that the libraries do not know.
    """
    joint: defaultdict[str, float] = defaultdict(float)
    for place, chance in left.items():
        joint[place] += chance * _unlisted(right)
        for other, other_chance in right.items():
            if place.startswith(other) or other.startswith(place):
                joint[max(place, other, key=len)] += chance * other_chance
    for other, other_chance in right.items():
        joint[other] += other_chance * _unlisted(left)
    total = sum(joint.values()) + _unlisted(left) * _unlisted(right)
    return {place: chance / total for place, chance in joint.items()}


def _unlisted(meanings: Meanings) -> float:
    return max(1 - sum(meanings.values()), LEAST_UNLISTED_RATIO)


def describe_odds(odds: Mapping[str, float]) -> str:
    """Tell a model what the gazetteer makes of a location, without the location's own words."""
    likely = sorted(odds.items(), key=lambda item: -item[1])[:5]
    return ", ".join(f"{country} {chance:.0%}" for country, chance in likely) or "nothing"


def quoted(text: str) -> str:
    """Quote a piece of the location in a reason, shortened."""
    text = " ".join(text.split())
    return f"`{text if len(text) <= MAX_QUOTE_LETTERS else text[: MAX_QUOTE_LETTERS - 1] + '…'}`"


def country_name(code: str) -> str:
    """Return the name of a country as people say it."""
    country = pycountry.countries.get(alpha_2=code)
    return str(getattr(country, "common_name", country.name)) if country else code


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → read_place → classify → END`, with the shortcut from `read_place`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(read_place)
    builder.add_node(classify)
    builder.add_edge(START, "read_place")
    builder.add_conditional_edges("read_place", route_by_certainty)
    builder.add_edge("classify", END)
    return builder.compile(checkpointer=checkpointer, name="country_classify")


graph = build_graph()
