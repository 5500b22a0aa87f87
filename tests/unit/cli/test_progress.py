"""How a run's progress is shown to people."""

import io
from typing import Any

import pytest
from rich.console import Console

from agentic_sales.cli.views.progress import shown_progress
from agentic_sales.client import Client
from tests.support.small_facade import Answer, Facade, answering, facade

__all__ = ["facade"]  # pytest finds the fixture here


def shown(*events: Any, is_terminal: bool = False) -> str:
    """Return what is shown of events."""
    written = io.StringIO()
    with shown_progress("echo", Console(file=written, force_terminal=is_terminal, width=200)) as tell:
        for event in events:
            tell(event)
    return written.getvalue()


def step(done: int, of: int = 3, note: str = "") -> dict[str, Any]:
    return {"stage": "search", "done": done, "of": of, "note": note}


def test_without_a_terminal_each_event_is_a_plain_line() -> None:
    assert shown(step(1, note="[red]agents[/]"), step(2)) == "search 1/3 [red]agents[/]\nsearch 2/3\n"


def test_a_terminal_gets_a_bar_for_each_stage() -> None:
    told = shown(step(1), step(3, note="last"), {"stage": "read", "done": 2, "of": 0}, is_terminal=True)
    assert "search" in told
    assert "3/3 last" in told
    assert "━" in told
    assert "read" in told


def test_a_note_of_a_page_cannot_write_on_the_terminal() -> None:
    assert shown(step(1, note="a\x1b[2Jb\nc")) == "search 1/3 a [2Jb c\n"


@pytest.mark.parametrize("event", ["text", {"stage": "search"}, {"stage": 1, "done": 1, "of": 1}, None])
def test_an_event_that_tells_no_progress_is_passed_over(event: Any) -> None:
    assert shown(event) == ""


FRAMES = (
    b"event: metadata\r\ndata: {}\r\n\r\n: heartbeat\r\n\r\n"
    b'event: custom\r\ndata: {"done": 1}\r\nid: 1-0\r\n\r\nevent: custom|a:1\r\ndata: {"done": 2}\r\n\r\n'
)


@pytest.mark.parametrize("end", [b"event: end\r\ndata: null\r\n\r\n", b""], ids=["ended", "cut"])
def test_a_followed_run_hands_on_its_custom_events_and_then_answers(facade: Facade, end: bytes) -> None:
    """A stream that is cut says nothing about the run, so the answer is asked for all the same."""
    stream, joined = answering(200, FRAMES + end, {"x-run-id": "r1"}), answering(200, {"y": 1}, {"x-run-id": "r1"})
    by_path: dict[str, Answer] = {"/runs/stream": stream, "/runs/r1/join": joined}
    facade.answer = lambda handler: by_path[handler.path](handler)
    told: list[Any] = []
    with Client(facade.url) as client:
        result = client.run_followed("echo", {"x": 1}, told.append, timeout_s=5)
    assert (result.output, result.run_id) == ({"y": 1}, "r1")
    assert told == [{"done": 1}, {"done": 2}]
    assert facade.requests[0][1] == {"assistant_id": "echo", "input": {"x": 1}, "stream_mode": ["custom"]}
