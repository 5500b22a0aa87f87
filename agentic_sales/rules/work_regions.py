"""Tell from where the work of an opening may be done: worldwide, regions, countries, states and time zones.

A location field is read as a whole. A description is read only behind words that restrict, such as "you must be based
in". A place that a text excludes is told apart. Countries are codes of ISO 3166-1, states are codes of ISO 3166-2.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from agentic_sales.rules.company_signs import sentence_around
from agentic_sales.rules.gazetteer import TOWN, fold, meanings_of_name
from agentic_sales.rules.place_signs import Phrase
from agentic_sales.rules.place_text import Item, read_items
from agentic_sales.rules.place_words import PlaceWords
from agentic_sales.rules.places import LIKELY_RATIO, item_odds
from agentic_sales.rules.signs import Hit, compiled, level
from agentic_sales.rules.tables import Compiled, Table

WORLDWIDE = "worldwide"
STATES_OF = ("US", "CA", "AU", "IN", "BR")
"""Countries with states that openings name as the place where people must live."""
LONGEST_TAIL_CHARS = 100
MOST_CLAUSES = 50
"""Clauses of a kind that are read in one description."""
NEAR_CHARS = 40
"""How far from a time zone's name a word such as "overlap" may stand."""
_TAIL_END = re.compile(r"[;\n!?]|\.(?=\s+[A-Z]|\s*\Z)|\)(?=\W*\w*\W*\Z)|\s[-\u2013\u2014]\s")
_CAPITALS_BEFORE = re.compile(r"((?:[A-Z][\w.&]*(?:,? (?:and |or |& )?|/|(?=\W{0,2}\Z))){1,5})\W{0,2}\Z")
_OFFICE = re.compile(
    r"\b(?:in|at|from|to|of) (?:the |our )([A-Z][\w.-]*(?: [A-Z][\w.-]*){0,2}),?"
    r" (?:office|hq|headquarters|studio|lab|hub|site)\b"
)
_OR_REMOTE = re.compile(
    r"\w\W{0,3}(?:\b(?:or|oder|ou|o|of)\b|[/|])\s*(?:fully |100% )?remote\b(?!\W*\Z)", re.IGNORECASE
)
_FILLERS = re.compile(
    r"\b(?i:(?:(?:da|in|en|em) )?remot(?:e|o|a|ely))\b-?|-(?i:remote)\b"
    r"|\b(?:in|the|within|across|from|inside|throughout|only|based|innerhalb|aus|dans|en toda)\b"
)
_TOWN_STATES = {"new york": "US-NY", "washington": "US-WA"}
"""States that have the name of a town that more openings mean. Beside other states they are states."""
_SMALL_WORD = re.compile(
    r"(?<![\w.'-])(?!(?:and|or|oder|und|ou|et|y|e|o|u|en|of|the|de|do|da|del)\b)[a-z\u00df-\u00ff][\w'-]*"
)
_HOME = re.compile(r"\b(?:bas|locat|liv|resid|commut|wohn|bas[ée]s|viv|mor|resident|from anywhere|partout|residen)")
_NOT = re.compile(r"\b(?:not|cannot|unable|no|n't|never|without|nicht|kein\w*|pas|no es|nao|non|niet)\b[^.]{0,25}\Z")


@dataclass(frozen=True, slots=True)
class RegionWords:
    """The phrases of the table."""

    everywhere: re.Pattern[str]
    everywhere_in_text: re.Pattern[str]
    named: Mapping[str, re.Pattern[str]]
    before: re.Pattern[str]
    after: re.Pattern[str]
    but: re.Pattern[str]
    ends: re.Pattern[str]
    offset: re.Pattern[str]
    zones: re.Pattern[str]
    near: re.Pattern[str]


def _built(known: Table) -> RegionWords:
    zones = known["time_zones"]
    return RegionWords(
        everywhere=compiled(known["worldwide"]["place"]),
        everywhere_in_text=compiled(known["worldwide"]["text"]),
        named={name: compiled(words) for name, words in (*known["regions"].items(), *known["countries"].items())},
        before=compiled(known["before"]["words"]),
        after=compiled(known["before"]["after"]),
        but=compiled(known["before"]["but"]),
        ends=compiled(known["before"]["ends"]),
        offset=compiled(zones["offset"]),
        zones=compiled(zones["named"]),
        near=compiled(zones["near"]),
    )


region_words = Compiled("work_regions", _built)


