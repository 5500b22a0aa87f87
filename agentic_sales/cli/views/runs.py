"""Look at the runs of a fleet from the command line, and deal with the dead ones, over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from rich.table import Table

from agentic_sales.client import Client


def dead(url: str | None, *, limit: int) -> list[dict[str, Any]]:
    """Return the runs whose workers died too often, the latest first.

    Raises:
        LangGraphError: The facade refused, or could not be asked.
    """
    with Client(url) as client:
        runs: list[dict[str, Any]] = client.ask("GET", f"/runs/dead?limit={limit}")
    return runs


def show(run_id: str, url: str | None) -> dict[str, Any]:
    """Return where a run stands.

    Raises:
        LangGraphError: The facade refused, or could not be asked.
    """
    return _ask("GET", run_id, "", url)


def retry(run_id: str, url: str | None) -> dict[str, Any]:
    """Put a dead run on its queue again, and return where it stands.

    Raises:
        LangGraphError: The facade refused, or could not be asked.
    """
    return _ask("POST", run_id, "/retry", url)


def discard(run_id: str, url: str | None) -> dict[str, Any]:
    """Take a run off the dead list for good, and return where it stands.

    Raises:
        LangGraphError: The facade refused, or could not be asked.
    """
    return _ask("POST", run_id, "/discard", url)


def cancel(run_id: str, url: str | None) -> dict[str, Any]:
    """Cancel a run for good, and return where it stands: one that runs ends at its next node edge.

    Raises:
        LangGraphError: The facade refused, or could not be asked.
    """
    return _ask("POST", run_id, "/cancel", url)


def give_feedback(run_id: str, url: str | None, *, key: str, score: float, comment: str | None) -> str:
    """Say how good a run was, and return the id under which that is kept.

    Raises:
        LangGraphError: The facade refused, or could not be asked.
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
    """Say in one line where a run stands."""
    return f"run {run['run_id']} of `{run['graph_id']}` on `{run['queue']}`: {run['status']}"


def _ask(method: str, run_id: str, action: str, url: str | None) -> dict[str, Any]:
    with Client(url) as client:
        run: dict[str, Any] = client.ask(method, f"/runs/{quote(run_id, safe='')}{action}")
    return run


def _clock(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"
