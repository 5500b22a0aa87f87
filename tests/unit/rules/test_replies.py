"""What an answer wants, in words that the labelled sets do not hold."""

from datetime import date

import pytest

from agentic_sales.rules.replies import Letter, Meaning, meaning_of

ANSWERS = {
    "Thanks, sounds interesting. Could you send me some times next week?": "interested",
    "How much does it cost for 20 seats?": "interested",
    "We're interested, let's talk.": "interested",
    "We already have a tool, but it is bad. Show me yours.": "interested",
    "Bad timing this week, but can we talk on Monday?": "interested",
    "Klingt gut, ich höre gerne mehr.": "interested",
    "Not now, please get back to me in Q3.": "not_now",
    "This isn't a good time for us. Reach out again next quarter.": "not_now",
    "Not interested right now, try me again in May.": "not_now",
    "No budget left this year. Let's talk in 2027.": "not_now",
    "Sounds good, but we are all set.": "not_interested",
    "Not interested.": "not_interested",
    "No thanks, we already have a tool for that.": "not_interested",
    "Kein Interesse.": "not_interested",
    "Don't contact me again, or I report you as spam.": "unsubscribe",
    "Sounds good. Just kidding, stop writing to me.": "unsubscribe",
    "I am out of the office until 14 March 2026.": "out_of_office",
    "You want Sam Example for this, he runs the lab.": "other",
    "Who is this?": "other",
    "Thanks!": "other",
}


def read(text: str, **told: str) -> Meaning:
    return meaning_of(Letter(text, told.get("subject", ""), told.get("sender", ""), False, date(2026, 3, 2)))


@pytest.mark.parametrize(("text", "expected"), ANSWERS.items())
def test_an_answer_is_told_by_its_words(text: str, expected: str) -> None:
    assert read(text).reply_class == expected


def test_a_bounce_is_believed_of_a_mail_server_alone() -> None:
    text, subject = "Delivery has failed to these recipients.", "Undeliverable: hello"
    assert read(text, subject=subject, sender="MAILER-DAEMON@mx.example").reply_class == "bounced"
    assert read(text, subject=subject, sender="grace@example.com").reply_class != "bounced"


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("Ping me again in three weeks.", date(2026, 3, 23)),
        ("Bitte melden Sie sich nach dem 15. April noch einmal.", date(2026, 4, 15)),
        ("Circle back in June?", date(2026, 6, 1)),
        ("来年の4月頃にまたご連絡ください。", date(2027, 4, 1)),
    ],
)
def test_the_day_to_come_back_on_is_read(text: str, until: date) -> None:
    assert read(text).until == until


def test_a_doubtful_opt_out_keeps_its_class_and_says_so() -> None:
    meaning = read("I never signed up for this. What does it cost?")
    assert (meaning.reply_class, meaning.is_doubtful) == ("interested", True)
