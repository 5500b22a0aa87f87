"""Names: who is greeted how, and what stands in a name cell and is none."""

import pytest

from agentic_sales.rules.names import filled, greeting, greeting_name, has_encoded_word, split_name, whole_name


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("Grace Hopper <grace@x.example>", "Grace"),
        ('"Hopper, Grace" <grace@x.example>', "Grace"),
        ("Grace", "Grace"),
        ("grace@x.example", ""),
        ("<grace@x.example>", ""),
        ("", ""),
    ],
)
def test_a_sender_is_greeted_by_first_name_where_there_is_one(sender: str, name: str) -> None:
    assert greeting_name(sender) == name


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("Jean-Luc DUPONT", "Jean-Luc"),
        ("DUPONT Jean-Luc", ""),
        ("ANNE O'NEIL", "Anne"),
        ("JR Example", ""),
        ("Иванов Иван Иванович", "Иван"),
        ("Jo and Ann Example", ""),
        ("Nan Example", "Nan"),
        ("J\u043e Example", ""),
        ("Frau Example", ""),
        ("x" * 100_000, ""),
    ],
)
def test_a_name_that_could_be_the_other_one_greets_nobody(cell: str, name: str) -> None:
    assert greeting_name(cell) == name


@pytest.mark.parametrize(
    ("text", "cell", "told"),
    [
        ("Hi {{name}},\n\nwe met.", "Jo Example", "Hi Jo,\n\nwe met."),
        ("Hi {{name}},\n\nwe met.", "N/A", "Hi,\n\nwe met."),
        ("{{ name }}, we met.", "", "we met."),
        ("<p>Hi {{name}},</p>", "{{name}}", "<p>Hi,</p>"),
        ("Hi there", "Jo", "Hi there"),
    ],
)
def test_a_placeholder_never_reaches_its_reader(text: str, cell: str, told: str) -> None:
    assert filled(text, cell) == told


def test_a_whole_name_is_made_so_that_the_first_name_is_found_in_it() -> None:
    for first, last in [("Jo", "Example"), ("太郎", "山田"), ("Jo", "")]:
        assert greeting("Hi", whole_name(first, last)) == f"Hi {first},"
    assert greeting("Hi", whole_name("", "Example")) == "Hi,"


def test_a_whole_name_is_split_whichever_part_comes_first() -> None:
    parts = [split_name(name) for name in ("Ivy Lee Sun", "Sun, Ivy Lee", "Dr. Ivy Lee Sun, PhD")]
    assert {(name.first, name.middle, name.last) for name in parts} == {("Ivy", "Lee", "Sun")}


def test_a_russian_name_is_split_by_the_name_of_the_father() -> None:
    parts = [split_name(name) for name in ("Петров Иван Сергеевич", "Иван Сергеевич Петров")]
    assert {(name.first, name.middle, name.last) for name in parts} == {("Иван", "Сергеевич", "Петров")}


def test_an_encoded_word_is_told_from_a_name_with_a_question() -> None:
    assert has_encoded_word("Jo =?utf-8?q?Jo=0D=0ABcc:_x@evil.example?=")
    assert not has_encoded_word("Jo =? Example?")
