"""A claim stands by words and numbers of the texts that it is made from, and by nothing else."""

import pytest

from agentic_sales.rules.backing import QuotedLine, backed, is_sober, names_something_in, proof_of

TEXTS = {"page": "It saves 1,200 hours a year. No API. Nurses say: they sleep again.", "owner": "Made for clinics."}


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("It saves hours.", True),
        ("It saves 1200 hours.", True),
        ("It saves 1,200.", True),
        ("It saves 120 hours.", False),
        ("It saves 200 hours.", False),
        ("It is \u201cmade for clinics\u201d.", True),
        ("It is \u201cmade for dentists\u201d.", False),
    ],
)
def test_each_number_and_each_passage_stands_in_a_text(text: str, *, is_right: bool) -> None:
    assert is_sober(text, TEXTS) is is_right


@pytest.mark.parametrize(
    ("quote", "source"),
    [
        ("saves 1,200 hours", "page"),
        ("Made for clinics.", "owner"),
        ("No API.", "page"),
        ("hours a", None),
        ("saves 900 hours", None),
        ("", None),
    ],
)
def test_a_quote_is_three_words_or_a_whole_sentence_of_a_text(quote: str, source: str | None) -> None:
    proof = proof_of("It helps.", quote, TEXTS)
    assert (proof and proof.source_url) == source


def test_a_true_quote_backs_no_number_of_its_own() -> None:
    assert proof_of("It saves 77 hours.", "It saves 1,200 hours a year.", TEXTS) is None


def test_a_claim_counts_once_and_an_empty_one_never() -> None:
    line, empty = (QuotedLine(text=text, quote="Made for clinics.") for text in ("For clinics.", " "))
    assert [proof.claim for proof in backed([line, empty, line], TEXTS, most=5)] == ["For clinics."]


def test_a_name_has_a_telling_word_of_the_texts() -> None:
    assert names_something_in("large clinics", TEXTS)
    assert not names_something_in("dentists", TEXTS)
