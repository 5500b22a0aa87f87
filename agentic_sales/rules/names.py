"""Judge a name cell: find the part that greets a person, and tell whether it is a name at all.

A wrong name at the head of a mail is worse than none. So a greeting without a certain name has none.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from nameparser import HumanName

from agentic_sales.rules.tables import every, table
from agentic_sales.rules.words import folded

LONGEST_NAME_CHARS = 200
"""As the workflows that greet somebody take it."""
LONGEST_FIRST_NAME_CHARS = 40
LONGEST_CELL_CHARS = 600
"""A name with an address behind it. Nothing longer is matched against anything."""
NAME = "{{name}}"
"""Stands for the recipient's name in a draft."""

_SHORT_NAME_LETTERS = 3
_TABLES = table("names")
_PLACEHOLDERS = frozenset(folded(word) for word in every(_TABLES["placeholders"]))
_AS_WRITTEN = frozenset(every(_TABLES["placeholders_as_written"]))
_POSTS = frozenset(folded(word) for word in every(_TABLES["posts"]))
_FIRMS = frozenset(folded(word) for word in every(_TABLES["firms"]))
_TITLES = frozenset(folded(word) for word in every(_TABLES["titles"]))
_PARTICLES = frozenset(folded(word) for word in every(_TABLES["particles"]))
_NO_FIRST_NAMES = _PLACEHOLDERS | _POSTS | _FIRMS | _PARTICLES | _TITLES | {""}
_CONJUNCTIONS = frozenset(folded(word) for word in every(_TABLES["conjunctions"]))

_ADDRESSED = re.compile(r"\A(?P<name>[^<>]*)<[^<>@\s]+@[^<>\s]+>\s*\Z")
_MACHINE = re.compile(
    r"[@{}\[\]<>%$*_\\^~=#]|\|\s*\S*\s*\||://|\bwww\.|\.(?:com|net|org|example|io|de)\b|&[a-z]+;|\A\s*[=+]",
    re.IGNORECASE,
)
"""Marks of addresses, templates, formulas, markup and encoded words."""
_ENCODED_WORD = re.compile(r"=\?[^?\s]{1,60}\?[bq]\?", re.IGNORECASE)
_TURNED = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
"""Turns the direction of the following text, so that it reads as something else."""
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\u180e]")
_SPACES = re.compile(r"[^\S\n\r]+")
_ASIDE = re.compile(r"\([^()]*\)|\uff08[^\uff08\uff09]*\uff09")
_TAGLINE = re.compile(
    r"(?<!\s)\s*(?:[|\u2022\u00b7\u2502\uff5c]|\s[-\u2013\u2014~:]\s).*\Z|\s(?:at|bei|chez|from|@)\s.*\Z", re.IGNORECASE
)
"""Text that people write behind their name: a post, an advertisement."""
_SYMBOLS = frozenset({"So", "Sk", "Cs", "Co", "Cn", "Sm"})
_FAMILY_FIRST = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_FILLED = re.compile(r"(?<![ \t])[ \t]*\{\{\s*name\s*\}\}")
_FILLED_AT_START = re.compile(r"^\{\{\s*name\s*\}\}[,!:]?[ \t]*", re.MULTILINE)
_PATRONYMIC = re.compile(
    r"\b(?P<first>\w{2,40}) (?P<middle>\w{1,40}(?:ович|евич|овна|евна|ична))\b",
    re.IGNORECASE,
)
"""A Russian name has the father's behind the first. The family name stands in front of both or behind them."""
_SLAVIC_FAMILY = re.compile(r"\A\w{3,}(?:ов|ова|ский|ская|енко)\Z", re.IGNORECASE)
_LETTER_KINDS = ("L", "M")
_VOWEL = re.compile("[aeiouy]")
_JOINTS = "-'\u2019\u2010\u2011\u30fb\u00b7 "


@dataclass(frozen=True, slots=True)
class FullName:
    """A name in its parts."""

    first: str
    """Given name. Empty if not known."""
    middle: str
    """Further given names. Empty if none."""
    last: str
    """Family name. Empty if not known."""


def greeting(hello: str, cell: str) -> str:
    """Return the first line of a mail: `Hi Jo,`, or `Hi,` if the name is not certain."""
    return f"{hello} {greeting_name(cell)}".rstrip() + ","


@lru_cache(maxsize=4096)
def greeting_name(cell: str) -> str:
    """Return the name by which a person is greeted, such as `Jo` of `Dr. Jo Example`. Empty if it is not certain."""
    if len(cell) > LONGEST_CELL_CHARS:
        return ""
    shown = _ADDRESSED.match(cell)
    text = _tidied(shown["name"].strip(" \"'") if shown else cell)
    words = _without_titles(text.split())
    is_titled = len(words) < len(text.split())  # `Ms Example`: the one word behind a title is the family name.
    if len(words) < 1 + is_titled or not is_name(text) or _names_no_single_person(words):
        return ""
    first = _first_of(" ".join(words))
    return _cased(first, text) if _is_certain(first, words) else ""


@lru_cache(maxsize=8192)
def is_name(cell: str) -> bool:
    """Tell whether a cell holds a name, and no placeholder, address, formula or template."""
    told = folded(cell[: LONGEST_NAME_CHARS + 1])
    is_placeholder = told in _PLACEHOLDERS or all(word in _PLACEHOLDERS for word in told.split())
    return is_written_by_people(cell) and not is_placeholder and cell.strip() not in _AS_WRITTEN


@lru_cache(maxsize=8192)
def is_written_by_people(cell: str) -> bool:
    """Tell whether a cell may hold a name: letters, and no address, formula, template or markup."""
    text = _INVISIBLE.sub("", cell[: LONGEST_NAME_CHARS + 1])
    is_machine = _TURNED.search(text) or _MACHINE.search(text)
    return len(cell) <= LONGEST_NAME_CHARS and not is_machine and any(char.isalpha() for char in text)