@dataclass(frozen=True, slots=True)
class Reach:
    """From where work may be done, as one text says it."""

    regions: Sequence[str] = ()
    """`worldwide`, names of regions, and codes of countries and states. Empty: the text names none."""
    excluded: Sequence[str] = ()
    """The same, of the excluded ones."""
    quote: str = ""
    """The words that say it."""


def reach_of_field(text: str, words: RegionWords, places: PlaceWords) -> Reach:
    """Read a field that names places, such as a location. A town counts for its country."""
    text, excluded = _without_excluded(text, words, places)
    text = _remote_alternative(text)
    found = _regions_in(text, words, places, has_towns=True)
    return Reach(found, excluded, " ".join(text.split()) if found or excluded else "")


def reach_of_text(text: str, words: RegionWords, places: PlaceWords) -> Reach:
    """Read the places that a description restricts the work to."""
    said = level(text)
    found: dict[str, str] = {}
    excluded: list[str] = []
    for hit in islice(words.before.finditer(said), MOST_CLAUSES):
        if not _NOT.search(said[max(0, hit.start() - NEAR_CHARS) : hit.start()]):
            tail, but = _without_excluded(_tail(text, hit, words), words, places)
            excluded += but
            capitals = _SMALL_WORD.sub(",", tail)
            has_towns = bool(_HOME.search(hit[0]))
            named = [*_named_in(tail, words)[0], *_regions_in(capitals, words, places, has_towns=has_towns)]
            found |= {region: sentence_around(text, hit) for region in named if region not in found}
    for hit in islice(words.after.finditer(said), MOST_CLAUSES):
        before = _CAPITALS_BEFORE.search(text[max(0, hit.start() - LONGEST_TAIL_CHARS) : hit.start()])
        for region in _regions_in(before[1], words, places, has_towns=False) if before else ():
            found.setdefault(region, sentence_around(text, hit))
    for hit in islice(words.but.finditer(said), MOST_CLAUSES):
        tail = _SMALL_WORD.sub(",", _tail(text, hit, words))
        excluded += _regions_in(tail, words, places, has_towns=False)
    found = {region: quote for region, quote in found.items() if region not in {WORLDWIDE, *excluded}}
    if hit_all := words.everywhere_in_text.search(said):
        everywhere = sentence_around(text, hit_all)
        return Reach((WORLDWIDE,), tuple(dict.fromkeys(excluded)), everywhere) if not found else _reach(found, excluded)
    return _reach(found, excluded)


def reach_of_office(text: str, words: RegionWords, places: PlaceWords) -> Reach:
    """Read the places of the offices that a description names: "in our Chicago office"."""
    found: dict[str, str] = {}
    for hit in _OFFICE.finditer(text):
        for region in _regions_in(hit[1], words, places, has_towns=True):
            found.setdefault(region, sentence_around(text, hit))
    return _reach(found, ())


def time_zones_of(text: str, words: RegionWords) -> list[str]:
    """Return the time zones in which people must work, as the text has them."""
    said = level(text)
    found = [text[hit.start() : hit.end()] for hit in words.offset.finditer(said)]
    for hit in words.zones.finditer(said):
        around = said[max(0, hit.start() - NEAR_CHARS) : hit.end() + NEAR_CHARS]
        if words.near.search(around):
            found.append(text[hit.start() : hit.end()])
    return list(dict.fromkeys(" ".join(zone.split()) for zone in found))


def _reach(found: Mapping[str, str], excluded: Iterable[str]) -> Reach:
    return Reach(tuple(found), tuple(dict.fromkeys(excluded)), next(iter(found.values()), ""))


def _remote_alternative(text: str) -> str:
    """Return the remote alternative of "Berlin or remote (EU)". Other texts are returned as they are."""
    split = _OR_REMOTE.search(text)
    rest = text[split.end() :] if split else ""
    return rest if any(map(str.isalpha, rest)) else text


def _tail(text: str, hit: Hit, words: RegionWords) -> str:
    """Return the words behind a hit, up to the end of the list of places."""
    tail = text[hit.end() : hit.end() + LONGEST_TAIL_CHARS]
    if end := _TAIL_END.search(tail):
        tail = tail[: end.start()]
    if end := words.ends.search(level(tail)):
        tail = tail[: end.start()]
    return tail


