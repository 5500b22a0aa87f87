"""Measure flows in the sample world, and draw their costs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from rich.table import Column, Table

from agentic_sales.flows import Flow
from agentic_sales.local.world.server import WorldServer, serve_world
from agentic_sales.rehearsal.flow_counts import counted_rounds
from agentic_sales.rules.flow_costs import CALL_S, MODEL_S, FlowCost, RecordedCounts, calls_told


def measured(flows: Iterable[Flow], *, tell: Callable[[str], None]) -> RecordedCounts:
    """Count a round of each flow in a sample world of its own."""
    with serve_world() as world:
        return counted_rounds(
            flows,
            world.environment(),
            site_calls=lambda: sum(visit.service == "sites" for visit in tuple(world.visits)),
            listed=list(_listed(world)),
            tell=tell,
        )


def _listed(world: WorldServer) -> Iterator[dict[str, str]]:
    """Give the companies of the world as the lines of a list, with a person where one is known."""
    for company in world.companies.all:
        people: Sequence[Any] = company.people
        person = {"person": people[0].name, "title": people[0].title} if people else {}
        yield {"company": company.name, "domain": company.domain, **person}


def costs_as_table(costs: Iterable[FlowCost], *, children: int, model: str) -> Table:
    """Lay out costs, one flow to a line."""
    columns = ("kept", "model calls", "tokens in", "tokens out", "USD", f"minutes on {children}")
    numbers = (Column(name, justify="right") for name in columns)
    table = Table(Column("flow", no_wrap=True), *numbers, "calls of sources (time at their limits)", "held up by")
    table.title = model
    for one in costs:
        usd = "unknown" if one.usd is None else f"{one.usd:.2f}"
        counts = [f"{value:,}" for value in (one.kept, one.model_calls, one.input_tokens, one.output_tokens)]
        table.add_row(one.flow_id, *counts, usd, f"{one.minutes:,.0f}", calls_told(one), one.held_up_by)
    return table


def notes(costs: Sequence[FlowCost], *, model: str) -> Iterator[str]:
    """Name the basis of the numbers."""
    rounds = ", ".join(f"{one.flow_id} {one.measured_on}" for one in costs)
    yield f"scaled from one round of each flow in the sample world; leads of these rounds: {rounds}"
    yield f"assumed: {CALL_S:g} s for a call of a source, {MODEL_S:g} s for one of a model, four characters a token"
    if any(one.usd is None for one in costs):
        yield f"`{model}` has no list price; AGENTIC_SALES_MODEL_PRICES takes one"
