"""Hold the common parts of the commands: options, exit statuses and printing."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

import json
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console, RenderableType

from agentic_sales.wire import from_wire, to_wire

T = TypeVar("T")

FAILED, WRONG = 1, 2
UNREACHED = "start a fleet with `agentic-sales up`, or name its facade with --url or LANGGRAPH_URL"

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]
Url = Annotated[str | None, typer.Option(help="URL of the facade. The default is LANGGRAPH_URL.")]
Most = Annotated[int, typer.Option("--limit", help="Most entries to list.", min=1, max=1000)]
By = Annotated[str, typer.Option("--by", help="Name of the person that decides. It is kept.")]
From = Annotated[int, typer.Option("--offset", help="Entries to pass over.", min=0)]


def answer(as_json: bool, ask: Callable[[], T]) -> T:  # noqa: FBT001 - the flag of the command
    """Ask the facade. An error ends the command with its exit status, and is also told as JSON on request."""
    from agentic_sales.cli.views.run import error_as_data, exit_status
    from agentic_sales.client import LangGraphError

    try:
        return ask()
    except LangGraphError as exc:
        if as_json:
            print_json(error_as_data(exc))
        end(exit_status(exc), str(exc), *([UNREACHED] if exc.status == 0 else []))


def fail(status: int, *lines: str) -> NoReturn:
    """End the process with an error told in red."""
    note(*lines, style="red")
    sys.exit(status)


def end(status: int, *lines: str) -> NoReturn:
    """End the command with an error told in red."""
    note(*lines, style="red")
    raise typer.Exit(status)


def check_decider(by: str) -> None:
    """End the command if no person is named that decides."""
    if not by:
        end(WRONG, "name the person that decides: --by NAME")


def note(*lines: str, style: str | None = None) -> None:
    """Tell people something on standard error, so that standard output holds only the result."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for line in lines:
        console.print(line, style=style, markup=False)


def tell(data: Any, as_json: bool, *lines: str) -> None:  # noqa: FBT001 - the flag of the command
    """Tell the result of a command, as data to programs and as lines to people."""
    if as_json:
        print_json(data)
    else:
        note(*lines)


def show_list(
    found: Sequence[Any],
    as_json: bool,  # noqa: FBT001 - the flag of the command
    lay_out: Callable[[Sequence[Any]], RenderableType],
    nothing: str,
) -> None:
    """Show a list as JSON to programs and as a table to people. An empty list is told by its sentence."""
    if as_json:
        print_json(found)
    elif found:
        Console().print(lay_out(found))
    else:
        note(nothing)


def print_json(data: Any) -> None:
    """Print JSON on standard output. It is coloured on a terminal only."""
    console = Console(soft_wrap=True)
    text = json.dumps(from_wire(to_wire(data)), indent=2, ensure_ascii=False)
    if console.is_terminal:
        console.print_json(text)
    else:
        sys.stdout.write(f"{text}\n")
