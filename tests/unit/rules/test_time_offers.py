"""Free times are offered in the language of the reply."""

# ruff: noqa: RUF001 - brackets and commas of Chinese and Japanese

import string
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agentic_sales.rules.languages import language_of
from agentic_sales.rules.tables import table
from agentic_sales.rules.time_offers import offer

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 3, 3, 8, 30, tzinfo=UTC)
"""A Tuesday."""
REPLIES = {
    "en": "Interesting. Could you send me the pricing?",
    "de": "Klingt gut. Was kostet das für 20 Leute, und wann hätten Sie Zeit?",
    "fr": "Bonjour, cela nous intéresse. Quand pouvez-vous nous le montrer ?",
    "es": "Me interesa. ¿Cuánto cuesta y cuándo podríamos hablar?",
    "it": "Ci interessa. Quanto costa, e quando possiamo parlarne?",
    "nl": "Klinkt goed, wat kost het en wanneer kunt u bellen?",
    "pt": "Olá, temos interesse. Quanto custa e quando podemos falar?",
    "pl": "Dzień dobry, ile to kosztuje i kiedy możemy porozmawiać?",
    "sv": "Hej, det låter bra. Vad kostar det, och när kan ni visa det för oss?",
    "da": "Hej, det lyder godt. Hvad koster det, og hvornår kan I vise det for os?",
    "nb": "Hei, det høres bra ut. Hva koster det, og når kan dere vise det til oss?",
    "fi": "Hei, kiitos viestistä. Paljonko se maksaa ja milloin voisitteko esitellä sen?",
    "cs": "Dobrý den, to zní dobře. Kolik to stojí a kdy bychom si mohli zavolat?",
    "hu": "Köszönöm, érdekel. Mennyibe kerül, és mikor tudna felhívni?",
    "tr": "Merhaba, çok ilginç. Fiyatı ne kadar ve ne zaman konuşabiliriz?",
    "ru": "Интересно. Сколько это стоит и когда можно поговорить?",
    "ja": "興味があります。来週お時間はありますか。",
    "zh": "很感兴趣。价格是多少？下周有时间吗？",
    "ko": "관심 있습니다. 가격이 얼마인가요?",
}


@pytest.mark.parametrize(("language", "text"), REPLIES.items())
def test_the_language_of_a_reply_is_told_and_has_its_own_offer(language: str, text: str) -> None:
    assert language_of(text) == language
    assert language in table("time_offers")


@pytest.mark.parametrize("text", ["", "OK", "Ann Example, +49 30 123456", "Qwertz uiop"])
def test_a_text_without_small_words_has_no_certain_language(text: str) -> None:
    assert language_of(text) == ""


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "I have time on Tuesday 3 March, 09:30 (Europe/Berlin time)."),
        ("de", "Zeit habe ich am Dienstag, 3. März, 09:30 Uhr (Zeitzone Europe/Berlin)."),
        ("fr", "Je suis disponible mardi 3 mars à 09:30 (fuseau horaire Europe/Berlin)."),
        ("cs", "Mám čas v úterý 3. března v 09:30 (časové pásmo Europe/Berlin)."),
        ("ja", "次の日時でしたら可能です：3月3日（火）09:30（Europe/Berlin時間）。"),
        ("xx", "I have time on Tuesday 3 March, 09:30 (Europe/Berlin time)."),
    ],
)
def test_a_time_is_offered_as_the_language_writes_it(language: str, expected: str) -> None:
    assert offer([AT], BERLIN, language) == expected


def test_without_free_times_nothing_is_offered() -> None:
    assert offer([], BERLIN, "de") == ""


@pytest.mark.parametrize("language", table("time_offers"))
def test_every_language_names_all_days_and_months_and_all_that_its_sentences_need(language: str) -> None:
    words = table("time_offers")[language]
    assert (len(words["weekdays"]), len(set(words["months"]))) == (7, 12)
    named = [{field for _, field, _, _ in string.Formatter().parse(words[part]) if field} for part in ("offer", "time")]
    assert named == [{"times", "zone"}, {"weekday", "day", "month", "clock"}]
