"""Who is away, and until when."""

from datetime import date

import pytest

from agentic_sales.rules.absences import back_on, by_subject
from agentic_sales.rules.replies import Letter, meaning_of

CAME_ON = date(2026, 3, 2)


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Hello",
        "[External] Automatic reply: Hello",
        "[EXT] Re: AW: Abwesenheitsnotiz",
        "***SPAM*** Réponse automatique : Bonjour",
        "CAUTION: Respuesta automática: Hola",
        "自動返信: こんにちは",
        "Automatyczna odpowiedź: Cześć",
    ],
)
def test_a_subject_of_an_automatic_answer_is_known_behind_the_marks_of_gateways(subject: str) -> None:
    assert by_subject(subject)


@pytest.mark.parametrize("subject", ["Re: Automatic replies in your CRM", "Your automatic door", ""])
def test_a_subject_about_answers_is_none(subject: str) -> None:
    assert by_subject(subject) is None


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("I am out of office until 14 March 2026.", date(2026, 3, 14)),
        ("I am on vacation from March 3rd to March 20th.", date(2026, 3, 20)),
        ("Out of office until 2026-04-01.", date(2026, 4, 1)),
        ("Out of office until January 5.", date(2027, 1, 5)),
        ("Out of office since 1 February 2026.", None),
        ("Out of office until 31 June.", None),
        ("Out of office until 03/04.", None),
        ("Out of office until 25/03.", date(2026, 3, 25)),
        ("I am away until 20 March, back on 23 March. The fair on 5 May is next.", date(2026, 3, 23)),
        ("Ich bin bis einschließlich 6.3. im Urlaub.", date(2026, 3, 7)),
        ("Ab dem 9.3. bin ich wieder erreichbar.", date(2026, 3, 9)),
        ("Sono in ferie, rientro lunedì.", date(2026, 3, 9)),
        ("Je serai de retour le 1er avril.", date(2026, 4, 1)),
        ("Afwezig t/m 12 maart.", date(2026, 3, 13)),
        ("Wracam 16 marca.", date(2026, 3, 16)),
        ("Volto no dia 10/3.", date(2026, 3, 10)),
        ("Jag är tillbaka den 9 mars.", date(2026, 3, 9)),
        ("3月9日から出社いたします。", date(2026, 3, 9)),
        ("Вернусь 10 марта.", date(2026, 3, 10)),
        ("Back on the 9th.", date(2026, 3, 9)),
        ("Away for two weeks.", date(2026, 3, 16)),
        ("Urlaub 2.3.-13.3.", date(2026, 3, 13)),
        ("Ich bin am 9. wieder im Büro.", date(2026, 3, 9)),
        ("Nicht im Büro bis KW 12.", date(2026, 3, 16)),
        ("Je suis en vacances jusqu'au lundi 9.", date(2026, 3, 9)),
        ("3/9(月)まで不在です。", date(2026, 3, 9)),
        ("Out until 03-25-2026.", date(2026, 3, 25)),
        ("Out of office 24/7 support is at the desk, 2.5 hours a day.", None),
    ],
)
def test_the_day_of_return_is_read_where_it_is_sure(text: str, until: date | None) -> None:
    assert back_on(text, CAME_ON) == until


def read(text: str, subject: str = "Re: Hello", *, is_automatic: bool = False) -> tuple[str, date | None]:
    letter = Letter(text, subject, "Jo <jo@example.com>", is_automatic, CAME_ON)
    meaning = meaning_of(letter)
    return meaning.reply_class, meaning.until


def test_an_answer_counts_before_the_absence_beside_it() -> None:
    text = "Yes, send me the price list.\n\nI am on leave until 9 March. For urgent matters please call the desk."
    assert read(text) == ("interested", date(2026, 3, 9))


def test_an_absence_note_is_none_of_the_answers_that_its_courtesies_sound_like() -> None:
    text = "Thank you for your mail. I am out of the office. Please contact Sam, who will be happy to help you."
    assert read(text) == ("out_of_office", None)


def test_a_note_about_unsubscribing_from_something_of_theirs_is_an_absence() -> None:
    text = "I am on parental leave. If you want to unsubscribe from my reminders, write to my assistant."
    assert read(text, is_automatic=True)[0] == "out_of_office"
    assert read(text, "Automatic reply: Hello")[0] == "out_of_office"


def test_an_opt_out_in_an_automatic_answer_counts() -> None:
    text = "This mailbox takes no advertising. Remove this address from your list."
    assert read(text, is_automatic=True)[0] == "unsubscribe"


def test_who_has_left_is_not_away() -> None:
    assert read("Jo has left the company. Please write to Sam.", is_automatic=True)[0] == "other"
