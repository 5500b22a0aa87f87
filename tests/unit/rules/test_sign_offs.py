"""What stands below an answer and is no part of it."""

import pytest

from agentic_sales.rules.sign_offs import unsigned_words, without_notices


@pytest.mark.parametrize(
    "line",
    [
        "Best regards,",
        "Mit freundlichen Gr\u00fc\u00dfen",
        "Cordialement",
        "Saludos",
        "MfG",
        "Thanks,",
        "よろしくお願いします。",
    ],
)
def test_a_signature_below_a_sign_off_is_cut(line: str) -> None:
    assert unsigned_words(f"Not for us.\n\n{line}\nJo\nBook a call: https://x.example").strip() == "Not for us."


def test_a_word_of_thanks_above_a_sentence_is_no_sign_off() -> None:
    text = "Hi Ann,\n\nThanks!\n\nWe would love to see a demo."
    assert unsigned_words(text) == text


def test_a_postscript_is_kept() -> None:
    assert unsigned_words("No thanks.\nCheers\nJo\nPS: stop writing to me").endswith("PS: stop writing to me")


@pytest.mark.parametrize(
    "notice",
    [
        "If you are not the intended recipient, please notify the sender and delete this message.",
        "Wenn Sie diese E-Mail irrt\u00fcmlich erhalten haben, l\u00f6schen Sie sie bitte.",
        "Si lo ha recibido por error, por favor elim\u00ednelo.",
        "If you no longer wish to receive our newsletter, unsubscribe here.",
    ],
)
def test_a_notice_of_their_firm_is_not_their_wish(notice: str) -> None:
    assert without_notices(f"Tell me more.\n\n{notice}") == "Tell me more."
    assert without_notices(notice) == notice
