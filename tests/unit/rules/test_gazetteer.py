import pytest

from agentic_sales.checks.gazetteer import render_gazetteer
from agentic_sales.rules.gazetteer import FILE, TOWN, country_name, fold, is_country, meanings_of_code, meanings_of_name
from agentic_sales.rules.place_words import place_words


def likeliest(meanings: object) -> str:
    assert isinstance(meanings, dict)
    return str(max(meanings, key=lambda place: meanings[place])).removesuffix(TOWN)


@pytest.mark.parametrize(
    ("written", "folded"),
    [("São Paulo", "sao paulo"), ("U.S.A.", "usa"), ("Île-de-France", "ile de france"), ("  Köln ", "koln"), ("-", "")],
)
def test_spellings_of_a_name_fold_to_one(written: str, folded: str) -> None:
    assert fold(written) == folded


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("Germany", "DE"),
        ("Deutschland", "DE"),
        ("Alemania", "DE"),
        ("Brasil", "BR"),
        ("Česko", "CZ"),
        ("South Korea", "KR"),
        ("Côte d\u2019Ivoire", "CI"),
        ("Texas", "US-TX"),
        ("Bayern", "DE-BY"),
        ("Catalunya", "ES-CT"),
        ("Cataluña", "ES-CT"),
        ("London", "GB"),
        ("Cologne", "DE"),
        ("東京", "JP"),
        ("NYC", "US-NY"),
    ],
)
def test_a_name_is_known_in_english_in_its_own_language_and_by_its_nickname(name: str, place: str) -> None:
    assert likeliest(place_words().of_name(name)) == place


@pytest.mark.parametrize("name", ["Luxembourg", "Niger", "Jersey", "Mexico", "Lebanon", "Pitcairn"])
def test_the_name_of_a_country_means_the_country_whatever_else_has_it(name: str) -> None:
    meanings = meanings_of_name(name)
    assert len(likeliest(meanings)) == 2
    assert max(meanings.values()) > 0.9


def test_the_larger_city_is_the_likelier_one() -> None:
    assert meanings_of_name("Birmingham")["GB."] > meanings_of_name("Birmingham")["US-AL."] > 0


@pytest.mark.parametrize("name", ["London", "Texas", "Germany", "NYC", "Georgia"])
def test_no_name_is_so_sure_that_an_unlisted_place_is_out_of_the_question(name: str) -> None:
    assert 0.9 < sum(place_words().of_name(name).values()) < 1


@pytest.mark.parametrize("name", ["", " ", "remote", "office", "no such place"])
def test_words_that_are_no_name_mean_nothing(name: str) -> None:
    assert meanings_of_name(name) == {}


def test_a_code_can_mean_a_country_and_a_state() -> None:
    assert meanings_of_code("de")["DE"] == meanings_of_code("DE")["US-DE"]
    assert set(meanings_of_code("TX")) == {"US-TX"}
    assert likeliest(meanings_of_code("DEU")) == "DE"
    assert likeliest(meanings_of_code("NSW")) == "AU-NSW"
    assert meanings_of_code("Q?") == {}


def test_only_iso_3166_makes_a_country() -> None:
    assert [code for code in ("DE", "AQ", "XK", "UK", "de", "") if is_country(code)] == ["DE", "AQ"]


def test_a_country_has_the_name_that_people_use() -> None:
    assert [country_name(code) for code in ("GB", "BO", "XX")] == ["United Kingdom", "Bolivia", "XX"]


def test_the_first_and_the_last_line_are_found_and_what_would_stand_before_and_behind_is_not() -> None:
    keys = [line.partition("\t")[0] for line in FILE.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert keys == sorted(keys, key=str.encode)
    first, last = (key for key in (keys[0], keys[-1]))
    assert all(meanings_of_name(key) or meanings_of_code(key.removeprefix("=")) for key in (first, last))
    assert meanings_of_name("\U0010ffff") == meanings_of_name("!") == {}


def test_the_gazetteer_names_the_source_and_the_licence_of_its_facts() -> None:
    head = FILE.read_text("utf-8")[:500]
    assert all(word in head for word in ("GeoNames", "CC BY 4.0", "iso-codes", "LGPL-2.1"))


def test_the_gazetteer_is_what_its_generator_writes() -> None:
    assert render_gazetteer() == FILE.read_text("utf-8"), "run `agentic-sales gen`"
