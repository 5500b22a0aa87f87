"""Read a location text into phrases: names, codes, flags and postal codes. Each has the places that it can mean.

A text is a list of items ("Berlin or Paris"). An item is a list of parts ("Austin, TX"). A part is one phrase or
several.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from agentic_sales.rules.gazetteer import Meanings, fold, is_country
from agentic_sales.rules.place_signs import Phrase, take_signs
from agentic_sales.rules.place_words import PlaceWords

LONGEST_TEXT_CHARS = 500
LONGEST_NAME_WORDS = 5
"""Words of the longest name that is looked for inside a part."""
SHORTEST_NAME_LETTERS = 4
"""Shorter words inside a part are read as names only in capitals: `Of` is a town."""
ALPHA_2_LETTERS = 2
LONGEST_CODE_LETTERS = 3
WORD_RATIO = 0.9
"""Chance of a town that stands alone and has an ordinary word for a name."""
_PART_ENDS = re.compile(r"[,\u060c()\[\]{}<>•·:\u3001\uff0c\uff08\uff09\u3010\u3011*\"“”„]|\s[-~]\s|-\s|\s-|\s@\s")
_ITEM_ENDS = re.compile(
    r"[;/|\n\t&+\uff1b\uff0f\u30fb]|\s(?:or|and|oder|und|ou|et|y|e|o|u|en|och|og|eller|lub|oraz|i|и|или|ve|veya)\s"
)
_DASHES = str.maketrans(
    {"\u2013": " - ", "\u2014": " - ", "\u2015": " - ", "\u2212": "-", "\u2010": "-", "\u2011": "-"}
)
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_NUMBERS = re.compile(r"#?\b\d[\d\s.,-]*\b%?")


Item = Sequence[Phrase]
"""Phrases that can speak of one place."""


def read_items(location: str, words: PlaceWords) -> list[Item]:
    """Split a location into items that each can be a place of its own, each with its phrases."""
    text = unicodedata.normalize("NFC", location[:LONGEST_TEXT_CHARS]).strip()
    if fold(text) in words.no_codes:
        return []
    if meanings := _meanings_of_all(text, words):
        return [[Phrase(text, meanings, is_code=_is_lone_code(text))]]
    signs, text = take_signs(text.translate(_DASHES))
    items = [list(_read_item(item, words)) for item in _items(text, words)]
    items = [item for item in items if item]
    if len(signs) > 1 or not items:
        return [*([sign] for sign in signs), *items]
    return [[*signs, *item] for item in items]


def _meanings_of_all(text: str, words: PlaceWords) -> Meanings:
    """Read a location that is nothing but one name or one code, commas in the name included."""
    if fold(text) in words.word_towns:
        return {place: chance * WORD_RATIO for place, chance in words.of_name(text).items()}
    if _is_lone_code(text) and fold(text) not in words.names:
        code = text.upper()
        return {code: max(0.8, words.of_code(code).get(code, 0.0))}
    if (
        text.isupper()
        and len(text) <= LONGEST_CODE_LETTERS
        and not words.is_plain(text)
        and fold(text) not in words.names
    ):
        return words.of_code(text) or words.of_name(text)
    return {} if words.is_plain(text) else words.of_name(text)


def _is_lone_code(text: str) -> bool:
    return len(text) == ALPHA_2_LETTERS and text.isascii() and is_country(text.upper())


def _items(text: str, words: PlaceWords) -> Iterator[str]:
    """Split at the words between alternatives, but not inside a name such as Bosnia and Herzegovina."""
    start = 0
    for end in _ITEM_ENDS.finditer(text):
        around = _part_around(text, end)
        if not words.of_name(around) and not _is_region(around, words):
            yield text[start : end.start()]
            start = end.end()
    yield text[start:]


def _part_around(text: str, end: re.Match[str]) -> str:
    before = _PART_ENDS.split(text[: end.start()])[-1]
    after = _PART_ENDS.split(text[end.end() :])[0]
    return f"{before}{end[0]}{after}".strip()


def _is_region(text: str, words: PlaceWords) -> bool:
    return fold(text) in words.regions


def _read_item(item: str, words: PlaceWords) -> Iterator[Phrase]:
    for part in _PART_ENDS.split(item):
        yield from _read_part(part.strip(" .'\u2019-_#!?"), words)


def _read_part(part: str, words: PlaceWords) -> Iterator[Phrase]:
    if not fold(part) or _is_organisation(part, words):
        return
    if (phrase := _whole(part, words)) is not None:
        yield phrase
    elif not (_has_region(part, words) or _is_street(part, words) or words.is_plain(part)):
        yield from _inside(part, words)


def _is_street(part: str, words: PlaceWords) -> bool:
    """Tell whether a part with a number in it is the street of an address."""
    tokens = fold(part).split()
    is_street = any(token in words.streets or token.endswith(words.street_endings) for token in tokens)
    return is_street and any(map(str.isdigit, part))


def _is_organisation(part: str, words: PlaceWords) -> bool:
    """Tell whether a part is the name of an organisation. The United Kingdom is none."""
    folded = fold(part).split()
    return len(folded) > 1 and not words.organisations.isdisjoint(folded) and not words.of_name(part)


def _has_region(part: str, words: PlaceWords) -> bool:
    """Tell whether a part is a region with words beside it: "Fully remote (Europe)", "South-East Asia"."""
    inner = _stripped(part, words.beside - words.regions)
    return fold(inner) in words.regions or fold(part) in words.regions


def _whole(part: str, words: PlaceWords) -> Phrase | None:
    """Read the text between separators. Short capitals are a code before a name, all else is a name first."""
    folded = fold(part)
    is_capitals = len(folded) < SHORTEST_NAME_LETTERS and part.isupper()
    if folded in words.regions or (words.is_plain(part) and not (is_capitals and len(folded) == ALPHA_2_LETTERS)):
        return None
    if folded in words.names:
        return Phrase(part, words.of_name(part), is_code=is_capitals)
    if folded in words.codes and not part.islower():
        return Phrase(part, {**words.of_name(part), **words.of_code(part)}, is_code=True)
    if is_capitals and (codes := words.of_code(part)):
        return Phrase(part, codes, is_code=True)
    meanings = words.of_name(part)
    return Phrase(part, meanings) if meanings else None


def _cores(part: str, plain: frozenset[str] | set[str]) -> Iterator[str]:
    """Yield a part without plain words at its ends and without numbers, the longest rest first."""
    tokens = _NUMBERS.sub(" ", part).split()
    starts, ends = set(_plain_starts(tokens, plain)), {len(tokens) - n for n in _plain_ends(tokens, plain)}
    spans = sorted(
        ((start, end) for start in starts for end in ends if start < end), key=lambda span: span[0] - span[1]
    )
    yield from (core for start, end in spans if (core := " ".join(tokens[start:end])) != part)
    if not spans:
        yield ""


def _stripped(part: str, plain: frozenset[str] | set[str]) -> str:
    """Return a part without the plain words at its ends, numbers included."""
    return [part, *_cores(part, plain)][-1]


def _plain_starts(tokens: Sequence[str], plain: frozenset[str] | set[str]) -> Iterator[int]:
    """Yield each count of words at the start that are all plain, 0 first."""
    yield from _reached(lambda start, end: fold(" ".join(tokens[start:end])) in plain, len(tokens))


def _plain_ends(tokens: Sequence[str], plain: frozenset[str] | set[str]) -> Iterator[int]:
    """Yield each count of words at the end that are all plain, 0 first. A code of two capitals is never plain."""
    back = tokens[::-1]

    def is_plain(start: int, end: int) -> bool:
        words = back[start:end][::-1]
        return fold(" ".join(words)) in plain and not (len(words) == 1 and _is_code_like(words[0]))

    yield from _reached(is_plain, len(tokens))


def _reached(is_plain: Callable[[int, int], bool], length: int) -> Iterator[int]:
    """Yield the positions that can be reached from 0 over plain runs of up to three words."""
    reached = {0}
    for end in range(length + 1):
        if end in reached or any(start in reached and is_plain(start, end) for start in range(max(0, end - 3), end)):
            reached.add(end)
            yield end


def _is_code_like(token: str) -> bool:
    return token.isupper() and len(token) == ALPHA_2_LETTERS


def _inside(part: str, words: PlaceWords) -> Iterator[Phrase]:
    """Read a part that is more than a name. It is a name among plain words, or has names among unknown words."""
    cores = [part, *_cores(part, words.plain)]
    core = cores[-1]
    if not core or (core != part and _is_word_town(part, core, words)):
        return
    readable = [one for one in cores[1:] if not _is_pronoun(one, part)]
    if phrase := next((found for one in readable if (found := _whole(one, words)) is not None), None):
        yield phrase
        return
    if _CJK.search(core):
        yield from _in_cjk(core, words)
        return
    name, _, code = core.rpartition(" ")
    if name and len(code) <= LONGEST_CODE_LETTERS and code.isupper() and (codes := words.of_code(code)):
        yield from _read_part(name, words)
        yield Phrase(code, codes, is_code=True)
        return
    yield from _among_words(core, words)


def _is_pronoun(core: str, part: str) -> bool:
    """Tell whether a short word in small letters is a word of a sentence: "Join us"."""
    return core.islower() and len(core) < SHORTEST_NAME_LETTERS and not part.islower()


def _is_word_town(part: str, core: str, words: PlaceWords) -> bool:
    """Tell whether the rest is an ordinary word, with other words than those of places beside it."""
    if fold(core) not in words.word_towns:
        return False
    geographic = words.beside - {"office", "offices", "store", "shop", "site", "lab", "studio", "team", "place"}
    return fold(_stripped(part, geographic)) != fold(core)


def _among_words(core: str, words: PlaceWords) -> Iterator[Phrase]:
    """Find the longest names in a row of words. A word that is no name makes all of them weak."""
    tokens = re.split(r"[\s-]+", core)
    found: list[Phrase] = []
    unknown = 0
    while tokens:
        count, meanings = _longest_name(tokens, words)
        if meanings:
            found.append(Phrase(" ".join(tokens[:count]), meanings))
        elif not words.is_plain(" ".join(tokens[:count])):
            unknown += 1
        tokens = tokens[count:]
    for phrase in found:
        yield Phrase(phrase.text, phrase.meanings, is_weak=unknown > 0)


def _longest_name(tokens: Sequence[str], words: PlaceWords) -> tuple[int, Meanings]:
    """Return the number of words of the longest name at the start, and its meanings. An unknown word counts alone."""
    for count in range(min(LONGEST_NAME_WORDS, len(tokens)), 0, -1):
        phrase = " ".join(tokens[:count])
        if words.is_plain(phrase):
            return count, {}
        if meanings := _meanings_inside(phrase, words, is_last=count == len(tokens)):
            return count, meanings
    return 1, {}


def _meanings_inside(phrase: str, words: PlaceWords, *, is_last: bool) -> Meanings:
    """Read words in the middle of a part with more care. A name begins with a capital, a short one is all capitals."""
    folded = fold(phrase)
    if folded in words.word_towns:
        return {}
    if folded in words.names and (phrase.isupper() or len(folded) >= SHORTEST_NAME_LETTERS):
        return words.of_name(phrase)
    if len(folded) >= SHORTEST_NAME_LETTERS:
        return words.of_name(phrase) if phrase[0].isupper() or not phrase[0].islower() else {}
    return words.of_code(phrase) if is_last and phrase.isupper() else {}


def _in_cjk(core: str, words: PlaceWords) -> Iterator[Phrase]:
    """Find the longest name at the start of each run of Chinese, Japanese or Korean, which has no blanks."""
    for run in re.findall("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}", core):
        for length in range(min(len(run), 8), 1, -1):
            if (meanings := words.of_name(run[:length])) and not words.is_plain(run[:length]):
                yield Phrase(run[:length], meanings)
                break