def _without_excluded(text: str, words: RegionWords, places: PlaceWords) -> tuple[str, list[str]]:
    """Return a text without its exclusions, and the regions of those."""
    but = words.but.search(level(text))
    if but is None:
        return text, []
    excluded = _regions_in(text[but.end() :].partition(")")[0], words, places, has_towns=False)
    return (text[: but.start()], excluded) if excluded else (text, [])


def _regions_in(text: str, words: RegionWords, places: PlaceWords, *, has_towns: bool) -> list[str]:
    named, rest = _named_in(_without_zones(text, words), words)
    found = [*named, *_places_in(_FILLERS.sub(",", rest), places, has_towns=has_towns)]
    return list(dict.fromkeys(found))


def _without_zones(text: str, words: RegionWords) -> str:
    """Return a text with commas for its time zones. ET is no country there."""
    said = level(text)
    if not words.near.search(said):
        return text
    for hit in (*words.offset.finditer(said), *words.zones.finditer(said)):
        if hit[0].isalpha():
            text = f"{text[: hit.start()]}{',' * len(hit[0])}{text[hit.end() :]}"
    return text


def _named_in(text: str, words: RegionWords) -> tuple[list[str], str]:
    """Return the regions that a text names by words of the table, and the text with commas for them."""
    said = level(text)
    hits = [(hit.span(), name) for name, pattern in words.named.items() for hit in pattern.finditer(said)]
    hits += [(hit.span(), WORLDWIDE) for hit in words.everywhere.finditer(said)]
    taken: list[tuple[int, int]] = []
    found: list[tuple[int, str]] = []
    for (start, end), name in sorted(hits, key=lambda one: one[0][0] - one[0][1]):
        if all(end <= other[0] or start >= other[1] for other in taken):
            taken.append((start, end))
            found.append((start, name))
            text = f"{text[:start]}{',' * (end - start)}{text[end:]}"
    return [name for _, name in sorted(found)], text


def _places_in(text: str, places: PlaceWords, *, has_towns: bool) -> list[str]:
    """Return the countries of a text, and the states where a state stands alone."""
    found: list[tuple[str, str]] = []
    for item in read_items(text, places):
        for one in [item] if _country(item) else [[phrase] for phrase in item]:
            if country := _country(one):
                found += _of_item(one, country, has_towns=has_towns)
    if any("-" in place for place, _ in found):
        return [_TOWN_STATES.get(name, place) for place, name in found]
    return [place for place, _ in found]


def _country(item: Item) -> str:
    """Return the likely country of an item. Empty if there is none, or several."""
    odds = item_odds(item)
    return max(odds, key=lambda code: odds[code]) if odds and max(odds.values()) >= LIKELY_RATIO else ""


def _of_item(item: Item, country: str, *, has_towns: bool) -> list[tuple[str, str]]:
    """Return the states that an item names, or else its country, each with its name. A town with a state is a town."""
    best = [(place, phrase) for phrase in item if (place := _best(phrase, country))]
    inside = [(place, phrase) for place, phrase in best if place != country]
    is_mixed = len({phrase.is_code for _, phrase in inside}) > 1
    if any(place.endswith(TOWN) for place, _ in inside) or is_mixed:
        return [(country, "")] if has_towns or len(inside) < len(best) else []
    states = [(place, fold(phrase.text)) for place, phrase in inside if _is_state(phrase, place)]
    twins = [(country, name) for _, phrase in inside if (name := fold(phrase.text)) in _TOWN_STATES]
    return [*states, *twins] or [(country, "")]


def _is_state(phrase: Phrase, state: str) -> bool:
    """Tell whether a phrase is the name or the code of a state, and no by-name of a part of it such as "Bay Area"."""
    name = fold(phrase.text)
    is_named = phrase.is_code or state in meanings_of_name(name)
    return state[:2] in STATES_OF and is_named and name not in _TOWN_STATES


def _best(phrase: Phrase, country: str) -> str:
    """Return the likeliest place of a phrase within a country. Empty if it has none there."""
    mine = {place: chance for place, chance in phrase.meanings.items() if place[:2] == country}
    return max(mine, key=lambda place: mine[place]) if mine else ""


def is_whole(text: str, words: RegionWords, places: PlaceWords) -> bool:
    """Tell whether a field has no word that could limit the work to a place that nobody knows."""
    _, rest = _named_in(_without_zones(text, words), words)
    return all(places.is_plain(word) for word in re.split(r"[\s,;/|()\[\]:\u2013\u2014-]+", _FILLERS.sub(",", rest)))
