"""Compare words as people do. Case, accents, punctuation and the ways in which programs join words do not count."""

import re
import unicodedata
from collections.abc import Iterable

_APOSTROPHES = str.maketrans("", "", "'\u2019\u2018`\u00b4")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_]+")
_EMAIL = re.compile(r"\be mail")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u1100-\u11ff]")
_LONG_WORD_CHARS = 9


def folded(text: str) -> str:
    """Return the words of a text in lower case, without accents, with single spaces. `E-Mail` is one word."""
    bare = text.translate(_APOSTROPHES).casefold() if text.isascii() else _bare(text)
    return _EMAIL.sub("email", _BETWEEN.sub(" ", bare).strip())


def _bare(text: str) -> str:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))


def forms(text: str) -> tuple[str, ...]:
    """Return a text folded, and folded with `camelCase` taken for two words."""
    return tuple(dict.fromkeys((folded(text), folded(_CAMEL.sub(" ", text)))))


class FoldedPhrases:
    """A set of phrases, to be looked for in folded texts."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._whole = frozenset(folded(phrase) for phrase in phrases) - {""}
        inside = sorted((phrase for phrase in self._whole if _is_telling(phrase)), key=len, reverse=True)
        words = "|".join(re.escape(phrase) for phrase in inside if not _CJK.search(phrase))
        signs = "|".join(re.escape(phrase) for phrase in inside if _CJK.search(phrase))
        self._inside = re.compile("|".join(part for part in (words and rf"\b(?:{words})\b", signs) if part) or r"(?!)")

    def __contains__(self, text: str) -> bool:
        """Tell whether a folded text is one of the phrases."""
        return text in self._whole

    def found_in(self, text: str) -> str | None:
        """Return the phrase that a folded text is or holds. None if it holds none.

        A short word must be the whole text. `baja` ends a subscription, and Baja California is a place.
        """
        if text in self._whole:
            return text
        found = self._inside.search(text)
        return found[0] if found else None


def _is_telling(phrase: str) -> bool:
    return " " in phrase or len(phrase) >= _LONG_WORD_CHARS or bool(_CJK.search(phrase))
