"""What is written of an event: one line, its ids, where an error was raised, and never its words."""

import asyncio
import json
import logging
import os
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from agentic_sales.observability.logs import configure_logs

SECRET = "zanzibar"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the events that were written, a line each."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def raise_something() -> None:
    """Raise an error from another, each with words of its own."""
    try:
        os.environ[SECRET]
    except KeyError as exc:
        raise ValueError(f"no {SECRET}") from exc


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("logger", ["ours", "theirs"])
def test_an_exception_is_told_by_class_and_place_and_not_by_its_words(
    capsys: pytest.CaptureFixture[str], logger: str, log_format: str
) -> None:
    configure_logs("info", log_format)  # type: ignore[arg-type]  # one of the two
    try:
        raise_something()
    except ValueError:
        (structlog.get_logger() if logger == "ours" else logging.getLogger("theirs")).exception("run_failed")
    told = capsys.readouterr().err
    assert SECRET not in told
    for part in ("builtins.KeyError", "builtins.ValueError", "test_logs.py", "in raise_something"):
        assert part in told


def test_the_ids_of_the_context_stand_on_the_events_of_everybody(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    with bound_contextvars(run_id="r", assistant_id="echo"):
        structlog.get_logger().info("ours", attempt=1)
        logging.getLogger("theirs").info("said")
    ours, theirs = written(capsys)
    assert (ours["run_id"], ours["assistant_id"], ours["attempt"], ours["level"]) == ("r", "echo", 1, "info")
    assert (theirs["run_id"], theirs["event"], theirs["logger"]) == ("r", "said", "theirs")


def test_a_failed_task_that_nobody_awaited_is_told_without_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")

    async def main() -> None:
        async def fail() -> None:
            raise ValueError(SECRET)

        task = asyncio.create_task(fail())
        await asyncio.wait({task})
        del task

    asyncio.run(main())
    told = capsys.readouterr().err
    assert "Task exception was never retrieved" in told
    assert SECRET not in told


def test_a_warning_is_told_by_its_class_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure_logs("info", "json")
        warnings.warn(f"a field has {SECRET}", UserWarning, stacklevel=1)
    [event] = written(capsys)
    assert event["event"].endswith(": UserWarning")
    assert "test_logs.py" in event["event"]


def test_what_libraries_say_at_level_debug_is_never_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug", "json")
    logging.getLogger("openai._base_client").debug("Request options: %s", SECRET)
    logging.getLogger("httpx").info("HTTP Request: GET https://example.com/%s", SECRET)
    structlog.get_logger().debug("ours")
    assert [event["event"] for event in written(capsys)] == ["ours"]


@pytest.mark.parametrize(("log_format", "is_json"), [("auto", True), ("json", True), ("text", False)])
def test_a_stream_that_is_no_terminal_gets_json_unless_told(
    capsys: pytest.CaptureFixture[str], log_format: str, *, is_json: bool
) -> None:
    configure_logs("info", log_format)  # type: ignore[arg-type]  # one of the three
    structlog.get_logger().info("run_finished", run_id="r")
    assert capsys.readouterr().err.startswith("{") == is_json
