"""Tell the cost of leads of a flow, and count the requests of a round of each flow."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agentic_sales.cli.output import WRONG, AsJson, end, note, print_json


def cost(
    flow: Annotated[
        str | None, typer.Argument(metavar="FLOW", help="Id of the flow. The default is every one.")
    ] = None,
    *,
    leads: Annotated[int, typer.Option(help="Leads of each flow.", min=1, max=1_000_000)] = 1_000,
    children: Annotated[int, typer.Option(help="Worker children that work at the same time.", min=1)] = 8,
    model: Annotated[str, typer.Option(help="Model with the list price to use, as `provider:model`.")] = "",
    counts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Counts of `flows measure`. The default: the release's own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell the cost of leads of a flow: calls of sources, tokens, dollars and minutes. It needs no fleet.

    agentic-sales flows cost open_source --leads 5000 --children 16 --model anthropic:claude-haiku-4-5

    The counts of one round in the sample world are scaled by proportion.
    """
    from agentic_sales.checks import flow_costs as told
    from agentic_sales.cli.views import costs as view
    from agentic_sales.settings import settings

    recorded = told.counts_of(counts) if counts else told.own_counts()
    known = [one.flow_id for one in recorded.flows]
    if flow is not None and flow not in known:
        end(WRONG, f"no counts of flow `{flow}`; there are: {', '.join(known)}. agentic-sales flows measure counts it")
    configured = settings()
    asked = model or configured.model or told.MODEL
    found = told.flow_costs(
        recorded, leads=leads, children=children, model=asked, own_prices=configured.model_prices, only=flow
    )
    if as_json:
        return print_json([one.model_dump() for one in found])
    Console().print(view.costs_as_table(found, children=children, model=asked))
    return note(*view.notes(found, model=asked))


def measure(
    flows: Annotated[list[str] | None, typer.Argument(metavar="FLOW…", help="Flows. The default is every one.")] = None,
    *,
    file: Annotated[Path, typer.Option(metavar="FILE", help="File for the counts.")] = Path("flow_counts.json"),
) -> None:
    """Count the requests of one round of each flow, in the sample world and without a model. It needs no fleet.

    agentic-sales flows measure code topic --file counts.json
    """
    from agentic_sales.checks.flow_costs import merged
    from agentic_sales.cli.views import costs as view
    from agentic_sales.control import control_plane

    control = control_plane()
    chosen = [control.flow(flow_id) for flow_id in flows or control.flows]
    merged(file, view.measured(chosen, tell=lambda flow_id: note(f"counting a round of {flow_id}")))
    note(f"wrote {file}; agentic-sales flows cost --counts {file} tells the costs")
