"""Let a flow learn in a market whose arms answer at known rates, and compare it with a choice by chance and an oracle.

Each round writes to some contacts, a week apart. An arm's contacts answer at its rate, after as many days as the table
`outcome_rewards` says. The arms of the next round are chosen by `rules.arms.next_round`, as a flow chooses them, from
nothing but the outcomes that have come by then.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import fmean

from agentic_sales.rules.arms import FLOW_DISCOUNT, FLOW_EXPLORATION, Trial, next_round
from agentic_sales.rules.outcome_rewards import ArmKind, Rewards, rewards_of_outcomes

KIND: ArmKind = "template"
"""Kind of the arms of a market. Any kind is judged by an answer in the same way."""
RATES = (0.01, 0.02, 0.02, 0.03, 0.03, 0.04, 0.07, 0.08)
LAST_ROUNDS = 5
"""Rounds at the end by which it is told whether the best arms were found."""
BEST_ARMS = 2


@dataclass(frozen=True, slots=True)
class Market:
    """Who answers what."""

    rates: Mapping[str, float]
    """Share of an arm's contacts that answer with interest, 0-1."""
    complaints: Mapping[str, float] = field(default_factory=dict)
    """Share of an arm's contacts that complain, 0-1. An arm that is absent draws none."""
    rounds: int = 20
    """Rounds."""
    contacts: int = 100
    """Contacts of a round."""
    round_days: float = 7.0
    """Days from one round to the next."""
    slowness: float = 1.0
    """How many times as long answers take as the table says, which the bandit does not know."""

    @property
    def best(self) -> list[str]:
        """Return the arms with the highest rates among those that draw no complaints, if there are any."""
        harmless = [name for name in self.rates if not self.complaints.get(name)] or list(self.rates)
        return sorted(harmless, key=lambda name: -self.rates[name])[:BEST_ARMS]


@dataclass(frozen=True, slots=True)
class Season:
    """What became of all rounds."""

    contacts: Sequence[Mapping[str, int]]
    """Contacts of each arm by round."""
    answers: int
    """Contacts that answered with interest, those that answer after the last round among them."""
    regret: float
    """Answers that the best of the harmless arms alone would have brought more, by the rates."""
    after_complaint: int
    """Contacts that were written to by an arm of which a complaint was known when their round began."""

    def best_share(self, market: Market) -> float:
        """Return the share of the contacts of the last rounds that went to the best arms, 0-1."""
        last = self.contacts[-LAST_ROUNDS:]
        every = sum(sum(given.values()) for given in last)
        return sum(given.get(name, 0) for given in last for name in market.best) / every if every else 0.0


@dataclass(frozen=True, slots=True)
class Strategy:
    """What one way to choose arms brought, over many seeds."""

    name: str
    """`bandit`, `chance` or `oracle`."""
    best_share: float
    """Mean share of the contacts of the last rounds that went to the best arms, 0-1."""
    lowest_best_share: float
    """Its lowest value over the seeds."""
    answers: float
    """Mean answers of a season."""
    regret: float
    """Mean answers that the best arm alone would have brought more."""
    after_complaint: int
    """Contacts of all seeds that were written to by an arm of which a complaint was known."""


@dataclass(slots=True)
class _Sent:
    """The contacts of one arm in one round."""

    arm: str
    round: int
    count: int
    answered: list[float]
    """Days after which each of those who answer does."""
    complained: list[float]
    """Days after which each of those who complain does."""

    def trials(self, now: int, market: Market) -> list[Trial]:
        """Return them as they are known when a round begins."""
        days = (now - self.round) * market.round_days
        ends = (
            ("interested", sum(day <= days for day in self.answered)),
            ("complained", sum(day <= days for day in self.complained)),
        )
        silent = self.count - sum(count for _, count in ends)
        told = ((("sent", outcome), count) for outcome, count in ends)
        every = [*told, (("sent",), silent)]
        return [Trial({KIND: self.arm}, outcomes, days, now - self.round, count) for outcomes, count in every if count]


