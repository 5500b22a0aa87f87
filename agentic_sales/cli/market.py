"""Let the choice of arms that flows use learn in a market with known answer rates."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from typing import Annotated

import typer
from rich.console import Console

from agentic_sales.cli.output import FAILED, WRONG, AsJson, end, note, print_json


def simulate(
    rates: Annotated[
        str, typer.Option(metavar="CSV", help="Share of the contacts of each arm that answer, each 0-1.")
    ] = "0.01,0.02,0.02,0.03,0.03,0.04,0.07,0.08",
    *,
    complaints: Annotated[
        str, typer.Option(metavar="CSV", help="Share of the contacts of each arm that complain, in the same order.")
    ] = "",
    rounds: Annotated[int, typer.Option(help="Rounds, a week apart.", min=1, max=520)] = 20,
    contacts: Annotated[int, typer.Option(help="Contacts of a round.", min=1, max=10_000)] = 100,
    seeds: Annotated[int, typer.Option(help="How often all of it is done.", min=1, max=1000)] = 20,
    exploration: Annotated[
        float, typer.Option(help="The c of the bonus of arms that are little tried, on rewards of 0-1.", min=0, max=10)
    ] = 0.1,
    discount: Annotated[
        float, typer.Option(help="Weight that earlier rounds keep in each later one.", min=0.5, max=1)
    ] = 0.98,
    slowness: Annotated[
        float, typer.Option(help="How many times as long answers take as the table of rewards says.", min=0, max=10)
    ] = 1.0,
    least: Annotated[
        float, typer.Option(help="Exit with 1 if a smaller share of the last contacts goes to the best arms.", max=1)
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Show how soon a flow finds the arms that answer most, in a simulated market. It needs no fleet.

    Regret is the number of answers that the best arm alone would have brought more. An arm of which a complaint is
    known gets no further contact.

    agentic-sales flows simulate --rates 0.01,0.02,0.08 --complaints 0,0.02,0 --seeds 100
    """
    from agentic_sales.cli.views import market as view

    try:
        market = view.market_of(rates, complaints, rounds=rounds, contacts=contacts, slowness=slowness)
    except ValueError as exc:
        end(WRONG, str(exc))
    found = view.compared(market, seeds=seeds, exploration=exploration, discount=discount)
    if as_json:
        print_json(view.as_data(found, market))
    else:
        Console().print(view.as_table(found))
        note(*view.notes(market, seeds))
    if (share := found[0].best_share) < least:
        end(FAILED, f"{share:.1%} of the last contacts went to the best arms; at least {least:.1%} is wanted")
