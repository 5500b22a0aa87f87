"""List and show the flows that turn a source into leads."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from typing import Annotated

import typer
from rich.console import Console

from agentic_sales.cli.output import AsJson, print_json

app = typer.Typer(no_args_is_help=True, help="List and show the flows that turn a source into leads.")

FlowArgument = Annotated[str, typer.Argument(metavar="FLOW", help="Id of the flow. `flows list` tells all.")]


@app.command("list")
def list_flows(as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """List the flows of this deployment: what each looks for, where it begins, and what keeps a lead.

    agentic-sales flows list
    """
    from agentic_sales.cli.views import flows
    from agentic_sales.control import control_plane

    found = control_plane().flows.values()
    if as_json:
        return print_json([flows.flow_as_data(flow) for flow in found])
    return Console().print(flows.flows_as_table(found))


@app.command()
def show(flow: FlowArgument, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Show the steps of a flow with their pools, its threshold, its messages and its limits.

    agentic-sales flows show open_source
    """
    from agentic_sales.cli.views import flows
    from agentic_sales.control import control_plane

    control = control_plane()
    if as_json:
        return print_json(flows.flow_as_data(control.flow(flow)))
    return Console().print(flows.flow_as_picture(control.flow(flow), control))
