"""Judge the country of a location text and its certainty, by the gazetteer and the table `places`.

Within an item the phrases have to fit. In "Paris, TX" a town and a state fit. In "Paris, London" no two places fit, so
the text names several. A country that is not named for sure is never invented.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod, sqrt

from agentic_sales.rules.gazetteer import TOWN, Meanings, country_name, is_country
from agentic_sales.rules.place_signs import Phrase
from agentic_sales.rules.place_text import Item, read_items
from agentic_sales.rules.place_words import PlaceWords, place_words

CERTAIN_RATIO = 0.85
"""Probability from which the rules decide alone."""
LIKELY_RATIO = 0.6
"""Probability from which the rules name a country where no model does. Callers count it as classified, too."""
HIGHEST_RATIO = 0.99
"""The rules know names, never the writer's intention."""
WEAK_RATIO = 0.9
"""Highest chance of a name among unknown words. It may be part of another name."""
LIST_CHANCE = 0.0005
"""Chance that names beside each other are a list of places in several countries."""
BESIDE_CHANCE = 0.05
"""Chance that they are places of one country, beside each other and not one within the other."""
UNKNOWN_PART_RATIO = 0.05
"""Chance that a town of a country lies in one certain part of it, if the list does not say in which."""
LIST_CHANCE_OF_ITEMS = 0.15
"""The same for items, which stand beside each other as alternatives."""
LIST_CHANCE_OF_NESTED = 1e-7
"""The same where one of them is known to lie in the other."""
UNLISTED_TOWN_RATIO = 0.8
"""Confidence for an unlisted town with the code of a US or Canadian state behind it: `Lebanon, NH`."""
MAX_REASONS = 2
MAX_QUOTE_CHARS = 40
STATES_BY_CODE = ("US-", "CA-")
"""Countries with towns that are written with the code of their state."""


@dataclass(frozen=True, slots=True)
class PlaceFinding:
    """The rules' reading of a location."""

    country: str | None
    """ISO 3166-1 alpha-2 code. None: no single country is named."""
    confidence: float
    """Probability that the country is right. It is 0.0 for None."""
    reasons: tuple[str, ...]
    """At most two reasons, for people."""
    is_certain: bool
    """Whether nobody else needs to be asked."""
    odds: Mapping[str, float]
    """Probability of each country that the words can mean."""


def judge_place(location: str, words: PlaceWords | None = None) -> PlaceFinding:
    """Tell which country a location means."""
    known = words or place_words()
    items = [_without_sovereigns(item, known) for item in read_items(location, known)]
    if not any(phrase.meanings for item in items for phrase in item):
        return _nowhere(location, known)
    return _together(items, [item_odds(item) for item in items if any(phrase.meanings for phrase in item)])


def _without_sovereigns(item: Item, words: PlaceWords) -> Item:
    """Leave out the country behind a territory that has a code of its own: "Hong Kong, China"."""
    likely = {
        place.removesuffix(TOWN) for phrase in item for place, chance in phrase.meanings.items() if chance > 1 / 2
    }
    sovereigns = {words.territories[place] for place in likely if place in words.territories}
    return [phrase for phrase in item if sovereigns.isdisjoint(phrase.meanings)]


def _nowhere(location: str, words: PlaceWords) -> PlaceFinding:
    if not location.strip():
        return PlaceFinding(None, 0.0, ("the location is empty",), is_certain=True, odds={})
    if _is_all_plain(location, words):
        return PlaceFinding(None, 0.0, (f"{quoted(location)} names no single country",), is_certain=True, odds={})
    return PlaceFinding(None, 0.0, (f"no place is known in {quoted(location)}",), is_certain=False, odds={})


def _is_all_plain(location: str, words: PlaceWords) -> bool:
    return all(words.is_plain(word) for word in location.replace("-", " ").split()) or words.is_plain(location)


def _together(items: Sequence[Item], odds: Sequence[Mapping[str, float]]) -> PlaceFinding:
    """Join the findings of the items: the same country, or several."""
    names = ", ".join(dict.fromkeys(quoted(phrase.text) for item in items for phrase in item if phrase.meanings))
    joint = _joint(odds)
    if not joint:
        return PlaceFinding(None, 0.0, (f"{names} lie in several countries",), is_certain=False, odds=_mean(odds))
    (country, ratio), *others = sorted(joint.items(), key=lambda found: (-found[1], found[0]))
    rivals = [country_name(other) for other, chance in others[:2] if chance > 1 - CERTAIN_RATIO]
    if ratio < LIKELY_RATIO:
        reason = f"{names} can mean {' or '.join([country_name(country), *rivals])}"
        return PlaceFinding(None, 0.0, (reason,), is_certain=False, odds=joint)
    reasons = (f"{country_name(country)}, by {names}", *(f"it could also mean {rival}" for rival in rivals))
    confidence = round(min(ratio, HIGHEST_RATIO), 2)
    return PlaceFinding(country, confidence, reasons[:MAX_REASONS], is_certain=ratio >= CERTAIN_RATIO, odds=joint)


