"""Look at the runs of a fleet and retry or discard the dead ones over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from rich.table import Table

from agentic_sales.client import Client


def dead(url: str | None, *, limit: int) -> list[dict[str, Any]]:
    """Return the runs that lost their workers too often. The latest is first.

    Raises:
        LangGraphError: The facade refused or was not reachable.
    """
    with Client(url) as client:
        runs: list[dict[str, Any]] = client.ask("GET", f"/runs/dead?limit={limit}")
    return runs


def show(run_id: str, url: str | None) -> dict[str, Any]:
    """Return the status of a run.

    Raises:
        LangGraphError: The facade refused or was not reachable.
    """
    return _ask("GET", run_id, "", url)


def retry(run_id: str, url: str | None) -> dict[str, Any]:
    """Put a dead run on its queue again and return its status.

    Raises:
        LangGraphError: The facade refused or was not reachable.
    """
    return _ask("POST", run_id, "/retry", url)


def discard(run_id: str, url: str | None) -> dict[str, Any]:
    """Take a run off the dead list for good and return its status.

    Raises:
        LangGraphError: The facade refused or was not reachable.
    """
    return _ask("POST", run_id, "/discard", url)


def cancel(run_id: str, url: str | None) -> dict[str, Any]:
    """Cancel a run for good and return its status. A running one ends at its next node edge.

    Raises:
        LangGraphError: The facade refused or was not reachable.
    """
    return _ask("POST", run_id, "/cancel", url)


def give_feedback(run_id: str, url: str | None, *, key: str, score: float, comment: str | None) -> str:
    """Rate a run and return the id of the feedback.

    Raises:
        LangGraphError: The facade refused or was not reachable.
    """
    with Client(url) as client:
        return client.submit_feedback(run_id, key, score, comment)


def as_table(runs: Sequence[Mapping[str, Any]]) -> Table:
    """Lay runs out for people."""
    table = Table("run", "workflow", "queue", "losses", "ended")
    for run in runs:
        table.add_row(run["run_id"], run["graph_id"], run["queue"], str(run["losses"]), _clock(run["updated_at"]))
    return table


def as_line(run: Mapping[str, Any]) -> str:
    """Tell the status of a run in one line."""
    return f"run {run['run_id']} of `{run['graph_id']}` on `{run['queue']}`: {run['status']}"


def _ask(method: str, run_id: str, action: str, url: str | None) -> dict[str, Any]:
    with Client(url) as client:
        run: dict[str, Any] = client.ask(method, f"/runs/{quote(run_id, safe='')}{action}")
    return run


def _clock(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"
