"""Tell from a person's posts whether a company hires for, buys or scales artificial intelligence.

A sentence is a signal if it names artificial intelligence and holds a phrase of a kind, and does not deny it. The words
of a person in search of work say nothing of a company's intent to hire.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.sentences import split_text
from agentic_sales.rules.signs import affirmed, as_written, compiled, ending, level
from agentic_sales.rules.tables import Compiled, Table

IntentKind = Literal["hiring", "buying", "scaling", "none"]
KINDS: tuple[IntentKind, ...] = ("hiring", "buying", "scaling")
"""The kinds, the one that wins a tie first."""
ENOUGH_SIGNALS = 3
"""Signals with which the confidence is 1."""
MOST_REASONS = 3
MAX_QUOTE_CHARS = 160


class IntentSignal(BaseModel):
    """A sentence that tells an intent."""

    kind: IntentKind = Field(description="hiring, buying or scaling.")
    quote: str = Field(description="The sentence, in the post's own words.")
    post: int = Field(description="Number of the post, from 0.")


@dataclass(frozen=True, slots=True)
class IntentWords:
    """The phrases of the table."""

    mention: re.Pattern[str]
    roles: re.Pattern[str]
    kinds: Mapping[IntentKind, re.Pattern[str]]
    seeker: re.Pattern[str]
    denied: re.Pattern[str]


def _built(known: Table) -> IntentWords:
    return IntentWords(
        mention=as_written(known["subject"]["mention"]),
        roles=compiled(known["subject"]["roles"]),
        kinds={kind: compiled(known["kinds"][kind]) for kind in KINDS},
        seeker=compiled(known["against"]["seeker"]),
        denied=ending(known["against"]["denied"]),
    )


intent_words = Compiled("ai_intent", _built)


def find_intent(posts: Sequence[str], words: IntentWords) -> list[IntentSignal]:
    """Return the signals of posts, at most one of each kind for each sentence."""
    found: list[IntentSignal] = []
    for number, post in enumerate(posts):
        if not words.seeker.search(level(post)):
            found += (IntentSignal(kind=kind, quote=quote, post=number) for kind, quote in _of_post(post, words))
    return found


def _of_post(post: str, words: IntentWords) -> Iterator[tuple[IntentKind, str]]:
    """Yield the signals of a post. A post that names the subject once lends it to its other sentences."""
    is_about = _names_it(post, words)
    for sentence in split_text(post) if is_about else ():
        text = level(sentence)
        for kind, pattern in words.kinds.items():
            if next(affirmed(pattern, text, words.denied), None) and (_names_it(sentence, words) or kind == "hiring"):
                yield kind, shorten(sentence, MAX_QUOTE_CHARS, placeholder=" …")
                break


def _names_it(text: str, words: IntentWords) -> bool:
    return bool(words.mention.search(text) or words.roles.search(level(text)))


def kind_of(signals: Sequence[IntentSignal]) -> IntentKind:
    """Return the kind with the most signals."""
    counts = {kind: sum(signal.kind == kind for signal in signals) for kind in KINDS}
    best = max(KINDS, key=lambda kind: counts[kind])
    return best if counts[best] else "none"


def confidence_of(signals: Sequence[IntentSignal]) -> float:
    """Return the confidence, `min(1, n/3)` for n signals."""
    return round(min(1.0, len(signals) / ENOUGH_SIGNALS), 2)
