"""Hold the names and the words of location texts that the table `places.toml` adds to the gazetteer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agentic_sales.rules.gazetteer import Meanings, fold, meanings_of_code, meanings_of_name
from agentic_sales.rules.tables import Compiled, Table, every

NAMED = {"area": 0.999, "percent": 0.01}
"""Chance of a place that the table names alone, and of one percent in its shared names."""
OTHER_SPELLING_RATIO = 0.2
"""Chance of a place with a slightly different spelling, such as `Saint Louis` for `St. Louis`."""
EXTRA_CODE_SHARE = 0.1
"""Chance of an abbreviation that the table adds to the codes of ISO 3166."""


_PAIRS = {"st": "saint", "ste": "sainte", "ft": "fort", "mt": "mount", "sto": "santo", "sta": "santa"}
_FIRST_WORDS = {**_PAIRS, **{whole: short for short, whole in _PAIRS.items()}}


@dataclass(frozen=True, slots=True)
class PlaceWords:
    """Names and words beside the gazetteer. All keys are folded."""

    names: Mapping[str, Meanings]
    """Names of regions, nicknames and former names."""
    codes: Mapping[str, tuple[str, ...]]
    """Abbreviations of parts, in capitals, to places."""
    territories: Mapping[str, str]
    """Territories with a code of their own, and the country that is often written behind them."""
    regions: frozenset[str]
    """Regions above countries."""
    plain: frozenset[str]
    """Words of location texts that name no place. The regions and the words beside are among them."""
    beside: frozenset[str]
    """Words that stand beside a name and take nothing from it."""
    organisations: frozenset[str]
    """Words that make a name that of an organisation."""
    streets: frozenset[str]
    """Words by which a part is told to be the street of an address."""
    street_endings: tuple[str, ...]
    """Ends of words that tell the same."""
    no_codes: frozenset[str]
    """Abbreviations that are no code if they are the whole text. `N.A.` is no answer, and not Namibia."""
    word_towns: frozenset[str]
    """Towns that have an ordinary word for a name."""

    def of_name(self, name: str) -> Meanings:
        """Return the places that a name can mean, in all of its spellings that are listed."""
        folded = fold(name)
        if folded in self.names:
            return self.names[folded]
        found = [listed for one in _spellings(folded) if (listed := meanings_of_name(one))]
        return found[0] if len(found) == 1 else _merged(found)

    def of_code(self, code: str) -> Meanings:
        """Return the places that a code can mean."""
        listed = meanings_of_code(code)
        return dict(listed) | {
            place: EXTRA_CODE_SHARE for place in self.codes.get(fold(code), ()) if place not in listed
        }

    def is_plain(self, words: str) -> bool:
        """Tell whether words name no place. Accents matter, since Ísland is a country."""
        folded = fold(words)
        return not folded or folded.isdigit() or (folded in self.plain and (words.isascii() or not words.isalpha()))


def _spellings(folded: str) -> Iterator[str]:
    """Yield a name as it is, with its abbreviated first word written out or the reverse, and without `ae` for `ä`."""
    yield folded
    first, _, rest = folded.partition(" ")
    if rest and first in _FIRST_WORDS:
        yield f"{_FIRST_WORDS[first]} {rest}"
    if (plainer := folded.replace("ae", "a").replace("oe", "o").replace("ue", "u")) != folded:
        yield plainer


def _merged(found: Sequence[Meanings]) -> Meanings:
    """Join the meanings of several spellings, of which the first is the one that was written."""
    weighed = [{p: c * (1.0 if one is found[0] else OTHER_SPELLING_RATIO) for p, c in one.items()} for one in found]
    joint = {place: max(one.get(place, 0.0) for one in weighed) for one in weighed for place in one}
    total = max(1.0, sum(joint.values()))
    return {place: chance / total for place, chance in joint.items()}


def _built(known: Table) -> PlaceWords:
    nowhere = {kind: _folded(words) for kind, words in known["nowhere"].items()}
    named = {name: {place: NAMED["area"]} for place, names in known["names"].items() for name in _folded(names)}
    shared = {
        fold(name): {place: percent * NAMED["percent"] for place, percent in places.items()}
        for name, places in known["shared"].items()
    }
    streets = list(every(known["nowhere"]["streets"]))
    return PlaceWords(
        names=named | shared,
        codes=dict(_by_abbreviation(known["codes"])),
        territories=known["territories"],
        regions=nowhere["regions"],
        plain=frozenset().union(
            *(nowhere[kind] for kind in ("regions", "ways_of_working", "times", "beside", "noise"))
        ),
        beside=nowhere["beside"] | nowhere["ways_of_working"],
        organisations=nowhere["organisations"],
        streets=frozenset(fold(word) for word in streets if not word.startswith("-")),
        street_endings=tuple(fold(word) for word in streets if word.startswith("-")),
        no_codes=nowhere["no_codes"],
        word_towns=nowhere["word_towns"],
    )


def _folded(words: Iterable[str]) -> frozenset[str]:
    return frozenset(fold(word) for word in every(list(words)))


def _by_abbreviation(codes: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    abbreviations = {name for names in codes.values() for name in _folded(names)}
    for name in abbreviations:
        yield name, tuple(place for place, names in codes.items() if name in _folded(names))


place_words = Compiled("places", _built)
"""Gives the words of the table `places`, with a person's additions if there are any."""
