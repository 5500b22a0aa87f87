"""Find signs in a company's own words. Signs are phrases of a table that the text does not deny.

A sign is a regular expression that begins and ends at a word. `<name>` in it stands for the list of that name in the
table. Case and accents do not count. A levelled text keeps its length, so that a hit can be quoted. No pattern may
repeat without a bound, because strangers write the pages.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

VETO_REACH_CHARS = 60
"""How far before a phrase a word can deny it."""
_NAMED_LIST = re.compile(r"<([a-z_]+)>")
_ENDLESS = re.compile(r"(\\[wdsWS]|\])([+*])")
LONGEST_WORD_CHARS = 30
_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Scripts that put no blanks between words, or hang endings on them."""
_UNSPACED_SIGN = re.compile(f"[{_UNSPACED}]")
_ALIKE = str.maketrans("\u2019\u2018\u00a0\u2010\u2011\u2013\u2014", "'' ----")
Hit = re.Match[str]


def level(text: str) -> str:
    """Return a text of the same length in small letters without accents."""
    return text.lower() if text.isascii() else "".join(map(_levelled, text.translate(_ALIKE)))


def on_one_line(text: str) -> str:
    """Return a text with single blanks between words, and each letter with its accent as one character."""
    return " ".join(unicodedata.normalize("NFC", text).split())


@lru_cache(maxsize=4096)
def _levelled(letter: str) -> str:
    small = letter.lower()
    plain = unicodedata.normalize("NFD", small)[:1]
    return plain if len(small) == 1 and unicodedata.category(plain).startswith("L") and plain.isascii() else small[:1]


def compiled(phrases: Iterable[str], lists: Mapping[str, Iterable[str]] | None = None) -> re.Pattern[str]:
    """Compile the phrases of a table into one pattern over levelled text."""
    filled = (_filled(phrase, lists or {}) for phrase in phrases)
    plain = [bounded(_level_pattern(one)) for phrase in filled for one in _alternatives(phrase)]
    unspaced = [one for one in plain if _UNSPACED_SIGN.search(one)]
    spaced = [one for one in plain if not _UNSPACED_SIGN.search(one)]
    # The bounds of words stand once, outside, so that most positions of a text cost one look.
    parts = [rf"(?<!\w)(?:{'|'.join(spaced)})(?!\w)"] if spaced else []
    return re.compile("|".join([*parts, *unspaced]) or r"(?!)")


def whole(words: Iterable[str]) -> re.Pattern[str]:
    """Compile words of which a whole text is one."""
    return re.compile("|".join(words), re.IGNORECASE)


def on_path(words: Iterable[str], *, is_last: bool = False) -> re.Pattern[str]:
    """Compile words that are a part of a path, with or without a suffix such as `.html`.

    Args:
        words: The words.
        is_last: Only the last part of a path counts.
    """
    end = "/?$" if is_last else "(?:[/;]|$)"
    return re.compile(rf"/(?:{'|'.join(words)})(?:\.\w{{2,5}})?{end}", re.IGNORECASE)


def of_host(hosts: Iterable[str]) -> re.Pattern[str]:
    """Compile hosts that end a host."""
    return re.compile(rf"(?:^|\.)(?:{'|'.join(hosts)})$")


def as_written(phrases: Iterable[str]) -> re.Pattern[str]:
    """Compile phrases into one pattern of whole words. A part in `(?-i:…)` counts only in these letters."""
    return re.compile(rf"(?<!\w)(?:{bounded('|'.join(phrases))})(?!\w)", re.IGNORECASE)


def ending(phrases: Iterable[str]) -> re.Pattern[str]:
    """Compile phrases that end a levelled text."""
    return re.compile(rf"\b(?:{bounded(level('|'.join(phrases)))})$", re.IGNORECASE)


def _alternatives(phrase: str) -> Iterator[str]:
    """Yield the alternatives of a phrase, split at the bars that stand in no bracket."""
    depth, start = 0, 0
    for place, sign in enumerate(phrase):
        depth += (sign in "([") - (sign in ")]")
        if sign == "|" and not depth:
            yield phrase[start:place]
            start = place + 1
    yield phrase[start:]


def _filled(phrase: str, lists: Mapping[str, Iterable[str]]) -> str:
    return _NAMED_LIST.sub(lambda name: f"(?:{'|'.join(lists[name[1]])})", phrase)


def bounded(phrase: str) -> str:
    """Bound every repetition by the length of a word. So a page of one endless word is read in time in proportion."""
    return _ENDLESS.sub(lambda found: f"{found[1]}{{{int(found[2] == '+')},{LONGEST_WORD_CHARS}}}", phrase)


def _level_pattern(phrase: str) -> str:
    """Level a pattern. Leave alone the letter behind a backslash, which is a class of letters."""
    return "".join(part if part.startswith("\\") else level(part) for part in re.split(r"(\\.)", phrase))


def affirmed(sign: re.Pattern[str], text: str, *vetoes: re.Pattern[str]) -> Iterator[Hit]:
    """Find a sign in a levelled text, but for where the words before it veto it."""
    for hit in sign.finditer(text):
        before = text[max(0, hit.start() - VETO_REACH_CHARS) : hit.start()].rpartition("\n")[2]
        if not any(veto.search(before) for veto in vetoes):
            yield hit


def without(text: str, hits: Iterable[Hit]) -> str:
    """Return a text with a bar for each hit. So the words around it do not read as neighbours."""
    pieces, start = [], 0
    for hit in hits:
        pieces.append(text[start : hit.start()])
        start = hit.end()
    return " | ".join([*pieces, text[start:]])
