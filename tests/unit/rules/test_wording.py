"""What mails say, told by words."""

import pytest

from agentic_sales.rules.wording import quotable, signature_of


def test_a_sentence_with_a_link_or_a_note_to_oneself_is_not_quoted() -> None:
    text = "See https://x.example for all of it. Their budget is 5,000 dollars. We test every firmware by hand."
    assert quotable(text) == "We test every firmware by hand."


@pytest.mark.parametrize(
    ("signature", "sender_name", "end"),
    [("", "Ada", "Thanks,\nAda"), ("", "", "Thanks"), ("Yours\nA. E.\n", "Ada", "Yours\nA. E.")],
)
def test_a_mail_ends_as_given_or_with_the_senders_name(signature: str, sender_name: str, end: str) -> None:
    assert signature_of(signature, sender_name) == end
