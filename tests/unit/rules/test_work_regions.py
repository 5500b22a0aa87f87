"""A location and a description tell from where the work may be done, and a description only where it restricts."""

import pytest

from agentic_sales.rules.place_words import place_words
from agentic_sales.rules.work_regions import reach_of_field, reach_of_text, region_words, time_zones_of

WORDS, PLACES = region_words.own, place_words()


@pytest.mark.parametrize(
    ("location", "regions"),
    [
        ("Remote (US only)", ["US"]),
        ("Remote in the United Kingdom", ["GB"]),
        ("Remote, The Netherlands", ["NL"]),
        ("Remote - Worldwide", ["worldwide"]),
        ("Anywhere in EMEA", ["EMEA"]),
        ("Remote - New York, Washington, Texas", ["US-NY", "US-TX", "US-WA"]),
        ("Remote (CA, NY, WA)", ["US-CA", "US-NY", "US-WA"]),
        ("New York, NY", ["US"]),
        ("Vancouver, BC", ["CA"]),
        ("Ontario, Canada (Remote)", ["CA-ON"]),
        ("San Francisco Bay Area (Remote)", ["US"]),
        ("Berlin or remote (EU)", ["EU"]),
        ("London, UK / Remote", ["GB"]),
        ("Remote Germany/Austria", ["AT", "DE"]),
        ("Remote-USA", ["US"]),
        ("Remote (ET timezone)", []),
        ("Remote - Georgia", []),
        ("Remote", []),
    ],
)
def test_a_location_names_the_regions_from_which_people_work(location: str, regions: list[str]) -> None:
    assert sorted(reach_of_field(location, WORDS, PLACES).regions) == regions


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("You need to live in Texas, Florida or New York.", ["US-FL", "US-NY", "US-TX"]),
        ("We can only hire in the US, Canada and the UK.", ["CA", "GB", "US"]),
        ("Must have US work authorization.", ["US"]),
        ("US-based candidates only.", ["US"]),
        ("You'll be based anywhere in Europe.", ["Europe"]),
        ("Wohnsitz in Deutschland erforderlich.", ["DE"]),
        ("Location: Remote (Germany, Netherlands)", ["DE", "NL"]),
        ("You work in Python and Go.", []),
        ("We have offices in Berlin and Paris and customers worldwide.", []),
        ("There is no need to be based in London.", []),
        ("You will work from our Paris office.", []),
    ],
)
def test_a_description_is_read_only_where_it_restricts(text: str, regions: list[str]) -> None:
    assert sorted(reach_of_text(text, WORDS, PLACES).regions) == regions


def test_what_a_text_excludes_is_told_apart() -> None:
    reach = reach_of_text("Unfortunately we cannot hire in California or Colorado.", WORDS, PLACES)
    assert (reach.regions, sorted(reach.excluded)) == ((), ["US-CA", "US-CO"])
    reach = reach_of_field("Remote, US (excluding Alaska)", WORDS, PLACES)
    assert (list(reach.regions), list(reach.excluded)) == (["US"], ["US-AK"])


def test_a_time_zone_counts_only_where_work_is_bound_to_it() -> None:
    assert time_zones_of("Time zone: GMT-1 to GMT+3 only.", WORDS) == ["GMT-1 to GMT+3"]
    assert time_zones_of("You overlap four hours with Eastern Time.", WORDS) == ["Eastern Time"]
    assert time_zones_of("We love eastern food.", WORDS) == []
