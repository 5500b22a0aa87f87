"""A page that uses React's `useStream` works against the fleet as it is, also through a silence."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.fleet import Fleet
from tests.support.javascript import installed, run_script

PACKAGES = (
    *("@langchain/langgraph-sdk@2.0.0", "@langchain/core@1.2.13"),
    *("react@19.3.1", "react-dom@19.3.1", "jsdom@26.1.0"),
)
SCRIPT = Path(__file__).with_name("use_stream.mjs")
SILENCE_S = 7.0
"""Longer than redis-py's default timeout; `useStream` asks for a run to be cancelled when its caller leaves."""


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest, shared_fleet: Fleet) -> dict[str, Any]:
    """What the page saw."""
    folder = installed(request.config, "javascript-react", *PACKAGES)
    seen: dict[str, Any] = run_script(SCRIPT, folder, shared_fleet.url, shared_fleet.token, str(SILENCE_S))
    return seen


def test_a_page_shows_an_interrupt_and_answers_it(page: dict[str, Any]) -> None:
    assert page["conversation"] == {
        "interrupt": {"question": "About price. Question 0?"},
        "answers": ["yes"],
        "error": None,
    }


def test_a_page_waits_through_a_silence(page: dict[str, Any]) -> None:
    assert page["silence"] == {"values": {"wait_s": SILENCE_S, "waited_s": SILENCE_S}, "error": None}


def test_a_page_that_stops_cancels_its_run(page: dict[str, Any], fleet: Fleet) -> None:
    assert fleet.get(f"/runs/{page['left']['runId']}/join").json()["code"] == "cancelled"
