"""Show the people of a topic as a run finds them: a live table on a terminal, a line for each event elsewhere."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from agentic_sales.cli.views.progress import plain
from agentic_sales.client import Client, RunResult

ASSISTANT: Final = "topic_outreach"
STATES: Final = ("found", "kept", "dropped", "drafted")
MOST_SHOWN: Final = 30
"""Rows of the live table. Those that changed last are shown."""
_STYLES = {"found": "dim", "kept": "cyan", "dropped": "yellow", "drafted": "green"}


class TopicPeople:
    """The facts of each person so far."""

    def __init__(self) -> None:
        self.people: dict[str, dict[str, str]] = {}
        """State, source and note by the person. The one that changed last stands last."""
        self.stage = ""
        """Where the run is, with its last sign of life."""

    def take(self, event: Any) -> str:
        """Take in an event of the run, and return it as a line. Empty: it is no event about a person."""
        if not isinstance(event, Mapping):
            return ""
        name, who = event.get("event"), str(event.get("who") or "")
        if name == "heartbeat":
            self.stage = f"{plain(event.get('stage') or '')} for {event.get('elapsed_s')} s"
        if name not in STATES or not who:
            return ""
        row = self.people.pop(who, {"source": ""})
        note = plain(_note_of(event))
        self.people[who] = {"source": plain(event.get("source") or row["source"]), "state": str(name), "note": note}
        return f"{name}: {plain(who)}{f' - {note}' if note else ''}"

    def as_table(self) -> Table:
        """Return the people as a table."""
        table = Table("person", "source", "state", "note", title=self._title(), caption=self.stage or None)
        for who, row in list(self.people.items())[-MOST_SHOWN:]:
            table.add_row(plain(who), row["source"], row["state"], row["note"], style=_STYLES[row["state"]])
        return table

    def _title(self) -> str:
        counts = dict.fromkeys(STATES, 0)
        for row in self.people.values():
            counts[row["state"]] += 1
        told = ", ".join(f"{count} {state}" for state, count in counts.items() if state != "found")
        return f"{len(self.people)} people: {told}"


def _note_of(event: Mapping[str, Any]) -> str:
    reasons = event.get("reasons")
    first = reasons[0] if isinstance(reasons, list) and reasons else ""
    return str(event.get("why") or event.get("subject") or first or event.get("url") or "")


@contextmanager
def shown_people(console: Console) -> Iterator[Callable[[Any], None]]:
    """Yield a function that takes the events of a run.

    Args:
        console: Where they are shown, which is standard error for a command.
    """
    known = TopicPeople()
    if not console.is_terminal:

        def print_line(event: Any) -> None:
            if line := known.take(event):
                console.print(line, markup=False, highlight=False, soft_wrap=True)

        yield print_line
        return
    with Live(known.as_table(), console=console, refresh_per_second=4) as live:

        def move(event: Any) -> None:
            known.take(event)
            live.update(known.as_table())

        yield move


def run_topic(
    values: Mapping[str, Any], *, run_id: str | None, url: str | None, timeout_s: float, is_quiet: bool
) -> RunResult:
    """Start a run, or join one, and show its people as they are found.

    Args:
        values: The input.
        run_id: A run that was started before. None: a new one is started.
        url: The facade's. None: the configured one.
        timeout_s: Longest time to wait.
        is_quiet: Show nothing.

    Raises:
        LangGraphError: There was no result.
    """
    with Client(url) as client, shown_people(Console(stderr=True, quiet=is_quiet)) as tell:
        if run_id is not None:
            return client.join_followed(ASSISTANT, run_id, tell, timeout_s=timeout_s)
        return client.run_followed(ASSISTANT, values, tell, timeout_s=timeout_s)


def as_lines(output: Mapping[str, Any]) -> list[str]:
    """Return the drafts of a run as lines for people."""
    lines = [f"{output['found']} found, {output['kept']} kept, {len(output['dropped'])} dropped"]
    for draft in output["drafts"]:
        lines += ["", f"To {draft['who']}: {draft['subject']}", *str(draft["body"]).splitlines()]
    return [*lines, *(f"failed: {error}" for error in output["errors"])]
