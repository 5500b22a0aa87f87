"""Lines that mail programs add go; a person's line that begins or ends like one stays."""

import pytest

from agentic_sales.rules.quotes import own_words

ADDED = [
    "Sent from my iPhone",
    "Sendt fra min Galaxy",
    "Skickat från Outlook för iOS",
    "Skaff deg Outlook for Android",
    "Verstuurd vanuit Mail voor Windows",
    "Wysłane z iPhone'a",
    "Uzyskaj aplikację Outlook dla systemu Android",
    "Odesláno z mého iPhonu",
    "Získat Outlook pro iOS",
    "Yahoo!メール - スマートフォンから送信",
    "Inviato dal mio Galaxy",
    "Enviado do Outlook para iOS",
    "Lähetetty iPhonesta",
    "Az iPhone készülékemről küldve",
    "从我的 iPhone 发送",
    "Отправлено из мобильной Почты Mail",
    "iPhone'umdan gönderildi",
    "Get Outlook for iOS<https://aka.ms/o0ukef>",
]
WRITTEN = [
    "Von meiner Seite besteht kein Interesse. Bitte keine weiteren Mails.",
    "Ich habe alles von meinem Handy gesendet",
    "Sent via DHL we pay less",
    "Sent from my phone please unsubscribe me",
    "Get Outlook invites to me for Tuesday, and one for Jo",
    "Wysłane z opóźnieniem, przepraszam",
    "Отправлено с опозданием, извините",  # noqa: RUF001 - Cyrillic
    "Lähetetty tarjous ei sovi meille",
    "从手机上看不到附件，请重新发送",  # noqa: RUF001 - a Chinese comma
    "Få mig fjernet fra listen",
    "Hämta oss gärna vid stationen",
]


@pytest.mark.parametrize("line", ADDED)
def test_a_line_that_names_a_device_or_a_mail_program_is_not_the_writers(line: str) -> None:
    assert own_words(f"Yes.\n\n{line}") == "Yes."


@pytest.mark.parametrize("line", WRITTEN)
def test_a_sentence_that_only_begins_or_ends_so_is_the_writers(line: str) -> None:
    assert own_words(line) == line


def test_what_follows_the_sentence_of_a_mail_program_is_the_writers() -> None:
    assert own_words("Wysłane z telefonu: tak, proszę o ofertę.") == "tak, proszę o ofertę."
    assert own_words("Fine.\nSent from my Galaxy. Please excuse typos.") == "Fine."
