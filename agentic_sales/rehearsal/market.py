"""Let a flow learn in a market whose arms answer at known rates, and compare it with a choice by chance and an oracle.

Each round writes to some contacts, a week after the one before. A contact has an arm of each kind and answers at the
product of their rates, after as many days as the table `outcome_rewards` says. The arms of the next round are chosen by
`rules.arms.next_round`, as a flow chooses them, from nothing but the outcomes that have come by then.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from random import Random
from statistics import fmean

from agentic_sales.rules.arms import FLOW_DISCOUNT, FLOW_EXPLORATION, ArmPlan, Trial, dealt, next_round
from agentic_sales.rules.outcome_rewards import ArmKind, Rewards, rewards_of_outcomes

RATES = (0.01, 0.02, 0.02, 0.03, 0.03, 0.04, 0.07, 0.08)
"""Rates of the arms by which the choice is judged."""
LAST_ROUNDS = 5
"""Rounds at the end by which it is told whether the best arms were found."""
Combination = tuple[str, ...]
"""The arms of one contact, in the order of the kinds of the market."""


@dataclass(frozen=True, slots=True)
class Market:
    """The people and their answers."""

    rates: Mapping[ArmKind, Mapping[str, float]]
    """Rates of the arms of each kind. The share of contacts that answer with interest is the product of their arms'."""
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
    best_arms: int = 2
    """Arms of each kind that are called the best ones."""

    def best(self, kind: ArmKind) -> list[str]:
        """Return the arms of a kind with the highest rates among those that draw no complaints, if there are any."""
        rates = self.rates[kind]
        harmless = [name for name in rates if not self.complaints.get(name)] or list(rates)
        return sorted(harmless, key=lambda name: -rates[name])[: self.best_arms]

    def rate(self, arms: Combination) -> float:
        """Return the share of the contacts with these arms that answer with interest, 0-1."""
        return prod(rates[name] for rates, name in zip(self.rates.values(), arms, strict=True))

    def complaint(self, arms: Combination) -> float:
        """Return the share of the contacts with these arms that complain, 0-1: that of the worst of them."""
        return max(self.complaints.get(name, 0.0) for name in arms)


@dataclass(frozen=True, slots=True)
class Season:
    """The results of all rounds."""

    contacts: Sequence[Mapping[Combination, int]]
    """Contacts by their arms, a mapping for each round."""
    answers: int
    """Contacts that answered with interest, those that answer after the last round among them."""
    regret: float
    """Answers that the best of the harmless arms alone would have brought more, by the rates."""
    after_complaint: int
    """Contacts that were written to by an arm of which a complaint was known when their round began."""

    def best_share(self, market: Market) -> float:
        """Return the share of the contacts of the last rounds all of whose arms were among the best ones, 0-1."""
        best = [set(market.best(kind)) for kind in market.rates]
        last = [(arms, count) for given in self.contacts[-LAST_ROUNDS:] for arms, count in given.items()]
        good = sum(count for arms, count in last if all(map(set.__contains__, best, arms)))
        return good / max(1, sum(count for _, count in last))


@dataclass(frozen=True, slots=True)
class Strategy:
    """The results of one way to choose arms, over many seeds."""

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


@dataclass(frozen=True, slots=True)
class _Sent:
    """The contacts of one round with the same arms."""

    arms: Combination
    round: int
    count: int
    answered: list[float]
    """Days until each answer."""
    complained: list[float]
    """Days until each complaint."""

    def trials(self, now: int, market: Market) -> Iterable[Trial]:
        """Return them as they are known when a round begins."""
        days = (now - self.round) * market.round_days
        interested = sum(day <= days for day in self.answered)
        complained = sum(day <= days for day in self.complained)
        silent = self.count - interested - complained
        arms = dict(zip(market.rates, self.arms, strict=True))
        for outcomes, count in (("interested",), interested), (("complained",), complained), ((), silent):
            if count:
                yield Trial(arms, ("sent", *outcomes), days, now - self.round, count)


Choose = Callable[[int, Sequence[Trial]], Iterable[ArmPlan]]
"""Takes the number of a round and what is known. Returns a plan for each kind of arms, in the order of the market."""


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
        rewards: Values of outcomes, and the times until answers. None: our table.
    """
    table = rewards or rewards_of_outcomes()

    def learn(seed: int) -> Choose:
        return lambda number, trials: [
            next_round(
                trials,
                kind,
                names,
                market.contacts,
                rewards=table,
                seed=f"{seed}/{number}",
                exploration=exploration,
                discount=discount,
            )
            for kind, names in market.rates.items()
        ]

    def know(_: int, __: object) -> list[ArmPlan]:
        return [ArmPlan(kind, {market.best(kind)[0]: market.contacts}, {}) for kind in market.rates]

    ways: dict[str, Callable[[int], Choose]] = {
        "bandit": learn,
        "chance": lambda _: lambda number, __: _evenly(market, number),
        "oracle": lambda _: know,
    }
    return [
        _summed(name, market, [season(market, way(seed), seed=seed, rewards=table) for seed in range(seeds)])
        for name, way in ways.items()
    ]


def season(market: Market, choose: Choose, *, seed: int, rewards: Rewards) -> Season:
    """Let all rounds pass. Nobody is written to while every arm of a kind is stopped.

    Args:
        market: The market.
        choose: Chooses the arms of each round.
        seed: Decides the answers and their times.
        rewards: Has the days that answers take.
    """
    chance = Random(seed)  # noqa: S311 - a simulation
    sent, rounds, after_complaint = list[_Sent](), list[Mapping[Combination, int]](), 0
    for number in range(market.rounds):
        trials = [trial for one in sent for trial in one.trials(number, market)]
        orders = [dealt(plan, seed=f"{seed}/{number}") for plan in choose(number, trials)]
        given = Counter(zip(*orders, strict=False))
        harmful = {name for trial in trials if "complained" in trial.outcomes for name in trial.arms.values()}
        after_complaint += sum(count for arms, count in given.items() if not harmful.isdisjoint(arms))
        rounds.append(given)
        for arms, count in given.items():
            answered = _days_of(market, market.rate(arms), count, chance, rewards)
            complained = _days_of(market, market.complaint(arms), count - len(answered), chance, rewards)
            sent.append(_Sent(arms, number, count, answered, complained))
    best = market.rate(tuple(market.best(kind)[0] for kind in market.rates))
    regret = sum(count * (best - market.rate(arms)) for given in rounds for arms, count in given.items())
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


def _evenly(market: Market, number: int) -> list[ArmPlan]:
    """Share the contacts of a round out evenly. The rest goes to other arms in each round."""
    plans = []
    for kind, names in market.rates.items():
        every, rest = divmod(market.contacts, len(names))
        given = {name: every + ((place + number) % len(names) < rest) for place, name in enumerate(names)}
        plans.append(ArmPlan(kind, given, {}))
    return plans


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