def _joint(odds: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """Return the odds of each country in which all items can lie. Empty if they lie in several."""
    if len(odds) == 1:
        return odds[0]
    shared = {country: prod(one.get(country, 0.0) for one in odds) for country in odds[0]}
    as_list = prod(max(one.values(), default=0.0) for one in odds) * LIST_CHANCE_OF_ITEMS
    total = sum(shared.values()) + as_list
    return {country: chance / total for country, chance in shared.items() if chance > as_list}


def _mean(odds: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    total: defaultdict[str, float] = defaultdict(float)
    for one in odds:
        for country, chance in one.items():
            total[country] += chance / len(odds)
    return dict(total)


def item_odds(item: Item) -> Mapping[str, float]:
    """Return the probability of each country from all phrases of one item. Empty if there is none, or several."""
    strong = [phrase for phrase in item if phrase.meanings and not phrase.is_weak]
    weak = [phrase for phrase in item if phrase.meanings and phrase.is_weak]
    if not strong:
        return {country: min(chance, WEAK_RATIO) * WEAK_RATIO for country, chance in _fitting(weak).items()}
    odds = _fitting(strong)
    if not odds or max(odds.values()) >= LIKELY_RATIO:
        return odds
    return _fitting([*strong, *weak]) or odds


def _fitting(phrases: Sequence[Phrase]) -> Mapping[str, float]:
    """Return the probability of each country in which all phrases fit. Empty if they fit in none."""
    if len(phrases) < 2:  # noqa: PLR2004 - alone
        return _by_country(phrases[0].meanings) if phrases else {}
    named = {area: _likelihood(area, phrases, flat=True) for area in _areas(phrases) if _is_named(area, phrases)}
    beside = {area: _likelihood(area, phrases) * BESIDE_CHANCE for area in {place[:2] for place in _areas(phrases)}}
    best: defaultdict[str, float] = defaultdict(float)
    for area, chance in (*named.items(), *beside.items()):
        best[area[:2]] = max(best[area[:2]], chance)
    is_list_likely = not any(named.values()) and not any(phrase.is_code for phrase in phrases)
    as_list = prod(max(p.meanings.values()) for p in phrases) * (
        LIST_CHANCE if is_list_likely else LIST_CHANCE_OF_NESTED
    )
    listed = sum(best.values())
    if listed <= as_list:
        return _in_a_state_by_code(phrases)
    return {country: chance / (listed + as_list) for country, chance in best.items() if chance}


def _by_country(meanings: Meanings) -> Mapping[str, float]:
    odds: defaultdict[str, float] = defaultdict(float)
    for place, chance in meanings.items():
        odds[place[:2]] += chance
    return dict(odds)


def _areas(phrases: Sequence[Phrase]) -> set[str]:
    places = {place.removesuffix(TOWN) for phrase in phrases for place in phrase.meanings}
    return places | {place[:2] for place in places}


def _is_named(area: str, phrases: Iterable[Phrase]) -> bool:
    return any(area in phrase.meanings for phrase in phrases)


def _likelihood(area: str, phrases: Iterable[Phrase], *, flat: bool = False) -> float:
    """Return how likely the phrases are if all speak of one area.

    Each names the area, something in it, or a place around it.

    Args:
        area: A country or a part of one.
        phrases: Phrases of one item.
        flat: A town's population matters less, because its area is named beside it.
    """
    chances = (sum(chance * _fit(place, area) for place, chance in phrase.meanings.items()) for phrase in phrases)
    return prod(
        sqrt(chance) if flat and not phrase.is_code else chance for phrase, chance in zip(phrases, chances, strict=True)
    )


def _fit(place: str, area: str) -> float:
    """Return how well a place fits into an area or around it. A town of an unknown part may lie in another part."""
    where = place.removesuffix(TOWN)
    if where == area or where.startswith(f"{area}-"):
        return 1.0
    is_around = area.startswith(f"{where}-")
    return (UNKNOWN_PART_RATIO if place.endswith(TOWN) else 1.0) if is_around else 0.0


def _in_a_state_by_code(phrases: Sequence[Phrase]) -> Mapping[str, float]:
    """Read a town that is not listed where its state is, if the state's code stands behind it."""
    *names, last = phrases
    states = [place for place in last.meanings if place.startswith(STATES_BY_CODE)] if last.is_code else []
    if states and all(not phrase.is_code for phrase in names):
        return {states[0][:2]: UNLISTED_TOWN_RATIO}
    return {}


def describe_odds(odds: Mapping[str, float]) -> str:
    """Tell a model the gazetteer's reading of a location, without the location's own words."""
    likely = sorted(odds.items(), key=lambda item: -item[1])[:5]
    return ", ".join(f"{country} {chance:.0%}" for country, chance in likely) or "nothing"


def quoted(text: str) -> str:
    """Quote a piece of the location in a reason, shortened."""
    text = " ".join(text.split())
    return f"`{text if len(text) <= MAX_QUOTE_CHARS else text[: MAX_QUOTE_CHARS - 1] + '…'}`"


def checked_country(code: str | None) -> str | None:
    """Return a code as ISO 3166-1 has it. None if it is none, or no country is meant."""
    capitals = (code or "").strip().upper()
    capitals = "GB" if capitals == "UK" else capitals
    return capitals if is_country(capitals) else None


def phrases_of(location: str, words: PlaceWords | None = None) -> Iterator[Phrase]:
    """Yield the phrases of a location that mean places."""
    for item in read_items(location, words or place_words()):
        yield from (phrase for phrase in item if phrase.meanings)
