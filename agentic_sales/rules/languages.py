"""Tell the language of a text by its script and its small words. Pure."""

import re
from collections.abc import Mapping

from agentic_sales.rules.tables import table

LEAST_WORDS = 2
"""Small words of a language that a text must have. One alone is often a name or a loan."""
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]{3}")),
)
"""Scripts that tell a language, the surest first. Japanese has Chinese letters, too."""
_WORDS: Mapping[str, frozenset[str]] = {name: frozenset(words) for name, words in table("languages").items()}


def language_of(text: str) -> str:
    """Return the ISO 639-1 code of a text's language. Empty if no language that we know is certain."""
    for name, letters in _SCRIPTS:
        if letters.search(text):
            return name
    words = [word.casefold() for word in _WORD.findall(text)]
    counts = sorted(((sum(word in known for word in words), name) for name, known in _WORDS.items()), reverse=True)
    (most, first), (second, _) = counts[:2]
    return first if most >= LEAST_WORDS and most > second else ""
