"""What mails say, told by words."""

import pytest

from agentic_sales.rules.wording import newest_text, opt_out, quotable, signature_of

OPT_OUTS = [
    "unsubscribe",
    "Please remove me from your list.",
    "STOP EMAILING ME",
    "Don\u2019t contact me again, or I report you as spam.",
    "I do not wish to receive these.",
    "Not interested. Take us off this list.",
    "Leave me alone!",
    "Bitte keine weiteren E-Mails.",
    "Merci de me désinscrire.",
]
NO_OPT_OUTS = [
    "Not interested.",
    "Don't write to me before March.",
    "Do not contact us until the budget is through.",
    "We opt for another tool.",
    "I'd stop by your booth.",
]


@pytest.mark.parametrize("email", OPT_OUTS)
def test_who_asks_to_be_left_alone_is_understood(email: str) -> None:
    assert opt_out(email)


@pytest.mark.parametrize("email", NO_OPT_OUTS)
def test_who_says_only_no_or_later_is_not_taken_for_one(email: str) -> None:
    assert opt_out(email) is None


@pytest.mark.parametrize(
    "history",
    [
        "> Shall we call? To unsubscribe answer STOP.",
        "On Mon, 2 Mar 2026 at 09:00, Ada Example <ada@example.com> wrote:\nunsubscribe here",
        "Am 02.03.2026 um 09:00 schrieb Ada Example:\n> abmelden",
        "-----Original Message-----\nunsubscribe",
        "From: Ada Example <ada@example.com>\nSent: Monday\nunsubscribe",
        "________________________________\nunsubscribe",
        "Am 02.03.2026 um 09:00 schrieb Ada Example:\r\nabmelden",
        "*From:* Ada Example\n*Sent:* Monday\nunsubscribe",
        "De : Ada Example\nEnvoyé : lundi\nunsubscribe",
    ],
)
def test_headers_and_quoted_history_are_not_the_message(history: str) -> None:
    email = f"Subject: Hello\nFrom: b@x.example\n\nNo need.\n\n{history}\nAre you free for a call?"
    assert newest_text(email) == "No need."
    assert opt_out(email) is None


def test_an_answer_below_the_quote_is_read_whole() -> None:
    body = "> Would a call be useful?\n\nYes, sounds good."
    assert newest_text(body) == body


def test_a_sentence_with_a_link_or_a_note_to_oneself_is_not_quoted() -> None:
    text = "See https://x.example for all of it. Their budget is 5,000 dollars. We test every firmware by hand."
    assert quotable(text) == "We test every firmware by hand."


@pytest.mark.parametrize(
    ("signature", "sender_name", "end"),
    [("", "Ada", "Thanks,\nAda"), ("", "", "Thanks"), ("Yours\nA. E.\n", "Ada", "Yours\nA. E.")],
)
def test_a_mail_ends_as_given_or_with_the_senders_name(signature: str, sender_name: str, end: str) -> None:
    assert signature_of(signature, sender_name) == end
