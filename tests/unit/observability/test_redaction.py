"""People and secrets do not leave a process with its traces; what an operator needs to read stays."""

import re
from time import process_time

import pytest

from agentic_sales.observability.redaction import CUT, LONGEST_CHARS, RULES, redacted, redacted_data


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("write to jane.doe+x@mail.acme.co.uk.", "write to [email]."),
        ("/runs?to=jane%40acme.example&x=1", "/runs?to=[email]&x=1"),
        ("call +49 (0)30 123-4567 or +14155550123", "call [phone] or [phone]"),
        ("(030) 123 4567, 415-555-0123", "[phone], [phone]"),
        ("sk-proj-abcdefghijklmnop and ghp_0123456789abcdefghij", "[key] and [key]"),
        ("Authorization: Bearer abc.def.ghi", "Authorization: [key] [key]"),
        ("api_key=hunter2hunter2&a=1", "api_key=[key]&a=1"),
        ('{"password": "correct horse", "x": 1}', '{"password": "[key] horse", "x": 1}'),
        ("redis://user:secret@host:6379/0", "redis://[key]@host:6379/0"),
        ("token eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "token [key]"),
        ("x: Input should be a number [type=int, input_value='Jane Doe', input_type=str]",
         "x: Input should be a number [type=int, input_value=[hidden], input_type=str]"),
    ],
)  # fmt: skip
def test_mail_addresses_phone_numbers_and_keys_are_taken_out(text: str, left: str) -> None:
    assert redacted(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "`echo` was still running after its time limit of 180 s",
        "2026-11-24T13:50:00.123456+00:00",
        "01a20ddf-fb8b-7378-9347-bce5ccd5069b",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "cost 0.000123 USD for 1024 tokens",
        "openai:gpt-4.1-mini answered on 127.0.0.1:8002",
    ],
)
def test_what_an_operator_reads_stays(text: str) -> None:
    assert redacted(text) == text


def test_data_is_redacted_to_its_last_text_and_secrets_go_by_their_name() -> None:
    data = {"to": ["a@b.example", {"note": "call +49 30 1234567"}], "api_key": "short", "n": 5551234567, "ok": None}
    assert redacted_data(data) == {
        "to": ["[email]", {"note": "call [phone]"}],
        "api_key": "[key]",
        "n": 5551234567,
        "ok": None,
    }


REPEATED = (
    *("a", "1", " ", "-", "@", ".", "/", ":", "=", "(", "+", "\n", "input_value=", "://", "://a:", "://a:b", "://a:b@"),
    *(
        "bearer ",
        "basic  ",
        "token ",
        "token=",
        "token = '",
        "password",
        "secret:",
        "eyJaaaaaaaa-",
        "eyJaaaaaaaa.aaaaaaaa.",
    ),
    *(
        "sk-",
        "sk-aaaaaaaaaaa ",
        "AKIA",
        "a@",
        "a@a",
        "a.a@a-",
        "a%40",
        "%40",
        "+1 ",
        "+1(",
        "12 345 ",
        "12-345-",
        "12345",
    ),
)
"""What the patterns wait behind, in the hope that the rest of a match comes."""
FOLDS = 4
MOST_FOLDS = 10
"""A pattern that is linear takes four times as long for four times the text, a quadratic one sixteen times."""


def seconds(pattern: re.Pattern[str], text: str) -> float:
    """Return the processor time that a pattern takes for a text, the least of three."""

    def once() -> float:
        began = process_time()
        pattern.sub("", text)
        return process_time() - began

    return min(once() for _ in range(3))


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in RULES], ids=lambda pattern: pattern.pattern[:30])
def test_a_pattern_takes_time_in_proportion_to_its_text(pattern: re.Pattern[str]) -> None:
    for repeated in REPEATED:
        text = repeated * (20_000 // len(repeated))
        short, lengthy = seconds(pattern, text), seconds(pattern, text * FOLDS)
        assert lengthy < MOST_FOLDS * max(short, 0.001), repeated


def test_a_long_text_is_cut_between_two_words_before_it_is_matched() -> None:
    text = "word " * (LONGEST_CHARS // 5 - 2) + "jane.doe@mail.acme.example " * 1000
    left = redacted(text)
    assert left.endswith(CUT)
    assert len(left) <= LONGEST_CHARS + len(CUT)
    assert "jane" not in left
    assert len(redacted("a" * 10_000_000)) <= LONGEST_CHARS + len(CUT)


def test_data_without_end_is_hidden_from_a_depth_on() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert "[too deep]" in str(redacted_data(deep))
