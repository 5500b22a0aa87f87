"""Show how far a run is: bars on a terminal, lines elsewhere. The events are those of `llm.progress`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

Tell = Callable[[Any], None]
"""Takes one custom event of a run's stream."""
_LONGEST_NOTE_CHARS = 60


@contextmanager
def shown_progress(assistant_id: str, console: Console) -> Iterator[Tell]:
    """Yield a function that takes the events of a run. An event without a stage and two numbers is passed over.

    Args:
        assistant_id: Name of the workflow.
        console: Where they are shown, which is standard error for a command.
    """
    if not console.is_terminal:
        yield lambda event: _print_line(console, event)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[told]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(f"`{assistant_id}` runs", total=None, told="")
        bars: dict[str, TaskID] = {}
        yield lambda event: _move_bar(progress, bars, event)


def _print_line(console: Console, event: Any) -> None:
    if _is_progress(event):
        console.print(f"{plain(event['stage'])} {_told(event)}", markup=False, highlight=False, soft_wrap=True)


def _move_bar(progress: Progress, bars: dict[str, TaskID], event: Any) -> None:
    if not _is_progress(event):
        return
    stage = plain(event["stage"])
    if stage not in bars:
        bars[stage] = progress.add_task(stage, told="")
    progress.update(bars[stage], total=event["of"] or None, completed=event["done"], told=_told(event))


def _is_progress(event: Any) -> bool:
    return (
        isinstance(event, Mapping)
        and isinstance(event.get("stage"), str)
        and all(isinstance(event.get(name), int) for name in ("done", "of"))
    )


def _told(event: Mapping[str, Any]) -> str:
    count = f"{event['done']}/{event['of']}" if event["of"] else str(event["done"])
    return f"{count} {plain(event.get('note') or '')}".rstrip()


def plain(text: object) -> str:
    """Return a text on one line. A note may come from a page, which must not move the cursor of a terminal."""
    shown = "".join(character if character.isprintable() else " " for character in str(text))
    return shown if len(shown) <= _LONGEST_NOTE_CHARS else f"{shown[: _LONGEST_NOTE_CHARS - 1]}…"
