"""Read a simulated market from the command line and lay out its results."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from agentic_sales.additions import with_additions
from agentic_sales.rehearsal.market import LAST_ROUNDS, Market, Strategy, strategies
from agentic_sales.rules.outcome_rewards import ArmKind, rewards_of_outcomes
from agentic_sales.settings import settings

MOST_ARMS = 100
KIND: ArmKind = "template"
"""Kind of the arms. Any kind is judged by an answer in the same way."""


def market_of(rates: str, complaints: str, *, rounds: int, contacts: int, slowness: float) -> Market:
    """Return a market. Its arms are numbered from 1.

    Args:
        rates: CSV of the share of each arm's contacts that answer, 0-1.
        complaints: CSV of the share that complain, 0-1. Empty: nobody does.
        rounds: Rounds.
        contacts: Contacts of a round.
        slowness: How many times as long as the table says answers take.

    Raises:
        ValueError: A share is none, or the lists differ in length.
    """
    answering, complaining = _shares("--rates", rates), _shares("--complaints", complaints) if complaints else []
    if not 2 <= len(answering) <= MOST_ARMS:  # noqa: PLR2004 - a choice needs two
        raise ValueError(f"`--rates` has {len(answering)} arms; a market has 2 to {MOST_ARMS}")
    if complaining and len(complaining) != len(answering):
        raise ValueError(f"`--complaints` has {len(complaining)} arms, `--rates` has {len(answering)}; name as many")
    names = [f"arm {number}" for number in range(1, len(answering) + 1)]
    return Market(
        rates={KIND: dict(zip(names, answering, strict=True))},
        complaints=dict(zip(names, complaining, strict=False)),
        rounds=rounds,
        contacts=contacts,
        slowness=slowness,
    )


def compared(market: Market, *, seeds: int, exploration: float, discount: float) -> list[Strategy]:
    """Return the results of the bandit, of chance and of the oracle. This deployment's table values the outcomes."""
    rewards = with_additions("outcome_rewards", rewards_of_outcomes, settings().rules_dir)
    return strategies(market, seeds=seeds, exploration=exploration, discount=discount, rewards=rewards)


def as_table(found: Sequence[Strategy]) -> Table:
    """Lay the strategies out side by side."""
    table = Table(box=None, header_style="bold")
    for heading in ("", "to the best arms", "lowest", "answers", "regret", "after a complaint"):
        table.add_column(heading, justify="right" if heading else "left")
    for one in found:
        shares = f"{one.best_share:.1%}", f"{one.lowest_best_share:.1%}"
        table.add_row(one.name, *shares, f"{one.answers:.1f}", f"{one.regret:.1f}", str(one.after_complaint))
    return table


def notes(market: Market, seeds: int) -> list[str]:
    """Tell people how the numbers are meant."""
    last, most = min(LAST_ROUNDS, market.rounds), market.best_arms
    best = ", ".join(f"{name} ({market.rates[KIND][name]:g})" for name in market.best(KIND))
    return [
        f"{market.rounds} rounds of {market.contacts} contacts, mean of {seeds} seeds.",
        f"to the best arms: share of the contacts of the last {last} rounds that went to the best {most}: {best}.",
        "regret: answers that the best arm alone would have brought more. chance: all arms evenly.",
    ]


def as_data(found: Sequence[Strategy], market: Market) -> dict[str, Any]:
    """Return it as plain data."""
    return {"market": asdict(market), "best_arms": market.best(KIND), "strategies": [asdict(one) for one in found]}


def _shares(option: str, text: str) -> list[float]:
    shares = []
    for part in text.split(","):
        try:
            share = float(part)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            raise ValueError(f"`{option}` has `{part.strip()}`; expected numbers from 0 to 1, such as 0.01,0.02")
        shares.append(share)
    return shares
