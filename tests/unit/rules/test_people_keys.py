"""How a person without a checked address is recognised."""

import pytest

from agentic_sales.rules.people_keys import employed_key, person_name_key, profile_of


@pytest.mark.parametrize(
    ("url", "profile"),
    [
        ("https://www.GitHub.com/Ada/?tab=repositories#top", "github.com/ada"),
        ("github.com/ada", "github.com/ada"),
        ("http://orcid.org/0000-0001-2345-6789", "orcid.org/0000-0001-2345-6789"),
        ("https://github.com/", None),
        ("ada", None),
        ("https://[", None),
        ("", None),
    ],
)
def test_a_profile_has_one_form_and_needs_a_path(url: str, profile: str | None) -> None:
    assert profile_of(url) == profile


@pytest.mark.parametrize("name", ["Dr. Ada M. Lovelace", "LOVELACE, Ada", "Ada Lovelace, PhD", "  ada   lovelace "])
def test_titles_order_and_further_names_do_not_count(name: str) -> None:
    assert person_name_key(name) == "ada lovelace"


def test_one_name_in_two_companies_is_two_keys() -> None:
    assert employed_key("Ada Lovelace", "a") != employed_key("Ada Lovelace", "b")
    assert employed_key("Zoë Ålund", "a") == employed_key("Zoe Alund", "a")
