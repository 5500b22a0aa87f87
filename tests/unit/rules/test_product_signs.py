"""The words of an offer tell its buyers, their pains and how it is sold; what they deny tells nothing."""

import pytest

from agentic_sales.rules import product_signs as signs


def said(text: str) -> list[signs.Said]:
    """Return the sentences of a text."""
    return signs.all_said({"page": text})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Built for independent pharmacies in Spain.", ["independent pharmacies"]),
        ("A CRM for recruiters at staffing agencies.", ["recruiters", "staffing agencies"]),
        ("List building for B2B SDR teams.", ["B2B SDR teams"]),
        ("Companies use it to pay and manage their businesses.", []),
        ("Used by 300 agencies.", []),
        ("Not built for brokers.", []),
        ("For everyone.", []),
        ("Storage for papers and servers.", []),
    ],
)
def test_an_audience_is_who_an_offer_says_it_is_for(text: str, names: list[str]) -> None:
    assert [sign.name for sign in signs.audiences(said(text))] == names


@pytest.mark.parametrize(
    ("text", "is_outcome"),
    [
        ("It cuts alert fatigue.", True),
        ("Nurses lose hours on manual checks.", False),
        ("Nurses lose hours; it drafts the notes.", True),
    ],
)
def test_what_people_suffer_is_no_outcome(text: str, *, is_outcome: bool) -> None:
    assert bool(signs.outcomes(said(text))) is is_outcome


@pytest.mark.parametrize(
    ("text", "motions"),
    [
        ("Free trial for 14 days.", {"a free start"}),
        ("No free trial.", set()),
        ("Book a demo.", {"a sales call"}),
        ("Join our Discord.", {"a community"}),
    ],
)
def test_how_an_offer_is_sold_is_told_by_its_words(text: str, motions: set[str]) -> None:
    assert set(signs.motions(said(text))) == motions


@pytest.mark.parametrize(
    ("text", "severity"),
    [("Requires a Linux host.", "high"), ("Minimum 50 seats.", "medium"), ("No API.", "low"), ("It is fast.", None)],
)
def test_a_condition_has_a_severity(text: str, severity: str | None) -> None:
    assert next((level for level, _ in signs.needs(said(text))), None) == severity
