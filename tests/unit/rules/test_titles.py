"""A title is read as people mean it: the present post decides, and a word that only sounds high does not."""

import pytest

from agentic_sales.rules.titles import MAX_REASONS, read_title, title_words


@pytest.mark.parametrize(
    ("title", "authority", "decides"),
    [
        ("Software Engineer", 0.0, False),
        ("Sales Manager", 0.3, False),
        ("Head of Sales", 0.6, True),
        ("SVP Sales", 0.8, True),
        ("Chief Revenue Officer", 1.0, True),
        ("Inhaberin", 1.0, True),
    ],
)
def test_the_authority_is_that_of_the_seniority(title: str, authority: float, decides: bool) -> None:  # noqa: FBT001
    reading = read_title(title).reading
    assert (reading.authority_score, reading.is_decision_maker) == (authority, decides)


def test_the_highest_part_tells_the_seniority_and_the_first_one_the_department() -> None:
    reading = read_title("Sales & Marketing Lead, Co-Founder").reading
    assert (reading.seniority, reading.department) == ("C-level", "Sales")


@pytest.mark.parametrize(
    "title", ["ex-CEO", "Former VP of Sales", "Assistant to the CEO", "Office of the CTO, Engineer"]
)
def test_the_post_of_others_and_of_former_days_gives_no_authority(title: str) -> None:
    assert read_title(title).reading.authority_score == 0.0


def test_the_name_of_the_employer_is_no_part_of_the_title() -> None:
    reading = read_title("Account Executive at Founder & Partner Marketing").reading
    assert (reading.seniority, reading.department) == ("IC", "Sales")


def test_a_title_without_a_known_word_is_not_certain() -> None:
    judged = read_title("Wizard of light bulb moments")
    assert (judged.is_certain, judged.confidence) == (False, 0.5)
    assert (judged.reading.seniority, judged.reading.dm_reasons) == ("IC", [])


def test_the_reasons_quote_the_part_that_decides() -> None:
    reading = read_title("Engineer | Co-Founder @ Acme").reading
    assert reading.dm_reasons[0] == "C-level: `Co-Founder`"
    assert len(reading.dm_reasons) <= MAX_REASONS


def test_a_person_adds_words_in_a_language_that_the_table_lacks() -> None:
    assert read_title("Pampers chieftain").reading.seniority == "IC"
    words = title_words({"seniority": {"director": {"own": ["chieftain"]}}})
    assert read_title("Pampers chieftain", words).reading.seniority == "Director"


def test_an_endless_title_is_read_up_to_its_limit() -> None:
    assert read_title("vice president of " * 5_000).reading.seniority == "VP"
