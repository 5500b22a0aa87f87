"""Tell whether an answer asks for an opt-out: plainly, doubtfully, or not at all.

The mistakes are not equal. Mail to a person after an opt-out is the worst one. So plain words of any language count at
every place. It is also a mistake to close for ever a person that wants to unsubscribe from a former vendor. So a
sentence in which the same words mean something else does not count. Words that may mean an opt-out are doubtful. A
person reads them, and until then nothing is sent.

The tables are in `optouts.toml`. The text is the writer's, without the quoted mail. See `quotes.py`. A mistyped word
counts as well, see `misspellings.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from agentic_sales.rules.misspellings import Misspellings
from agentic_sales.rules.phrases import Phrases
from agentic_sales.rules.sentences import folded, sentences
from agentic_sales.rules.tables import NOTHING, Table, every, extended, table

MOST_TRIVIAL_WORDS = 4
"""A mail with at most so many words says nothing beside a subject that asks to be left alone."""


@dataclass(frozen=True, slots=True)
class OptOut:
    """A wish to be left alone."""

    words: str
    """The words that say so, in small letters without punctuation."""
    is_certain: bool
    """False if the words may mean something else, and a person must read them."""


@dataclass(frozen=True, slots=True)
class OptOutWords:
    """The words by which opt-outs are told."""

    plain: Phrases
    """Plain words, wherever they stand."""
    otherwise: Phrases
    """Where plain words within one of these mean something else."""
    doubtful: Phrases
    """Words that a person must read."""
    subject: Phrases
    """Subjects that are an opt-out by themselves."""
    prefixes: frozenset[str]
    """Prefixes of the subject of an answer."""
    courtesies: frozenset[str]
    """Words that change nothing."""
    misspellings: Misspellings
    """Long words of opt-outs, found where they are mistyped."""


def words_of(additions: Table = NOTHING) -> OptOutWords:
    """Return the words of `optouts.toml` and of a person's additions to it."""
    words = extended(table("optouts"), additions)
    return OptOutWords(
        plain=Phrases(every(words["plain"])),
        otherwise=Phrases(every(words["otherwise"])),
        doubtful=Phrases(every(words["doubtful"])),
        subject=Phrases(words["subject"]["all"]),
        prefixes=frozenset(words["subject"]["prefixes"]),
        courtesies=frozenset(word for text in every(words["courtesies"]) for word in _words(text)),
        misspellings=Misspellings(
            _folded(words["spelled"]["words"]), _folded(words["spelled"]["others"]), words["spelled"]["short"]
        ),
    )


def _words(text: str) -> list[str]:
    return [word for sentence in sentences(text) for word in sentence.split()]


def _folded(words: Sequence[str]) -> frozenset[str]:
    return frozenset(folded(word) for word in words)


@cache
def our_words() -> OptOutWords:
    """Return the words of `optouts.toml` alone."""
    return words_of()


def opt_out(text: str, subject: str = "", words: OptOutWords | None = None) -> OptOut | None:
    """Return the opt-out that an answer holds. None if it holds none.

    Args:
        text: The writer's text, without the quoted mail.
        subject: Subject of the answer.
        words: Words of opt-outs. The default is `optouts.toml`.
    """
    words = words or our_words()
    said = sentences(text)
    if found := _plain(said, words):
        return OptOut(found, is_certain=True)
    if found := _by_subject(subject, said, words):
        return OptOut(found, is_certain=_is_trivial(said, words) or words.doubtful.first_in(said) is not None)
    unclear = [sentence for sentence in said if not words.otherwise.search(sentence)]
    found = words.doubtful.first_in(unclear)
    return OptOut(found, is_certain=False) if found else None


def _plain(said: Sequence[str], words: OptOutWords) -> str | None:
    for sentence in said:
        bare = _without_courtesies(sentence, words)
        for form in dict.fromkeys(
            (sentence, bare, words.misspellings.mended(sentence), words.misspellings.mended(bare))
        ):
            if found := next(_meant(form, words), None):
                return found
    return None


def _meant(sentence: str, words: OptOutWords) -> Iterator[str]:
    """Yield the plain phrases of a sentence that neither begin nor end within a phrase of another meaning."""
    others = [found.span() for found in words.otherwise.all_in(sentence)]
    for found in words.plain.all_in(sentence):
        if not any(_overlap(found.span(), other) for other in others):
            yield found.group().strip()


def _overlap(found: tuple[int, int], other: tuple[int, int]) -> bool:
    return other[0] <= found[0] < other[1] or other[0] < found[1] <= other[1]


def _without_courtesies(sentence: str, words: OptOutWords) -> str:
    return "".join(f"{word} " for word in sentence.split() if word not in words.courtesies and not _is_emoji(word))


def _is_emoji(word: str) -> bool:
    return not word[0].isalnum() and word not in {"?", "+1"}


def _by_subject(subject: str, said: Sequence[str], words: OptOutWords) -> str | None:
    """Return the words of a subject that asks to be left alone. None if it does not.

    A subject of the writer's own may use any plain words. Behind `Re:` stands ours, and it may have the same words.
    """
    parts = ["".join(sentences(part)) for part in subject.split(":")]
    at = next((at for at, part in enumerate(parts) if part.strip() not in words.prefixes), 0)
    if len(said) > MOST_TRIVIAL_WORDS:
        return None
    return words.subject.first_in([parts[at]]) or (None if at else _plain([parts[at]], words))


def _is_trivial(said: Sequence[str], words: OptOutWords) -> bool:
    """Tell a mail that says nothing beside its subject. It is empty, or has a name and a greeting."""
    return sum(len(_without_courtesies(sentence, words).split()) for sentence in said) <= MOST_TRIVIAL_WORDS
