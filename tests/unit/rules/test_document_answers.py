"""The rules find what documents answer, say no to what they do not, and catch a model that makes things up."""

import pytest

from agentic_sales.campaigns.book.retrieval import by_value, retrieve_passages
from agentic_sales.rules.document_answers import (
    DraftAnswer,
    DraftCitation,
    DraftSentence,
    GivenDocument,
    Passage,
    verified,
)
from agentic_sales.rules.questions import sub_questions

HANDBOOK = GivenDocument(
    name="Employee handbook",
    text="""# Employee handbook of Ostrava Lights

## Leave

Everyone has 28 days of paid vacation a year. Unused days can be carried over until 31 March of the next year.

## Travel

Flights under four hours are booked in economy class. Hotels may cost up to 140 euros a night.

## Contacts

| Role | Name |
| --- | --- |
| Data protection officer | Ilse Brandt |
""",
)
AGREEMENT = GivenDocument(
    name="Harbour Foods agreement",
    text="""# Service agreement with Harbour Foods

## Fees

The annual fee is 48,000 euros, invoiced quarterly. Payment is due within 21 days.

## Term

The agreement begins on 1 July 2024. Either party may terminate it with a notice of 90 days to the end of a year.
""",
)
PASSAGES = [
    Passage(passage_id="1", document="Contract", heading_path=["Term"], text="Either party may end it in 90 days."),
    Passage(passage_id="2", document="Contract", heading_path=["Fees"], text="The fee is 48,000 euros a year."),
]


async def found(question: str) -> list[str]:
    parts = sub_questions(question)
    retrieved = await retrieve_passages(by_value([HANDBOOK, AGREEMENT]), parts, parts, most=8)
    return [support.sentence for support in retrieved.supports]


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("How much vacation do I get?", "28 days"),
        ("What is the hotel budget per night?", "140 euros"),
        ("who is our data protection officer", "Ilse Brandt"),
        ("When did the agreement with Harbour Foods start?", "1 July 2024"),
        ("What does Harbour Foods pay a year?", "48,000 euros"),
        ("How can the contract with Harbour Foods be cancelled?", "90 days"),
    ],
)
async def test_a_question_in_other_words_finds_its_sentence(question: str, says: str) -> None:
    assert any(says in sentence for sentence in await found(question))


@pytest.mark.parametrize(
    "question",
    [
        "How much sick leave do we get?",
        "Who is the head of human resources?",
        "Who signed the Harbour Foods agreement?",
        "What is the phone number of Ilse Brandt?",
        "Which bank account must Harbour Foods pay to?",
        "What does Pennygale pay a year?",
        "What is the capital of Australia?",
    ],
)
async def test_a_question_that_no_document_answers_finds_no_sentence(question: str) -> None:
    assert await found(question) == []


def draft(text: str, *citations: tuple[int, str]) -> DraftAnswer:
    cited = [DraftCitation(passage=number, quote=quote) for number, quote in citations]
    return DraftAnswer(sentences=[DraftSentence(text=text, citations=cited)])


def test_a_sentence_with_a_quote_of_its_passage_stands() -> None:
    kept, dropped = verified(
        draft("Yes, 90 days' notice ends it.", (1, "may end it in 90 days")), PASSAGES, "Can it end?"
    )
    assert [each.citations[0].quote for each in kept] == ["may end it in 90 days"]
    assert dropped == []


@pytest.mark.parametrize(
    "lie",
    [
        draft("It may end in 30 days.", (1, "may end it in 30 days")),
        draft("The fee is 48,000 euros.", (7, "The fee is 48,000 euros")),
        draft("The fee is 48,000 euros.", (1, "The fee is 48,000 euros")),
        draft("The fee is 52,000 euros a year.", (2, "The fee is 48,000 euros")),
        draft("The fee goes to Harbour Foods a year.", (2, "The fee is 48,000 euros")),
        draft("Penguins swim under thick winter ice.", (2, "The fee is 48,000 euros")),
        draft("The fee is 48,000 euros."),
        draft("The fee is high.", (2, "fee")),
    ],
    ids=[
        "invented quote",
        "no such passage",
        "other passage",
        "number",
        "name",
        "other topic",
        "no citation",
        "a word",
    ],
)
def test_a_sentence_that_its_passages_do_not_back_is_dropped(lie: DraftAnswer) -> None:
    kept, dropped = verified(lie, PASSAGES, "What is it?")
    assert kept == []
    assert dropped == [lie.sentences[0].text]
