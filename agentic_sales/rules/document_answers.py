"""Forms and rules of the workflow `agentic_rag`: its answer, and what of an answer stands in the passages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.backing import is_backing, is_sober
from agentic_sales.rules.company_signs import find_quote
from agentic_sales.rules.evidence import names_in
from agentic_sales.rules.forms import Form
from agentic_sales.rules.questions import MOST_SUB_QUESTIONS, read_question
from agentic_sales.rules.search_terms import terms_of, terms_of_word, words_of

NOT_THERE = "not in the documents"
MOST_REWRITES = 2
MOST_GIVEN_CHARS = 2_000_000
SUPPORTED_SHARE = 0.5
"""Share of a sentence's words that its passages have at least."""
SUREST = 0.9
"""Confidence of a whole answer. Words can match and mean something else."""
Mode = Literal["answer", "extract", "none"]


class GivenDocument(Form):
    """A document by value."""

    name: str = Field(min_length=1, max_length=300, description="Its title or the name of its file.")
    text: str = Field(max_length=500_000, description="Markdown or plain text.")
    url: str = Field(default="", max_length=2048, description="Its address.")


class QuestionForm(Form):
    """What a run takes."""

    question: str = Field(min_length=2, max_length=2_000, pattern=r"\w", description="The question.")
    documents: list[GivenDocument] = Field(
        default_factory=list, max_length=1_000, description="Search these alone. Empty: the documents of the store."
    )
    company_id: str = Field(default="", max_length=64, description="Search documents of this company alone.")
    most_passages: int = Field(default=8, ge=1, le=20, description="Most passages that the answer may rest on.")


class Passage(BaseModel):
    """A passage that was retrieved."""

    passage_id: str = Field(description="Its id.")
    document: str = Field(description="Title of its document.")
    url: str = Field(default="", description="Address of the document. Empty without one.")
    heading_path: list[str] = Field(default_factory=list, description="Headings above it, the outermost first.")
    text: str = Field(description="Its text.")

    @property
    def where(self) -> str:
        """Return where it stands, as people read it."""
        return " > ".join([self.document, *self.heading_path])


class Citation(BaseModel):
    """Words of a passage that back a sentence."""

    passage_id: str = Field(description="The passage.")
    document: str = Field(description="Title of its document.")
    heading_path: list[str] = Field(description="Headings above it.")
    url: str = Field(default="", description="Address of the document. Empty without one.")
    quote: str = Field(description="The words, as they stand in the passage.")


class AnswerSentence(BaseModel):
    """A sentence of the answer."""

    text: str = Field(description="The sentence.")
    citations: list[Citation] = Field(description="What backs it, at least one.")


class SubQuestion(BaseModel):
    """A part of the question."""

    question: str = Field(description="The part.")
    answered: bool = Field(default=False, description="Whether the documents answer it.")


class Support(BaseModel):
    """A sentence of a passage that answers a part of the question, by the rules."""

    question: str = Field(description="The part.")
    passage_id: str = Field(description="The passage.")
    sentence: str = Field(description="The sentence.")
    coverage: float = Field(description="Share of the words of the part that it has, 0-1.")


class DocumentAnswer(BaseModel):
    """What a run answers."""

    answer: str = Field(default="", description="The answer, with the numbers of its citations.")
    answered: bool = Field(default=False, description="Whether the documents answer the question or a part of it.")
    confidence: float = Field(default=0.0, description="0-1. 0: they do not.")
    mode: Mode = Field(
        default="none", description="`answer`: by a model; `extract`: sentences of the documents; `none`."
    )
    sentences: list[AnswerSentence] = Field(default_factory=list, description="Sentences, each with its citations.")
    sub_questions: list[SubQuestion] = Field(default_factory=list, description="Parts of the question.")
    passages: list[Passage] = Field(default_factory=list, description="Passages that were retrieved, the best first.")
    queries: list[str] = Field(default_factory=list, description="What was searched for, in its order.")
    rewrites: int = Field(default=0, description="How often the search was worded anew, at most 2.")
    dropped: list[str] = Field(default_factory=list, description="Sentences of a model that no passage backs.")
    retrieval: str = Field(default="full_text", description="`full_text`, or `full_text+embeddings`.")
    searched: int = Field(default=0, description="Passages of the documents that were searched.")


