"""Mend mistyped words: swapped, doubled, left out and neighbouring letters, and words typed letter by letter.

Only the long words of a table are looked for. A word is taken for one of them if it begins with the same letter and is
a few keys away. A word that is another word of its own is left as it is, and so is an inflection of the word.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache

from rapidfuzz.distance import OSA

LONG_WORD_CHARS = 8
"""A word that is at least so long is known with one wrong letter. A shorter one has its letters in another order, or
one too many or too few, as `remvoe` and `remve` have: `remote` is no `remove`."""
LONGEST_WORD_CHARS = 10
"""A word that is at least so long is known with three mistakes, a long word with two."""
SHORTEST_TYPED_CHARS = 4
"""A word of fewer letters is never mended."""


class Misspellings:
    """Words of a table, found where they are mistyped."""

    def __init__(self, words: Collection[str], others: Collection[str], short: Mapping[str, str]) -> None:
        """Take words in small letters without accents.

        Args:
            words: The words that are looked for.
            others: Other words, which look like them.
            short: Short and slangy forms, with their long forms.
        """
        self._words = tuple(words)
        self._others = frozenset(others)
        self._short = dict(short)
        self._known = lru_cache(maxsize=4096)(self._word)

    def mended(self, sentence: str) -> str:
        """Return a sentence of `sentences.py` with its mistyped words as they were meant."""
        return "".join(f"{self._known(word)} " for word in _joined_letters(sentence.split()))

    def _word(self, word: str) -> str:
        if word in self._short:
            return self._short[word]
        if len(word) < SHORTEST_TYPED_CHARS or word in self._others or word in self._words or not word.isalpha():
            return word
        found = [(OSA.distance(word, meant), meant) for meant in self._words if _is_near(word, meant)]
        return min(found)[1] if found else word


def _is_near(word: str, meant: str) -> bool:
    if word[0] != meant[0] or word.startswith(meant):
        return False
    if len(meant) >= LONG_WORD_CHARS:
        most = 3 if len(meant) >= LONGEST_WORD_CHARS else 2
        return OSA.distance(word, meant, score_cutoff=most) <= most
    is_other_letter = len(word) == len(meant) and sorted(word) != sorted(meant)
    return not is_other_letter and OSA.distance(word, meant, score_cutoff=1) <= 1


def _joined_letters(words: list[str]) -> list[str]:
    """Return words with those that were typed letter by letter as one: `s t o p`."""
    joined: list[str] = []
    letters = ""
    for word in [*words, ""]:
        if len(word) == 1 and word.isalpha():
            letters += word
            continue
        joined += [letters] if len(letters) >= SHORTEST_TYPED_CHARS else list(letters)
        joined += [word] if word else []
        letters = ""
    return joined
