"""Make sentences of a text that people typed. Case, accents, punctuation and line breaks do not count.

A sentence becomes words with one space behind each. `"Please, don't write!"` is `"please dont write "`. A question mark
is a word, and so is an emoji. A link is `link`, an address is `addr`. Chinese, Japanese and Thai words have no space
between.
"""

import re
import unicodedata
from textwrap import wrap

CJK = "\u3040-\u30ff\u3400-\u9fff\u3005"
_THAI_TO_KHMER = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
UNSPACED = CJK + _THAI_TO_KHMER
"""Scripts without spaces between words."""
_SIGNED = "\u0900-\u0963\u0966-\u0dff"
"""Scripts of India, whose vowel signs belong to the word and are no letters for `\\w`."""
_INVISIBLE = dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))
"""Signs without width, which stand within words."""
MOST_SENTENCES = 200
LONGEST_SENTENCE_CHARS = 600
"""A longer one is cut between two words. So a text without full stops costs no more than others."""
WRAPPED_AT_CHARS = 55
"""A mail program broke a line that is at least so long. Its sentence goes on in the next line."""

_LETTERS = str.maketrans(
    {
        "\u2019": "'",
        "\u2018": "'",
        "\u02bc": "'",
        "ø": "o",
        "å": "aa",
        "æ": "ae",
        "œ": "oe",
        "ł": "l",
        "đ": "d",
        "\u0131": "i",
    }
)
_KANA_MARKS = "\u3099\u309a"
_LINK = re.compile(r"(?:https?://|www\.)[^\s<>]+")
_ADDRESS = re.compile(r"[^\s<>@()\[\]]{1,64}@[^\s<>@()\[\]]{1,255}")
_SPELLINGS = (
    (re.compile(r"n't\b"), "nt"),
    (re.compile(r"\b(un|e)[- ](?=subscri|mail)"), r"\1"),
)
_NO_END = r"(?<!\d[.])(?<!\W\w[.])(?<!\W[Aa]rt[.])(?<!\W[Aa]bs[.])(?<!\WNr[.])(?<!\W[Ss]ec[.])"
"""A number, an initial, or the short form of a law's part stands before the full stop."""
_END = re.compile(
    _NO_END + r"(?<=[.!?\u2026\u3002\uff01\uff1f\u0964])[\"')\]*]*"
    r"(?:\s+|(?=[" + UNSPACED + r"]))|[;\u2022]|:\s+|\n+"
)
_WORD = re.compile(rf"\+1\b|\?|(?:[^\W_]|[{_SIGNED}{_THAI_TO_KHMER}])+|[\U0001f300-\U0001faff\u2600-\u27bf]")
_UNSPACED_SPACE = re.compile(rf"(?<=[{UNSPACED}]) (?=[{UNSPACED}])")


def folded(text: str) -> str:
    """Return a text in small letters without accents. Signs that look alike become one."""
    text = unicodedata.normalize("NFKC", text).translate(_INVISIBLE).casefold().translate(_LETTERS)
    marks = unicodedata.normalize("NFD", text)
    return unicodedata.normalize(
        "NFC", "".join(sign for sign in marks if sign in _KANA_MARKS or not unicodedata.combining(sign))
    )


def split_text(text: str) -> list[str]:
    """Return the sentences of a text as they were typed."""
    parts = [part.strip() for part in _END.split(_unwrapped(text)) if part.strip()]
    return [short for part in parts for short in wrap(part, LONGEST_SENTENCE_CHARS)][:MOST_SENTENCES]


def sentences(text: str) -> list[str]:
    """Return the sentences of a text as words. An empty sentence is left out."""
    return [words for part in split_text(text) if (words := _words(part))]


def _unwrapped(text: str) -> str:
    lines = [line.strip() for line in text.splitlines()]
    return "".join(line + (" " if len(line) >= WRAPPED_AT_CHARS else "\n") for line in lines)


def _words(part: str) -> str:
    plain = _ADDRESS.sub(" addr ", _LINK.sub(" link ", folded(part)))
    for spelling, ours in _SPELLINGS:
        plain = spelling.sub(ours, plain)
    return _UNSPACED_SPACE.sub("", "".join(f"{word} " for word in _WORD.findall(plain)))