class Plan(BaseModel):
    """What a model plans."""

    sub_questions: list[str] = Field(
        min_length=1, max_length=MOST_SUB_QUESTIONS, description="Questions that together are the question."
    )


class Grade(BaseModel):
    """Which passages a model finds useful."""

    supporting: list[int] = Field(
        max_length=20, description="Numbers of the passages that help to answer. May be empty."
    )


class Rewrite(BaseModel):
    """How a model words a search anew."""

    queries: list[str] = Field(min_length=1, max_length=MOST_SUB_QUESTIONS, description="Searches in other words.")


class DraftCitation(BaseModel):
    """A citation of a model."""

    passage: int = Field(description="Number of the passage.")
    quote: str = Field(description="3 to 25 words of it, copied letter by letter.")


class DraftSentence(BaseModel):
    """A sentence of a model."""

    text: str = Field(max_length=600, description="The sentence.")
    citations: list[DraftCitation] = Field(max_length=5, description="What backs it.")


class DraftAnswer(BaseModel):
    """What a model answers."""

    sentences: list[DraftSentence] = Field(max_length=12, description="The answer. Empty: the passages do not answer.")


def numbered(passages: Sequence[Passage]) -> str:
    """Return passages for a prompt, each below its number and its place."""
    return "\n\n".join(f"[{number}] {each.where}\n{each.text}" for number, each in enumerate(passages, start=1))


def at_numbers(passages: Sequence[Passage], numbers: Iterable[int]) -> list[Passage]:
    """Return the passages of some numbers, each once. A number that none has is passed over."""
    return [passages[number - 1] for number in dict.fromkeys(numbers) if 1 <= number <= len(passages)]


def supporting(passages: Sequence[Passage], supports: Iterable[Support]) -> Grade:
    """Return the passages that the rules find useful."""
    ids = {support.passage_id for support in supports}
    return Grade(supporting=[number for number, each in enumerate(passages, 1) if each.passage_id in ids])


def extracted(passages: Sequence[Passage], supports: Sequence[Support]) -> DraftAnswer:
    """Return the sentences that answer by the rules, the best of each part first."""
    numbers = {each.passage_id: number for number, each in enumerate(passages, start=1)}
    told = {support.sentence: support for support in reversed(supports) if support.passage_id in numbers}
    chosen = [support for support in supports if told.get(support.sentence) is support]
    return DraftAnswer(
        sentences=[
            DraftSentence(
                text=each.sentence[:600],
                citations=[DraftCitation(passage=numbers[each.passage_id], quote=each.sentence)],
            )
            for each in chosen[:12]
        ]
    )


def verified(draft: DraftAnswer, passages: Sequence[Passage], question: str) -> tuple[list[AnswerSentence], list[str]]:
    """Return the sentences that stand, and those that do not.

    Each citation must quote words of a passage that was retrieved. What else the sentence says must stand in the cited
    passages: its numbers, its quoted words, its names, and most of its words.
    """
    kept, dropped = list[AnswerSentence](), list[str]()
    for sentence in draft.sentences:
        citations = [found for each in sentence.citations if (found := _citation(each, passages))]
        cited = [each for each in passages if each.passage_id in {found.passage_id for found in citations}]
        text = sentence.text.strip()
        if text and citations and _is_supported(text, cited, question):
            kept.append(AnswerSentence(text=text, citations=citations))
        elif text:
            dropped.append(text)
    return kept, dropped


