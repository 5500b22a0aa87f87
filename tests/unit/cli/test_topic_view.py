"""The people of a topic as they are shown while a run finds them."""

import io
from typing import Any

import pytest
from rich.console import Console

from agentic_sales.cli.views.topic import TopicPeople, as_lines, shown_people
from agentic_sales.client import Client
from tests.support.small_facade import Answer, Facade, answering, facade

__all__ = ["facade"]  # pytest finds the fixture here
EVENTS: list[Any] = [
    {"event": "found", "who": "Ada (Isar)", "source": "papers", "url": "https://isar.example/"},
    {"event": "heartbeat", "stage": "judge_fit", "elapsed_s": 5.0},
    {"event": "found", "who": "Ben (Spree)", "source": "posts", "url": ""},
    {"event": "dropped", "who": "Ben (Spree)", "why": "fit 0.20 is below the least one"},
    {"event": "kept", "who": "Ada (Isar)", "score": 0.8, "reasons": ["retrieval"]},
    {"stage": "draft", "done": 1, "of": 1, "note": ""},
    {"event": "drafted", "who": "Ada (Isar)", "subject": "A question"},
]


def shown(*events: Any, is_terminal: bool) -> str:
    """Return what is shown of events."""
    written = io.StringIO()
    with shown_people(Console(file=written, force_terminal=is_terminal, width=160)) as tell:
        for event in events:
            tell(event)
    return written.getvalue()


def test_without_a_terminal_each_step_of_a_person_is_a_line() -> None:
    assert shown(*EVENTS, is_terminal=False).splitlines() == [
        "found: Ada (Isar) - https://isar.example/",
        "found: Ben (Spree)",
        "dropped: Ben (Spree) - fit 0.20 is below the least one",
        "kept: Ada (Isar) - retrieval",
        "drafted: Ada (Isar) - A question",
    ]


def test_a_terminal_gets_one_row_a_person_and_the_counts() -> None:
    told = shown(*EVENTS, is_terminal=True)
    assert "2 people: 0 kept, 1 dropped, 1 drafted" in told
    assert "judge_fit for 5.0 s" in told
    known = TopicPeople()
    for event in EVENTS:
        known.take(event)
    assert known.as_table().row_count == 2
    assert known.people["Ada (Isar)"] == {"source": "papers", "state": "drafted", "note": "A question"}


@pytest.mark.parametrize("event", ["text", None, {"event": "found"}, {"event": "gone", "who": "Ada"}, {"who": 1}])
def test_an_event_about_nobody_is_passed_over(event: Any) -> None:
    assert shown(event, is_terminal=False) == ""


def test_words_of_a_page_cannot_write_on_the_terminal() -> None:
    told = shown({"event": "dropped", "who": "A\x1b[2Jda", "why": "[red]no\nmore"}, is_terminal=False)
    assert told == "dropped: A [2Jda - [red]no more\n"


def test_the_drafts_are_told_with_what_failed() -> None:
    draft = {"who": "Ada (Isar)", "subject": "A question", "body": "Hi,\n\nThanks"}
    lines = as_lines({"found": 2, "kept": 1, "dropped": [{}], "drafts": [draft], "errors": ["posts: away"]})
    assert lines[0] == "2 found, 1 kept, 1 dropped"
    assert "To Ada (Isar): A question" in lines
    assert lines[-1] == "failed: posts: away"


def test_a_run_can_be_joined_from_its_first_event(facade: Facade) -> None:
    frames = b'event: custom\r\ndata: {"event": "found"}\r\n\r\nevent: end\r\ndata: null\r\n\r\n'
    headers = {"x-run-id": "r1"}
    by_path: dict[str, Answer] = {
        "/runs/r1/stream": answering(200, frames, headers),
        "/runs/r1/join": answering(200, {"found": 1}, headers),
    }
    facade.answer = lambda handler: by_path[handler.path](handler)
    told: list[Any] = []
    with Client(facade.url) as client:
        result = client.join_followed("topic_outreach", "r1", told.append, timeout_s=5)
    assert (result.output, told) == ({"found": 1}, [{"event": "found"}])
