"""One company in the spellings of many sources, and what its site is."""
# ruff: noqa: RUF001 - names in their own script

import socket

import pytest

from agentic_sales.rules.company_identity import Firm, name_key, site_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme GmbH", "ACME"),
        ("ACME, Inc.", "Acme Inc"),
        ("Acme GmbH & Co. KG", "acme"),
        ("Acme Co., Ltd.", "Acme"),
        ("Acme UG (haftungsbeschränkt)", "Acme"),
        ("Ácme S.à r.l.", "Acme"),
        ("Foo & Bar LLC", "Foo and Bar"),
        ("Acme® (Germany)", "Acme"),
        ("ООО Ромашка", "Ромашка"),
        ("株式会社サンプル", "サンプル株式会社"),
    ],
)
def test_spellings_of_one_name_have_one_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other) != ""


@pytest.mark.parametrize(("one", "other"), [("Acme Holding AG", "Acme AG"), ("AG Barr plc", "Barr"), ("A1", "A2")])
def test_names_of_different_companies_stay_different(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize("name", ["Limited", "Company", "GmbH"])
def test_a_name_of_legal_forms_alone_keeps_its_words(name: str) -> None:
    assert name_key(name) == name.lower()


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("https://jobs.acme.co.uk/x?y=1", "acme.co.uk"),
        ("WWW.Acme.De.", "acme.de"),
        ("acme.github.io", "acme.github.io"),
        ("sub.acme.example", "acme.example"),
        ("https://bücher.de/a", "xn--bcher-kva.de"),
        ("github.io", None),
        ("https://www.linkedin.com/in/jo", None),
        ("acme", None),
        ("", None),
    ],
)
def test_a_site_is_its_registrable_domain_and_no_page_that_everybody_has(text: str, site: str | None) -> None:
    assert site_of(text) == site


def test_the_domain_is_the_key_and_else_the_bare_name() -> None:
    assert Firm("Acme GmbH", "https://www.acme.de").key == "acme.de"
    assert Firm("Acme GmbH", "https://linkedin.com/company/acme").key == "acme"
    assert Firm("", None).key == ""


def test_a_domain_is_told_without_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the network was used")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert site_of("https://shop.never-seen-before.com.au") == "never-seen-before.com.au"
