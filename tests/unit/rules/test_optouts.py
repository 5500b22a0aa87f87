"""Who asks to be left alone, in words that the labelled sets do not hold."""

import time

import pytest

from agentic_sales.rules.optouts import opt_out, words_of

PLAIN = [
    "plz remvoe me from ur list", "S T O P", "🛑", "stop pls 🙏", "I object under Art. 21(2) GDPR to direct marketing.",
    "हमें ईमेल मत भेजो", "หยุดส่งอีเมล", "הסר", "إلغاء الاشتراك", "Leiratkozás", "Διαγραφή", "Odjavite me",
    "unsubscribe", "Please remove me from your list.", "STOP EMAILING ME", "I do not wish to receive these.",
    "Don\u2019t contact me again, or I report you as spam.",
    "Not interested. Take us off this list.", "Leave me alone!",
    "please stop", "Enough.", "How do I unsubscribe from this?", "Your unsubscribe link does not work.",
    "We would like not to be contacted again.", "Consider yourself blocked.", "No more mails.",
    "Bitte keine weiteren E-Mails.", "Bitte loeschen Sie meine Adresse", "Hört auf, mir zu schreiben!",
    "Ich untersage Ihnen die weitere Kontaktaufnahme.", "Merci de me désinscrire.", "Arretez vos mails svp",
    "Je souhaite ne plus être contacté", "Ruego me den de baja", "No vuelvan a contactarme", "Déjenme en paz",
    "Chiedo la cancellazione dei miei dati", "Si prega di non inviare più email", "Wilt u mij niet meer benaderen?",
    "Geen mails meer aub", "Nie życzę sobie takich maili", "Prosze nie przysylac wiecej maili",
    "Solicito a remoção do meu e-mail", "Chega de emails", "Kontakta mig inte igen", "Jag undanber mig fler mejl",
    "今後、営業メールはご遠慮ください", "二度と連絡しないでください",
    "Больше не присылайте писем", "请把我从名单中删除",
    "Send mig ikke flere mails", "Ikke kontakt meg igjen", "Älkää lähettäkö enää viestejä", "Už mi nepište",
    "더 이상 메일 보내지 마세요",
    "Beni listeden \u00e7\u0131kar\u0131n",
]  # fmt: skip
NONE = [
    "Please don't stop writing!", "I unsubscribed from your competitor.", "Don't hesitate to write to me.",
    "Довольно интересно, пришлите цены.", "Ta oss med i piloten.",
    "Löschen Sie Daten nach 30 Tagen automatisch?", "Hou me op de hoogte!", "Merci de me contacter demain.",
    "Basta una chiamata.", "อย่าลืมส่งใบเสนอราคา", "Bana teklif göndermenizi rica ederim.",
    "Not interested.", "Don't write to me before March.", "Do not contact us until the budget is through.",
    "We opt for another tool.", "I'd stop by your booth.", "We want to stop sending paper invoices.",
    "Can your tool remove duplicates from our database?", "I'm no longer the contact for this.",
    "I do not have time now, email me again in March.",
    "Don't hesitate to call me.", "We get off the bus at the next stop.",
    "Our newsletter's unsubscribe rate is too high.", "To unsubscribe from our newsletter, click here.",
    "Your mail went into my spam folder, sorry.",
    "Bitte melden Sie sich ab Januar.", "Ich lese derzeit keine E-Mails.",
    "Nous ne travaillons plus avec eux, envoyez-nous votre offre.", "Je n'ai pas reçu vos mails.",
    "Queremos dar de baja a nuestro proveedor actual.",
    "No me interesa, envíe algo a mi colega.", "Non mi interessa più.",
    "Wij stoppen met onze leverancier.", "Nie mogę teraz pisać.", "Jag har inte hunnit, skicka mer info till mig.",
    "もう一度ご連絡ください。", "現在の業者を解約したいです。",
]  # fmt: skip


@pytest.mark.parametrize("text", PLAIN)
def test_plain_words_are_an_opt_out_in_every_language(text: str) -> None:
    found = opt_out(text)
    assert found is not None
    assert found.is_certain


@pytest.mark.parametrize("text", NONE)
def test_the_same_words_in_another_meaning_are_none(text: str) -> None:
    assert opt_out(text) is None


@pytest.mark.parametrize("text", ["", ".", "(empty)", "Thanks\nJo", "Sent by my phone"])
def test_a_subject_that_asks_is_enough_where_the_mail_says_nothing(text: str) -> None:
    found = opt_out(text, "Unsubscribe: 8f3a-22")
    assert found is not None
    assert found.is_certain


@pytest.mark.parametrize(
    "subject", ["Please remove me from your list", "Do not contact me again", "Bitte löschen Sie mich"]
)
def test_a_subject_of_their_own_may_ask_in_any_plain_words(subject: str) -> None:
    assert opt_out("Thanks", subject) is not None
    assert opt_out("Thanks", f"Re: {subject}") is None


def test_a_subject_that_asks_over_a_mail_that_says_something_else_is_doubtful() -> None:
    found = opt_out("Sounds great. Can you show me how that works for forty drivers?", "unsubscribe")
    assert found is not None
    assert not found.is_certain


@pytest.mark.parametrize("subject", ["Re: Unsubscribe rates in retail", "Re: Missed pickups", ""])
def test_a_subject_about_something_else_is_none(subject: str) -> None:
    assert opt_out("", subject) is None


@pytest.mark.parametrize("text", ["I never signed up for this.", "This is unsolicited.", "Where did you get my data?"])
def test_words_that_may_mean_it_are_doubtful(text: str) -> None:
    found = opt_out(text)
    assert found is not None
    assert not found.is_certain


def test_a_person_can_add_words() -> None:
    words = words_of({"plain": {"en": ["talk to the hand"]}})
    assert opt_out("Talk to the hand!", words=words) is not None
    assert opt_out("Talk to the hand!") is None


@pytest.mark.parametrize(
    "part", ["stop ", "please do not ", "unsubscribe from ", "to ", "? ", "ü", "to.", "今後", " ", "\n", ";"]
)
def test_a_text_ten_times_as_long_takes_no_hundredfold_time(part: str) -> None:
    def took(length: int) -> float:
        text = part * (length // len(part))
        start = time.perf_counter()
        opt_out(text)
        return time.perf_counter() - start

    took(1_000)
    assert min(took(50_000) for _ in range(2)) < 40 * max(min(took(5_000) for _ in range(3)), 0.01)
