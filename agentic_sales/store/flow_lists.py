"""Find and erase the lines about a person in the lists of leads that rounds and plans of flows were given."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.store.flow_rounds import FlowPlanRow, FlowRoundRow, change_plan, change_round
from agentic_sales.store.statements import column_holds, every, first

LINES = "leads"
"""Field of the input of a list that holds its lines."""


@dataclass(frozen=True, slots=True)
class ListedLine:
    """One line of a list that a flow was given."""

    round_id: str
    """Round that was given the list. Empty: the plan of the flow was."""
    flow_id: str
    """The flow."""
    told: Mapping[str, Any]
    """The line."""

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"flow_id": self.flow_id, "round_id": self.round_id, **self.told}


async def lines_naming(
    connection: AsyncConnection, words: Sequence[str], is_named: Callable[[Any], bool]
) -> list[ListedLine]:
    """Return the lines of lists that name a person.

    Args:
        connection: Connection to the store.
        words: Words of which a line has one, in any case.
        is_named: Tells whether a line really has one of them.
    """
    given, request = cast(FlowRoundRow.given, String), cast(FlowPlanRow.request, String)
    rounds = await every(connection, FlowRoundRow, select(FlowRoundRow).where(column_holds(given, words)))
    plans = await every(connection, FlowPlanRow, select(FlowPlanRow).where(column_holds(request, words)))
    found = [ListedLine(row.round_id, row.flow_id, line) for row in rounds for line in _lines(row.given)]
    found += [ListedLine("", row.flow_id, line) for row in plans for line in _lines(row.request.get("given"))]
    return [line for line in found if is_named(dict(line.told))]


async def erase_lines(connection: AsyncConnection, lines: Iterable[ListedLine], *, now: datetime) -> int:
    """Erase lines from their lists. Return how many were there."""
    erased, gone = 0, list(lines)
    for round_id in sorted({line.round_id for line in gone if line.round_id}):
        wanted = select(FlowRoundRow).where(FlowRoundRow.round_id == round_id).with_for_update()
        if (row := await first(connection, FlowRoundRow, wanted)) is not None:
            given, count = _without(row.given, [line.told for line in gone if line.round_id == round_id])
            erased += count
            await change_round(connection, round_id, {"given": given}, now=now)
    for flow_id in sorted({line.flow_id for line in gone if not line.round_id}):
        asked = select(FlowPlanRow).where(FlowPlanRow.flow_id == flow_id).with_for_update()
        if (plan := await first(connection, FlowPlanRow, asked)) is not None:
            mine = [line.told for line in gone if (line.round_id, line.flow_id) == ("", flow_id)]
            given, count = _without(plan.request.get("given") or {}, mine)
            erased += count
            await change_plan(connection, flow_id, {"request": {**plan.request, "given": given}}, now=now)
    return erased


def _lines(given: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return [line for line in (given or {}).get(LINES) or [] if isinstance(line, Mapping)]


def _without(given: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], int]:
    left = [line for line in _lines(given) if line not in lines]
    return {**given, LINES: left}, len(_lines(given)) - len(left)
