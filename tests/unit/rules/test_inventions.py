"""A draft states the numbers that were given, in any spelling, and no others."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_sales.rules.inventions import invented_numbers, texts_in

SPELLINGS = [
    ("20 %", "20%", "twenty percent", "20 per cent", "zwanzig Prozent", "20-percent"),
    ("1,200 hours", "1200 hours", "1.2k hours", "1\u202f200 hours", "twelve hundred hours"),
    ("two hundred and fifty teams", "250 teams", "250+ teams"),
    ("twenty-one days", "21 days", "21-day"),
    ("$2m", "2 million dollars", "$2,000,000"),
    ("3x", "three times", "threefold", "tripled", "dreifach"),
    ("10:30", "10.30 am", "10:30 Uhr"),
    ("15:00", "3 pm", "15 Uhr", "3:00 p.m."),
    ("1.234,50 \u20ac", "EUR 1,234.50", "1234.5 euros"),
    ("40 000 euros", "40,000 euros", "\u20ac40k"),
    ("ROS 2", "two rigs"),
]
"""Each row spells one number."""


@pytest.mark.parametrize("row", SPELLINGS, ids=lambda row: row[0])
def test_a_number_stands_in_any_spelling(row: tuple[str, ...]) -> None:
    for written in row:
        assert invented_numbers(f"We need {written} of it.", []) != []
        for told in row:
            assert invented_numbers(f"We need {written} of it.", [f"It was {told} then."]) == []


@pytest.mark.parametrize(
    ("text", "known", "invented"),
    [
        ("It takes 4 days.", "It takes 3 days.", ["4"]),
        ("It is 3x faster.", "It takes three days.", ["3x"]),
        ("20% less work.", "A 20-minute call.", ["20%"]),
        ("20% less work.", "discount: 20\n", []),
        ("It costs $20.", "A 20-minute call.", ["$20"]),
        ("Used by hundreds of teams.", "Used by 40 teams.", ["hundreds"]),
        ("Used by hundreds of teams.", "Used by 943 teams.", []),
        ("Testing was halved.", "Testing takes long.", ["halved"]),
        ("Testing was halved.", "It cuts testing by half.", []),
        ("Half an hour, or 30 minutes?", "Have you half an hour?", []),
        ("Since 2019.", "Since last year.", ["2019"]),
        ("Between 10 and 20%.", "10-20 percent.", []),
        ("Is 10:30 or 14:00 better?", "Slots: 2026-12-02T10:30:00Z, 2 pm", []),
        ("Is 11:30 better?", "Slots: 10:30", ["11:30"]),
        ("At 3 pm?", "I can do 3 or 4.", []),
        ("11 teams, 11 teams.", "", ["11"]),
    ],
)
def test_a_number_of_another_value_or_kind_is_an_invention(text: str, known: str, invented: list[str]) -> None:
    assert invented_numbers(text, [known]) == invented


@pytest.mark.parametrize(
    "text",
    [
        "See https://rigs.example/4711 or write to ada2@rigs.example.",
        "B2B teams with GPT-4, S3 and 5G.",
        "One question, in a word or two: is it for the two of us?",
        "1. Rigs\n2. Tests",
        "We answer 24/7.",
        "Which two or three times suit you?",
        "Hi {{field2}}, is it one of your aims?",
    ],
)
def test_addresses_names_and_ways_to_speak_state_no_number(text: str) -> None:
    assert invented_numbers(text, []) == []


def test_an_address_gives_no_number() -> None:
    assert invented_numbers("4711 teams use it.", ["https://rigs.example/4711"]) == ["4711"]


NUMBERS = st.one_of(
    st.sampled_from([spelled for row in SPELLINGS for spelled in row]),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "$", "EUR "]),
        st.one_of(
            st.integers(0, 10**7), st.integers(0, 10**7).map("{:,}".format), st.floats(0, 99).map("{:.1f}".format)
        ),
        st.sampled_from(["", "%", " percent", "x", "k", " million", " days", "+", "-week", " years,"]),
    ),
)


@given(numbers=st.lists(NUMBERS, max_size=6), order=st.randoms())
def test_a_text_made_of_given_numbers_alone_is_never_refused(numbers: list[str], order: object) -> None:
    told = [*numbers]
    order.shuffle(told)  # type: ignore[attr-defined]
    assert invented_numbers(" and that is ".join(told), ["; then ".join(numbers)]) == []


@given(text=st.text())
def test_any_text_is_read_and_backs_itself(text: str) -> None:
    assert invented_numbers(text, [text]) == []


@pytest.mark.parametrize("part", ["a1b ", "1,", "a@", "{{a", "A-", "a or ", "1 ", " "])
def test_a_long_text_costs_no_more_than_its_length(part: str) -> None:
    begun_s = time.process_time()
    invented_numbers("We cut 20% of it.", [part * 8_000])
    assert time.process_time() - begun_s < 1.0


def test_the_texts_of_plain_data_are_found_at_any_depth() -> None:
    assert [*texts_in({"a": "1", "b": [{"c": "2"}, 3, None]})] == ["1", "2"]