def is_title(cell: str) -> bool:
    """Tell whether a cell holds titles alone: `Mr.`, `Prof. Dr.`."""
    words = cell.split()
    return bool(words) and all(_is_title(word) for word in words)


def is_post(word: str) -> bool:
    """Tell whether a word is a post, a department or a mailbox of several people, such as `info`."""
    return folded(word) in _POSTS


def has_encoded_word(text: str) -> bool:
    """Tell whether a text holds an encoded word of RFC 2047, which a mail program would decode into a header."""
    return "=?" in text and _ENCODED_WORD.search(text) is not None


def split_name(cell: str) -> FullName:
    """Return the parts of a whole name."""
    if not is_name(cell):
        return FullName("", "", "")
    text = _INVISIBLE.sub("", cell)
    if found := _PATRONYMIC.search(text):
        return FullName(found["first"], found["middle"], f"{text[: found.start()]} {text[found.end() :]}".strip())
    parsed = HumanName(text)
    return FullName(parsed.first, parsed.middle, parsed.last)


def whole_name(first: str, last: str) -> str:
    """Join a name so that `greeting_name` finds the first name in it. Empty without a first name."""
    if not first:
        return ""
    parts = (last, first) if _FAMILY_FIRST.search(first) and _FAMILY_FIRST.search(last) else (first, last)
    return " ".join(part for part in parts if part)


def filled(text: str, cell: str) -> str:
    """Put the greeting name of a cell in the place of `{{name}}`. Without one, `Hi {{name}},` becomes `Hi,`."""
    if name := greeting_name(cell):
        return re.sub(r"\{\{\s*name\s*\}\}", lambda _: name, text)
    return _FILLED.sub("", _FILLED_AT_START.sub("", text))


def name_in_address(address: str) -> str:
    """Return a name that an address shows: `Ann Miller` of `ann.miller@…`. The address itself if it shows none."""
    words = [word for word in re.split(r"[._+-]+", address.partition("@")[0]) if word]
    return " ".join(map(str.capitalize, words)) if words and all(map(str.isalpha, words)) else address


def _tidied(cell: str) -> str:
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", cell))[: LONGEST_NAME_CHARS + 1]
    text = "".join(char for char in text if unicodedata.category(char) not in _SYMBOLS or char in "|~=+<>^`")
    text = _ASIDE.sub(" ", _SPACES.sub(" ", text))
    return _SPACES.sub(" ", _TAGLINE.sub("", text)).strip(" ,;.\u3002\u3001-")


def _without_titles(words: list[str]) -> list[str]:
    """Cut titles off the front. The library cuts a title behind a comma."""
    while words and _is_title(words[0]):
        words = words[1:]
    return words


def _is_title(word: str) -> bool:
    parts = folded(word).split()
    return bool(parts) and all(part in _TITLES for part in parts) and "," not in word


def _names_no_single_person(words: list[str]) -> bool:
    """Tell whether words name a post, a firm, a family, or two people."""
    told = [folded(word) for word in words]
    return (
        told[0].partition(" ")[0] in _POSTS
        or any(word.replace(" ", "") in _FIRMS for word in told)
        or any(word in _CONJUNCTIONS or raw in {"&", "+", "/"} for word, raw in zip(told[1:2], words[1:2], strict=True))
        or any(char in " ".join(words) for char in "/&+;:!?\n\r\t")
    )


def _first_of(text: str) -> str:
    if found := _PATRONYMIC.search(text):
        return found["first"]
    return " ".join(_without_titles(str(HumanName(text).first).split()))


def _is_certain(first: str, words: list[str]) -> bool:
    told = folded(first)
    letters = [char for char in first if char.isalpha()]
    return (
        0 < len(first) <= LONGEST_FIRST_NAME_CHARS
        and told not in _NO_FIRST_NAMES
        and all(_is_of_a_name(char) for char in first)
        and not _is_initial(first, words)
        and not _may_be_the_family_name(first, words)
        and len({_script(char) for char in letters}) == 1
        and (len(letters) < _SHORT_NAME_LETTERS or len(set(told)) > 1)
    )


def _is_of_a_name(char: str) -> bool:
    return char in _JOINTS or unicodedata.category(char)[0] in _LETTER_KINDS


def _is_initial(first: str, words: list[str]) -> bool:
    """Tell whether a name is one initial or two: `J`, or `JR` of `JR Example`. `JO EXAMPLE` is written in capitals."""
    if _FAMILY_FIRST.search(first):
        return False
    letters = [char for char in first if char.isalpha()]
    is_shouted = len(words) > 1 and all(word.isupper() for word in words) and bool(_VOWEL.search(folded(first)))
    return len(letters) == 1 or (len(letters) <= _SHORT_NAME_LETTERS and first.isupper() and not is_shouted)


def _may_be_the_family_name(first: str, words: list[str]) -> bool:
    """Tell whether a name in capitals stands beside one that is not, or ends as Russian family names do."""
    if len(words) > 1 and _SLAVIC_FAMILY.match(first):
        return True
    others = [word for word in words if first not in word and any(char.islower() for char in word)]
    return len(first) > 1 and first.isupper() and bool(others)


def _cased(first: str, text: str) -> str:
    """Return a name as it is written, unless the whole cell is in capitals or in small letters."""
    if not (text.isupper() or text.islower()):
        return first
    return re.sub(r"[^\W\d_]+", lambda found: found[0].capitalize(), first)


def _script(char: str) -> str:
    return unicodedata.name(char, "?").partition(" ")[0]
