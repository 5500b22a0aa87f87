"""Show the queue of every assistant and the list that decided it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from agentic_sales import routing
from agentic_sales.control import ControlPlane

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One assistant and the contract's answer for it."""

    assistant_id: str
    """The workflow."""
    queue: str
    """Queue of its runs."""
    effect: str
    """The strongest thing that a run may do to the world."""
    time_limit_s: float
    """Wall-clock limit of one run in seconds."""
    resumable: bool
    """Runs carry a thread and can be resumed."""
    source: str
    """The deciding list: `default`, the name of the override, or `CORE` with the override that sent it there."""


def route_rows(control: ControlPlane, overrides: dict[str, str]) -> Iterator[RouteRow]:
    """Tell the route of every assistant.

    Args:
        control: The control plane.
        overrides: The routing overrides that are set, by environment name.
    """
    for row in control.rows.values():
        decision = control.decide(row.assistant_id)
        yield RouteRow(
            assistant_id=row.assistant_id,
            queue=decision.queue,
            effect=row.effect,
            time_limit_s=row.time_limit_s,
            resumable=row.resumable,
            source=_source(row.assistant_id, decision.prefix, overrides),
        )


def routes_as_data(control: ControlPlane, overrides: dict[str, str]) -> dict[str, Any]:
    """Return the routes and their warnings as plain data."""
    return {"routes": [asdict(row) for row in route_rows(control, overrides)], "warnings": list(control.warnings)}


def routes_as_table(control: ControlPlane, overrides: dict[str, str]) -> Table:
    """Return the routes as a table for people."""
    table = Table("assistant", "queue", "effect", "limit", "resumable", "decided by", box=None, header_style="bold")
    for row in route_rows(control, overrides):
        resumable = "yes" if row.resumable else "no"
        table.add_row(row.assistant_id, row.queue, row.effect, f"{row.time_limit_s:g} s", resumable, row.source)
    return table


def _source(assistant_id: str, prefix: str, overrides: dict[str, str]) -> str:
    home = _home_by_default(assistant_id)
    if prefix == home:
        entries = overrides.get(f"{prefix}_WORKER_ASSISTANTS")
        # A list of edits leaves all other assistants to the default.
        return DEFAULT if entries is None or entries.lstrip()[:1] in {"+", "-"} else f"{prefix}_WORKER_ASSISTANTS"
    if prefix != routing.CORE_PREFIX:
        return f"{prefix}_WORKER_ASSISTANTS"
    if home is None:
        return routing.CORE_PREFIX
    is_off = overrides.get(f"{home}_WORKER_QUEUE", home).strip() == ""
    return f"{routing.CORE_PREFIX} ({home}_WORKER_{'QUEUE is empty' if is_off else 'ASSISTANTS'})"


def _home_by_default(assistant_id: str) -> str | None:
    """Return the pool that has the assistant in its default list. None means CORE."""
    routes = routing.build_routes({})
    return next((route.prefix for route in routes if assistant_id in route.assistants), None)
