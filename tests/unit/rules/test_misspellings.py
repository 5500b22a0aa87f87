"""Which mistyped words are mended, and which words that look like them are left alone."""

import pytest

from agentic_sales.rules.misspellings import Misspellings
from agentic_sales.rules.optouts import our_words

OURS = our_words().misspellings


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("unsubsribe me ", "unsubscribe me "),
        ("unsuscribed ", "unsubscribed "),
        ("remvoe me from ur list ", "remove me from your list "),
        ("s t o p ", "stop "),
        ("bite abmeldn ", "bitte abmelden "),
    ],
)
def test_swapped_left_out_and_spaced_letters_are_mended(typed: str, meant: str) -> None:
    assert OURS.mended(typed) == meant


@pytest.mark.parametrize(
    "text", ["remote work ", "the contract ", "removed ", "deleted it ", "subscribe ", "unsubstantiated ", "i a m "]
)
def test_another_word_and_an_inflection_are_left_as_they_are(text: str) -> None:
    assert OURS.mended(text) == text


def test_a_short_word_with_one_wrong_letter_is_another_word() -> None:
    words = Misspellings({"remove"}, frozenset(), {})
    assert words.mended("remote remvoe ") == "remote remove "
