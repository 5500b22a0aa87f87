"""What an e-mail address alone says of its mailbox."""

import pytest

from agentic_sales.rules.mailbox_signs import is_free, is_reserved, is_shared, is_throw_away, meant_domain


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("outlok.com", "outlook.com"),
        ("iclod.com", "icloud.com"),
        ("acme.con", "acme.com"),
        ("acme.vom", "acme.com"),
        ("acme.ney", "acme.net"),
    ],
)
def test_a_slip_in_a_domain_is_mended(domain: str, meant: str) -> None:
    assert meant_domain(domain) == meant


@pytest.mark.parametrize(
    "domain",
    [
        *("gmail.com", "mail.com", "ymail.com", "googlemail.com", "yahoo.de", "hotmail.be", "gmx.fr"),
        *("acme.com", "acme.co", "acme.co.uk", "acme.io", "acme.coop", "emberloom.example", "printer.local"),
    ],
)
def test_a_domain_that_is_another_one_is_left_as_it_is(domain: str) -> None:
    assert meant_domain(domain) is None


@pytest.mark.parametrize(
    "local",
    [
        "info",
        "Info",
        "sales",
        "sales.emea",
        "support-de",
        "hr",
        "kontakt",
        "contact",
        "jobs2",
        "buchhaltung",
        "hola",
        "office",
    ],
)
def test_a_post_or_a_department_is_shared(local: str) -> None:
    assert is_shared(local)


@pytest.mark.parametrize(
    "local",
    ["ada", "ada.lovelace", "a.lovelace", "c.info", "c", "m", "jo", "mark", "art.dubois", "will.sales", "infora"],
)
def test_a_persons_name_is_not_shared(local: str) -> None:
    assert not is_shared(local)


def test_a_throw_away_domain_is_no_free_provider_also_below_it() -> None:
    assert (is_throw_away("mailinator.com"), is_free("mailinator.com")) == (True, False)
    assert is_throw_away("eu.mailinator.com")
    assert (is_throw_away("gmail.com"), is_free("gmail.com"), is_free("acme.com")) == (False, True, False)


@pytest.mark.parametrize("domain", ["acme.example", "example.com", "mail.example.org", "test"])
def test_names_of_examples_belong_to_nobody(domain: str) -> None:
    assert is_reserved(domain)


def test_a_name_that_only_ends_like_one_of_them_belongs_to_somebody() -> None:
    assert not is_reserved("myexample.com")
