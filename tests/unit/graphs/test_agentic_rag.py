"""`agentic_rag` answers from documents with citations, and says so when they do not answer or no model does."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from agentic_sales.graphs.agentic_rag import Input, graph
from agentic_sales.rules.document_answers import NOT_THERE
from agentic_sales.settings import settings
from tests.support.model_server import ModelRequest, Reply, answer, model_server

CONTRACT = {
    "name": "Contract",
    "text": "# Term\n\nEither party may end it with a notice of 90 days.\n\n# Fees\n\nThe fee is 48,000 euros a year.",
}


async def run(question: str) -> dict[str, Any]:
    return dict(await graph.ainvoke(Input.model_validate({"question": question, "documents": [CONTRACT]})))


async def test_without_a_model_the_answer_is_an_extract_that_says_so() -> None:
    told = await run("How long is the notice period?")
    assert (told["mode"], told["source"], told["answered"]) == ("extract", "rules", True)
    assert told["answer"].startswith("No model answered.")
    [sentence] = told["sentences"]
    assert sentence["citations"][0]["quote"] == "Either party may end it with a notice of 90 days"
    assert sentence["citations"][0]["heading_path"] == ["Term"]
    assert 0 < told["confidence"] < 1


async def test_a_question_that_is_not_answered_is_searched_in_other_words_twice_and_refused() -> None:
    told = await run("Who signed the contract?")
    assert (told["answer"], told["answered"], told["confidence"]) == (NOT_THERE, False, 0.0)
    assert (told["rewrites"], told["sentences"]) == (2, [])


async def test_a_part_that_is_not_answered_is_named() -> None:
    told = await run("What is the fee and who signed the contract?")
    assert [part["answered"] for part in told["sub_questions"]] == [True, False]
    assert "Not in the documents: who signed the contract" in told["answer"]


def script(sentences: list[Mapping[str, Any]]) -> Any:
    replies: dict[str, dict[str, Any]] = {
        "Plan": {"sub_questions": ["How long is the notice period?"]},
        "Grade": {"supporting": [1, 2]},
        "DraftAnswer": {"sentences": sentences},
    }

    def reply(request: ModelRequest) -> Reply:
        return answer(replies[request.schema["title"]])

    return reply


async def asked_of(
    monkeypatch: pytest.MonkeyPatch, sentences: list[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    with model_server(script(sentences)) as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        told = await run("How long is the notice period?")
        return told, [request.prompt for request in server.requests]


async def test_a_model_answers_with_quotes_and_sees_the_documents_fenced(monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"text": "The notice is 90 days.", "citations": [{"passage": 1, "quote": "a notice of 90 days"}]}
    told, prompts = await asked_of(monkeypatch, [good])
    assert (told["mode"], told["source"], told["answered"]) == ("answer", "llm", True)
    assert told["answer"].splitlines()[0] == "The notice is 90 days. [1]"
    for prompt in prompts[1:]:
        before, _, rest = prompt.partition("<untrusted-")
        assert "Either party" not in before
        assert json.dumps(prompt).count("Either party") == rest.count("Either party")


async def test_a_model_that_lies_gets_nothing_through(monkeypatch: pytest.MonkeyPatch) -> None:
    told, _ = await asked_of(
        monkeypatch,
        [
            {"text": "The notice is 30 days.", "citations": [{"passage": 1, "quote": "a notice of 30 days"}]},
            {"text": "The notice is 90 days.", "citations": [{"passage": 9, "quote": "a notice of 90 days"}]},
        ],
    )
    assert (told["answer"], told["answered"], told["confidence"]) == (NOT_THERE, False, 0.0)
    assert len(told["dropped"]) == 2
