"""Find phrases of a table in the sentences that `sentences.py` makes of a text.

A phrase is made of words and of these signs:

    (a|b c)   one of these       [a]   this or nothing         stem*   a word that begins so
    ...       up to five words   ^     start of the sentence   $       its end
    _         any word           #     a number

Chinese, Japanese and Thai have no spaces. There a phrase is found within a word, and `...` is up to 15 letters.

A table has hundreds of phrases in many languages. A sentence has the first words of only a few. So phrases are kept by
their first word. A phrase becomes a regular expression when a sentence has that word.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from itertools import product

from agentic_sales.rules.sentences import UNSPACED, folded

Found = re.Match[str]

_UMLAUTS = str.maketrans({"ä": "a\0", "ö": "o\0", "ü": "u\0"})
"""In a phrase these may be written with an `e` behind, as on a keyboard without them."""
_SIGNS = re.compile(r"\.\.\.|[()\[\]|^$_#]|(?:(?!\.\.\.)[^\s()\[\]|^$_#])+")
_MEANINGS = {
    "(": "(?:",
    ")": ")",
    "[": "(?:",
    "]": ")?",
    "|": "|",
    "^": r"\A",
    "$": r" ?(?:\? )?\Z",
    "_": r"\S+ ",
    "#": r"\d\S* ",
}
_OPEN, _CLOSED = frozenset("(["), frozenset(")]")
_ANY = "*"
"""First word of a phrase that may begin with any word: a stem without letters."""


class Phrases:
    """Some phrases, found by their first words."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = tuple(dict.fromkeys(phrases))

    @cached_property
    def _by_first(self) -> dict[str, list[str]]:
        """Phrases by each word with which they may begin. A stem ends with `*`."""
        index: dict[str, list[str]] = defaultdict(list)
        for phrase in self._phrases:
            for word in _first_words(phrase):
                index[word].append(phrase)
        return index

    @cached_property
    def _stems(self) -> tuple[str, ...]:
        return tuple(word[:-1] for word in self._by_first if word.endswith("*"))

    def all_in(self, sentence: str) -> Iterator[Found]:
        """Yield where each phrase stands in a sentence, in no order."""
        for phrase in dict.fromkeys(self._candidates(sentence)):
            yield from _compiled(phrase).finditer(sentence)

    def search(self, sentence: str) -> Found | None:
        """Return where the first of the phrases stands in a sentence. None if none does."""
        return min(self.all_in(sentence), key=lambda found: found.start(), default=None)

    def first_in(self, sentences: Iterable[str]) -> str | None:
        """Return the words of the first phrase that is found in sentences. None if none is."""
        return next((found.group().strip() for words in sentences if (found := self.search(words))), None)

    def _candidates(self, sentence: str) -> Iterator[str]:
        for word in dict.fromkeys(sentence.split()):
            yield from self._by_first.get(word, ())
        for stem in self._stems:
            if stem in sentence:
                yield from self._by_first[f"{stem}*"]


def _first_words(phrase: str) -> set[str]:
    """Return the words with which a phrase may begin."""
    found, is_nullable, _ = _first_of_choice(_SIGNS.findall(phrase), 0)
    return {_ANY} if is_nullable else found


def _first_of_choice(signs: list[str], at: int) -> tuple[set[str], bool, int]:
    """Return the first words of alternatives, whether one may be empty, and where they end."""
    found: set[str] = set()
    is_nullable = False
    while True:
        words, is_empty, at = _first_of_sequence(signs, at)
        found |= words
        is_nullable = is_nullable or is_empty
        if at >= len(signs) or signs[at] in _CLOSED:
            return found, is_nullable, at + 1
        at += 1  # The `|` between two alternatives.


def _first_of_sequence(signs: list[str], at: int) -> tuple[set[str], bool, int]:
    found: set[str] = set()
    is_nullable = True
    while at < len(signs) and signs[at] not in _CLOSED and signs[at] != "|":
        sign = signs[at]
        if sign in _OPEN:
            words, is_empty, at = _first_of_choice(signs, at + 1)
            is_empty = is_empty or sign == "["
        else:
            words, is_empty, at = _first_of_sign(sign), sign in {"^", "$"}, at + 1
        if is_nullable:
            found |= words
        is_nullable = is_nullable and is_empty
    return found, is_nullable, at


def _first_of_sign(sign: str) -> set[str]:
    match sign:
        case "^" | "$":
            return set()
        case "..." | "_" | "#":
            return {_ANY}
        case _:
            return set(_spellings(sign))


def _spellings(sign: str) -> Iterator[str]:
    """Yield the first word of a sign of a phrase in each spelling. It may be a stem."""
    units = _units(sign)
    if not units:
        return
    is_stem = len(units) == 1 and (sign.endswith("*") or _is_unspaced(sign))
    parts = units[0].split("\0")
    for vowels in product(("", "e"), repeat=len(parts) - 1):
        word = "".join(part + vowel for part, vowel in zip(parts, (*vowels, ""), strict=True))
        yield word + ("*" if is_stem else "")


def _units(sign: str) -> list[str]:
    """Return the words of a sign of a phrase, which punctuation may have split in the text."""
    if sign in {"?", "+1"}:
        return [sign]
    plain = folded(sign.casefold().translate(_UMLAUTS)).replace("n't", "nt").rstrip("*")
    return [unit for unit in re.split(r"[-'.,]", plain) if unit]


def _is_unspaced(text: str) -> bool:
    return re.search(f"[{UNSPACED}]", text) is not None


@cache
def _compiled(phrase: str) -> re.Pattern[str]:
    is_unspaced = _is_unspaced(phrase)
    gap = ".{0,15}?" if is_unspaced else r"(?:\S+ ){0,5}?"
    parts = "".join(_MEANINGS.get(sign) or (gap if sign == "..." else _word(sign)) for sign in _SIGNS.findall(phrase))
    return re.compile(f"(?:{parts})" if is_unspaced else rf"(?<!\S)(?:{parts})")


def _word(sign: str) -> str:
    joined = " ".join(re.escape(unit).replace("\0", "e?") for unit in _units(sign))
    if _is_unspaced(sign):
        return joined
    return joined + (r"\S* " if sign.endswith("*") else " ")
