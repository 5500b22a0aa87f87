"""Whom an answer names in the writer's place, in several languages."""

# ruff: noqa: RUF001 - brackets and commas of Chinese and Japanese

import pytest

from agentic_sales.rules.referrals import MOST, Referral, referrals_in

NAMED = {
    "Please write to my colleague Jane, jane@x.com.": ("Jane", "jane@x.com"),
    "I'm not the right person. Jane Doe (jane.doe@x.com) handles this.": ("Jane Doe", "jane.doe@x.com"),
    "Hi Ann, please reach out to Jane Doe at jane@x.com instead.": ("Jane Doe", "jane@x.com"),
    "My colleague\nJane Doe\njane@x.com\nhandles this": ("Jane Doe", "jane@x.com"),
    "Not for me, but talk to my boss, Dr. Jane Doe: <jane@x.com>": ("Jane Doe", "jane@x.com"),
    "You want Sam Example for this, he runs the lab.": ("Sam Example", ""),
    "Thanks! Please send the offer to purchasing@x.com.": ("", "purchasing@x.com"),
    "I left the company. Please contact Jane Doe.\n\nBest,\nBob Smith\nbob@x.com": ("Jane Doe", ""),
    "Bitte wenden Sie sich an meine Kollegin Frau Petra Schmidt (ps@x.de).": ("Petra Schmidt", "ps@x.de"),
    "Zuständig ist Herr Müller, mueller@x.de": ("Müller", "mueller@x.de"),
    "Dafür bin ich nicht der richtige Ansprechpartner. Bitte an einkauf@x.de.": ("", "einkauf@x.de"),
    "Je ne suis pas la bonne personne, contactez ma collègue Marie Dupont : md@x.fr": ("Marie Dupont", "md@x.fr"),
    "No soy la persona indicada, escriba a mi compañero Luis García (luis@x.es)": ("Luis García", "luis@x.es"),
    "Non sono la persona giusta, scriva a Marco Rossi marco@x.it": ("Marco Rossi", "marco@x.it"),
    "Ik ben niet de juiste persoon, mail mijn collega Jan de Vries: jan@x.nl": ("Jan de Vries", "jan@x.nl"),
    "Nie jestem właściwą osobą. Proszę o kontakt z panią Nowak: anna@x.pl": ("Nowak", "anna@x.pl"),
    "Não sou a pessoa certa, fale com a minha colega Ana Silva (ana@x.pt)": ("Ana Silva", "ana@x.pt"),
    "Jag är inte rätt person, kontakta min kollega Anna Svensson, as@x.se": ("Anna Svensson", "as@x.se"),
    "Jeg er ikke den rette, kontakt min kollega Lars Holm på lars@x.dk": ("Lars Holm", "lars@x.dk"),
    "Nejsem správná osoba, obraťte se na kolegyni Danu Malou, dana@x.cz": ("Danu Malou", "dana@x.cz"),
    "担当ではございません。田中（tanaka@x.co.jp）までご連絡ください。": ("田中", "tanaka@x.co.jp"),
    "我不负责，请联系王芳（wang@x.cn）": ("王芳", "wang@x.cn"),
    "Это не ко мне, напишите Ивану Петрову: ivan@x.ru": ("Ивану Петрову", "ivan@x.ru"),
}
POSTS = {
    "Please contact our CTO": "CTO",
    "Forwarding to our procurement team.": "procurement team",
    "Bitte wenden Sie sich an unsere Geschäftsführung.": "Geschäftsführung",
}
NOBODY = (
    "Not interested.",
    "Wrong person.",
    "Sounds great, call me on Monday. I will ask my boss Jane Doe.",
    "You can reach me at my private address jo@home.example.",
    "Meine neue Adresse ist jo@home.example, schreiben Sie mir bitte dorthin.",
    "Could you send me the pricing?",
    "Thanks for writing.\n\nBest regards,\nJo Example\njo@x.com",
    "Please don't contact us again.",
)


@pytest.mark.parametrize(("text", "expected"), NAMED.items())
def test_the_named_person_is_read_with_the_address(text: str, expected: tuple[str, str]) -> None:
    assert [(found.name, found.email) for found in referrals_in(text)] == [expected]


@pytest.mark.parametrize(("text", "role"), POSTS.items())
def test_a_post_is_read_where_nobody_is_named(text: str, role: str) -> None:
    assert [(found.name, found.email, found.role) for found in referrals_in(text)] == [("", "", role)]


@pytest.mark.parametrize("text", NOBODY)
def test_an_answer_that_names_nobody_suggests_nobody(text: str) -> None:
    assert referrals_in(text) == []


def test_two_people_with_addresses_are_two() -> None:
    found = referrals_in("Wrong person, contact Jane <jane@x.com> and Bob <bob@x.com>.")
    assert [(each.name, each.email) for each in found] == [("Jane", "jane@x.com"), ("Bob", "bob@x.com")]


def test_the_writer_and_we_ourselves_are_nobody_else() -> None:
    text = "Please contact my colleague, not me (jo@x.com). You wrote from ann@acme.example."
    assert referrals_in(text, known=("Jo@x.com", "ann@acme.example")) == []


def test_a_list_of_addresses_is_no_referral() -> None:
    many = ", ".join(f"person{n}@x.com" for n in range(MOST + 1))
    assert referrals_in(f"Please contact {many}.") == []


def test_the_sentence_that_names_the_person_is_kept() -> None:
    assert referrals_in("Hello. Please ask Jane Doe. Bye!") == [Referral("Jane Doe", "", "", "Please ask Jane Doe.")]
