"""The hard checks of a positioning statement find each kind of fault, and the rules' own statement has none."""

from typing import Any

import pytest

from agentic_sales.rules.plan_facts import PlanFacts
from agentic_sales.rules.positioning import (
    PositioningDocument,
    category_by_rules,
    problems_of,
    statement_by_rules,
    white_space_by_rules,
    with_category,
    with_statement,
    with_white_space,
)

PRODUCT = {
    "name": "Tallowmere",
    "description": "Tallowmere is claims software for regional insurers. Claims handlers lose hours on manual checks.",
    "highlights": ["It drafts each decision in minutes.", "Runs on-premises.", "It cuts leakage by 12%."],
}
RIVAL = {
    "name": "Oxbridge",
    "url": "https://oxbridge.example/",
    "positioning_headline": "A cloud platform with an API.",
}
FACTS = PlanFacts.model_validate({"product": PRODUCT, "competitors": [RIVAL]})
SOUND = "For insurers who lose hours, Tallowmere is a tool which cuts leakage by 12%. Unlike Oxbridge, it runs here."


def faults(statement: str = SOUND, **told: Any) -> str:
    """Return the faults of a document in one text."""
    given = {"differentiators": ["a", "b", "c"], "competitor_frame": ["Oxbridge"], **told}
    return "; ".join(problems_of(PositioningDocument(positioning_statement=statement, **given), FACTS))


def test_a_sound_statement_has_no_fault() -> None:
    assert faults() == ""


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("", "there is no statement"),
        ("Tallowmere is a tool.", "the statement has no For, who, unlike, which"),
        (SOUND + " x" * 300, "600 are allowed"),
        (SOUND.replace("Oxbridge", "manual checks"), "fights a straw man"),
        (SOUND.replace("Oxbridge", "legacy Oxbridge"), "fights a straw man"),
        (SOUND.replace("Oxbridge", "Nobodyware"), "names no known competitor"),
        (SOUND.replace("12%", "95 percent"), "nobody believes 95 %"),
        (SOUND.replace("12%", "40%"), "a number or a quote that no text has"),
        (SOUND.replace("it runs here", 'it is "the best of all"'), "a number or a quote that no text has"),
    ],
)
def test_each_fault_of_a_statement_is_named(statement: str, fault: str) -> None:
    assert fault in faults(statement)


def test_three_differentiators_and_a_frame_are_needed() -> None:
    assert "there are 2 differentiators; 3 are needed" in faults(differentiators=["a", "b"])
    assert "the frame names none" in faults(competitor_frame=[])


def test_the_statement_of_the_rules_passes_its_own_checks() -> None:
    by_rules = category_by_rules(FACTS)
    document = with_white_space(with_category(by_rules, by_rules, FACTS), white_space_by_rules(FACTS), FACTS)
    document = with_statement(document, statement_by_rules(FACTS, document), FACTS)
    assert problems_of(document, FACTS) == []
    assert document.positioning_statement.endswith("Unlike Oxbridge, which does not say so, it offers self-hosting.")


def test_nothing_is_called_white_space_without_a_competitor() -> None:
    alone = PlanFacts.model_validate({"product": PRODUCT})
    assert white_space_by_rules(alone).white_space == []