Choose = Callable[[int, Sequence[Trial]], Mapping[str, int]]
"""Takes the number of a round and what is known. Returns the contacts of each arm."""


def strategies(
    market: Market,
    *,
    seeds: int,
    exploration: float = FLOW_EXPLORATION,
    discount: float = FLOW_DISCOUNT,
    rewards: Rewards | None = None,
) -> list[Strategy]:
    """Compare the bandit of a flow with a choice by chance and with an oracle that knows the best arm.

    Args:
        market: The market.
        seeds: Seasons of each.
        exploration: The c of the bandit's bonus.
        discount: Weight that earlier rounds keep in each later one, 0-1.
        rewards: What outcomes are worth, and how long answers take. None: our table.
    """
    table = rewards or rewards_of_outcomes()

    def learn(seed: int) -> Choose:
        return lambda number, trials: (
            next_round(
                trials,
                KIND,
                market.rates,
                market.contacts,
                rewards=table,
                seed=f"{seed}/{number}",
                exploration=exploration,
                discount=discount,
            ).contacts
        )

    ways: dict[str, Callable[[int], Choose]] = {
        "bandit": learn,
        "chance": lambda _: lambda number, __: _evenly(market, number),
        "oracle": lambda _: lambda _, __: {market.best[0]: market.contacts},
    }
    return [
        _summed(name, market, [season(market, way(seed), seed=seed, rewards=table) for seed in range(seeds)])
        for name, way in ways.items()
    ]


def season(market: Market, choose: Choose, *, seed: int, rewards: Rewards) -> Season:
    """Let all rounds pass.

    Args:
        market: The market.
        choose: Chooses the arms of each round.
        seed: Decides who answers and when.
        rewards: Has the days that answers take.
    """
    chance = Random(seed)  # noqa: S311 - a simulation
    sent, rounds, after_complaint = list[_Sent](), list[Mapping[str, int]](), 0
    for number in range(market.rounds):
        trials = [trial for one in sent for trial in one.trials(number, market)]
        given = choose(number, trials)
        harmful = {trial.arms[KIND] for trial in trials if "complained" in trial.outcomes}
        after_complaint += sum(given.get(name, 0) for name in harmful)
        rounds.append(given)
        for name, count in given.items():
            answered = _days_of(market, market.rates[name], count, chance, rewards)
            complained = _days_of(market, market.complaints.get(name, 0.0), count - len(answered), chance, rewards)
            sent.append(_Sent(name, number, count, answered, complained))
    best = market.rates[market.best[0]]
    regret = sum(count * (best - market.rates[name]) for given in rounds for name, count in given.items())
    return Season(rounds, sum(len(one.answered) for one in sent), regret, after_complaint)


def _days_of(market: Market, rate: float, count: int, chance: Random, rewards: Rewards) -> list[float]:
    """Return the days after which those of some contacts act who do so at all."""
    acting = sum(chance.random() < rate for _ in range(count)) if rate else 0
    return [market.slowness * _arrival(chance.random(), rewards) for _ in range(acting)]


def _arrival(ratio: float, rewards: Rewards) -> float:
    """Return the day by which a share of all answers has come."""
    at = max(1, bisect_left(rewards.answered, ratio))
    (low, high), (before, after) = rewards.answered[at - 1 : at + 1], rewards.days[at - 1 : at + 1]
    return before + (after - before) * (ratio - low) / (high - low)


def _evenly(market: Market, number: int) -> dict[str, int]:
    """Share the contacts of a round out evenly. The rest goes to other arms in each round."""
    names = list(market.rates)
    every, rest = divmod(market.contacts, len(names))
    return {name: every + ((place + number) % len(names) < rest) for place, name in enumerate(names)}


def _summed(name: str, market: Market, seasons: Sequence[Season]) -> Strategy:
    shares = [one.best_share(market) for one in seasons]
    return Strategy(
        name,
        fmean(shares),
        min(shares),
        fmean(one.answers for one in seasons),
        fmean(one.regret for one in seasons),
        sum(one.after_complaint for one in seasons),
    )