def _citation(given: DraftCitation, passages: Sequence[Passage]) -> Citation | None:
    for passage in at_numbers(passages, [given.passage]):
        quote = find_quote(given.quote, passage.text) if is_backing(given.quote, passage.text) else None
        if quote:
            told = passage.model_dump(include={"passage_id", "document", "heading_path", "url"})
            return Citation(**told, quote=quote)
    return None


def _is_supported(text: str, cited: Sequence[Passage], question: str) -> bool:
    texts = {each.passage_id: f"{each.where}\n{each.text}" for each in cited}
    known = {term for given in (*texts.values(), question) for term in terms_of(given)}
    if not is_sober(text, {**texts, "": question}):
        return False
    names = (name for name in names_in(text) if " " in name or not text.startswith(name))
    if any(not known.issuperset(terms_of(name)) for name in names):
        return False
    words = set(terms_of(text))
    return len(words & known) >= SUPPORTED_SHARE * len(words)


def told(sentences: Sequence[AnswerSentence], parts: Sequence[SubQuestion], *, by_model: bool) -> dict[str, Any]:
    """Return the answer as it is told: its sentences, their sources, and what was not found."""
    if not sentences:
        return {"answer": NOT_THERE, "answered": False, "mode": "none", "sentences": []}
    cited = list({one.passage_id: one for each in sentences for one in each.citations}.values())
    numbers = {one.passage_id: number for number, one in enumerate(cited, start=1)}
    head = [] if by_model else ["No model answered. These sentences of the documents answer best:"]
    lines = [
        " ".join([each.text, *dict.fromkeys(f"[{numbers[one.passage_id]}]" for one in each.citations)])
        for each in sentences
    ]
    lines = [" ".join(lines)] if by_model else [f"- {line}" for line in lines]
    missing = [f"{NOT_THERE.capitalize()}: {part.question}" for part in parts if not part.answered]
    sources = [f"[{numbers[one.passage_id]}] {' > '.join([one.document, *one.heading_path])}" for one in cited]
    return {
        "answer": "\n".join([*head, *lines, *missing, "", *sources]),
        "answered": True,
        "mode": "answer" if by_model else "extract",
        "sentences": [each.model_dump() for each in sentences],
    }


def confidence_of(
    sentences: Sequence[AnswerSentence],
    dropped: Sequence[str],
    parts: Sequence[SubQuestion],
    supports: Sequence[Support],
) -> float:
    """Return how sure an answer is: the share of its parts that are answered, times how well each is backed.

    A sentence of a model counts as backed. One of the rules counts by the words that it shares with its part.
    """
    if not sentences:
        return 0.0
    best: Mapping[str, float] = {each.question: each.coverage for each in reversed(supports)}
    of_parts = [best.get(part.question, 1.0) if part.answered else 0.0 for part in parts]
    kept = len(sentences) / (len(sentences) + len(dropped))
    return round(SUREST * kept * sum(of_parts) / len(of_parts), 3)


def answered_parts(
    parts: Sequence[SubQuestion], supports: Sequence[Support], sentences: Sequence[AnswerSentence], *, by_model: bool
) -> list[SubQuestion]:
    """Return the parts with whether they are answered. A model's answer is one for all of them."""
    there = {support.question for support in supports}
    return [
        part.model_copy(update={"answered": bool(sentences) and (by_model or part.question in there)}) for part in parts
    ]


def other_words(parts: Iterable[SubQuestion], attempt: int) -> list[str]:
    """Return the searches of the parts in fewer words.

    Args:
        parts: Parts of the question.
        attempt: 1 leaves out the words that only say in which form something is asked. 2 leaves the names, or the
            longest words if there are none.
    """
    found = []
    for part in parts:
        asked = {word.asking: word for word in read_question(part.question).words}
        there = [(word, one) for word in words_of(part.question) for one in map(asked.get, terms_of_word(word)) if one]
        kept = [word for word, one in there if (one.is_name if attempt > 1 else not one.is_faint)]
        found.append(" ".join(kept or sorted((word for word, _ in there), key=len)[-3:]))
    return [query for query in dict.fromkeys(found) if query]
