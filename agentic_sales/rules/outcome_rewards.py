"""Tell the worth of an outcome of a lead, 0 to 1, for the arms that led to it. The table `outcome_rewards` says why."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from agentic_sales.rules.tables import Compiled, Table

ArmKind = Literal["query", "source", "persona", "template", "score_band"]
"""Kinds of arms. A lead is a trial of one arm of each kind that its flow learns from."""
ARM_KINDS: tuple[ArmKind, ...] = get_args(ArmKind)
Column = Literal["found", "kept", "contacted", "answered", "interested"]
"""How far a lead has come. Each column counts the leads of the later ones too."""
COLUMNS: tuple[Column, ...] = get_args(Column)


@dataclass(frozen=True, slots=True)
class OutcomeReward:
    """The reward of one outcome."""

    reward: float
    """0-1."""
    kinds: frozenset[ArmKind]
    """Kinds of arms that it judges."""
    is_harm: bool
    """True: it counts beside any other outcome of the lead."""


@dataclass(frozen=True, slots=True)
class RewardChange:
    """How an outcome changes the reward of a later one."""

    factor: float
    """0-1."""
    kinds: frozenset[ArmKind]
    """Kinds of arms with a changed reward."""


@dataclass(frozen=True, slots=True)
class StopRule:
    """When an arm is stopped."""

    counts: frozenset[str]
    """Outcomes that count."""
    kinds: frozenset[ArmKind]
    """Kinds of arms that can be stopped by them."""
    fewest: int
    """Outcomes from which on the arm can be stopped."""
    most_ratio: float
    """Share of its messages, 0-1. The lower end of the interval must be above it."""
    words: str
    """The deed in words for people: `3 people opted out`."""


@dataclass(frozen=True, slots=True)
class Rewards:
    """The table in the form of the rule."""

    outcomes: Mapping[str, OutcomeReward]
    """By outcome."""
    changes: Mapping[str, RewardChange]
    """By outcome."""
    stops: Sequence[StopRule]
    """In the order of the table."""
    days: Sequence[float]
    """Days after the first message, in order."""
    answered: Sequence[float]
    """Share of all answers that have come by these days, 0-1."""
    columns: Mapping[str, Column]
    """By outcome or stage."""

    def answered_by(self, days: float | None) -> float:
        """Return the share of all answers that have come by an age in days, 0-1. 0 before the message has gone."""
        if days is None or days < self.days[0]:
            return 0.0
        at = bisect_right(self.days, days)
        if at == len(self.days):
            return 1.0
        (before, after), (low, high) = self.days[at - 1 : at + 1], self.answered[at - 1 : at + 1]
        return low + (high - low) * (days - before) / (after - before)

    def end_of(self, kind: ArmKind, outcomes: Collection[str]) -> OutcomeReward | None:
        """Return the outcome that judges a lead for arms of a kind. None for a lead that is pending.

        A harm counts before all others, because it cannot be undone. Else the best outcome counts. An arm leads to an
        answer, and later stages are the seller's part.
        """
        known = [self.outcomes[name] for name in outcomes if name in self.outcomes]
        if not known:
            return None
        return max(known, key=lambda one: (one.is_harm, one.reward, kind in one.kinds))

    def factor_of(self, kind: ArmKind, outcomes: Iterable[str]) -> float:
        """Return the factor of the reward of a lead, 0-1."""
        factor = 1.0
        for name in outcomes:
            if name in self.changes and kind in self.changes[name].kinds:
                factor *= self.changes[name].factor
        return factor


def _built(known: Table) -> Rewards:
    arrivals = sorted((float(day), _ratio(f"answered_by.{day}", told)) for day, told in known["answered_by"].items())
    shares = [told for _, told in arrivals]
    if shares != sorted(shares) or shares[-1] != 1.0:
        raise ValueError(f"`answered_by` is {known['answered_by']}; the shares must rise with the days, the last is 1")
    return Rewards(
        outcomes={
            name: OutcomeReward(
                _ratio(f"outcomes.{name}.reward", told["reward"]), _kinds(name, told), told.get("is_harm", False)
            )
            for name, told in known["outcomes"].items()
        },
        changes={
            name: RewardChange(_ratio(f"changes.{name}.factor", told["factor"]), _kinds(name, told))
            for name, told in known["changes"].items()
        },
        stops=[
            StopRule(
                frozenset(told["counts"]),
                _kinds(name, told),
                int(told["fewest"]),
                _ratio(f"stops.{name}.most_ratio", told["most_ratio"]),
                told["words"],
            )
            for name, told in known["stops"].items()
        ],
        days=[day for day, _ in arrivals],
        answered=shares,
        columns={name: column for column in COLUMNS for name in known["columns"][column]},
    )


def _ratio(place: str, told: Any) -> float:
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told <= 1:
        raise ValueError(f"`{place}` is {told!r}; expected a number from 0 to 1")
    return float(told)


def _kinds(name: str, told: Mapping[str, Any]) -> frozenset[ArmKind]:
    if unknown := set(told["arms"]) - set(ARM_KINDS):
        raise ValueError(f"`{name}` names {sorted(unknown)}; arms are of the kinds {', '.join(ARM_KINDS)}")
    return cast("frozenset[ArmKind]", frozenset(told["arms"]))


rewards_of_outcomes = Compiled("outcome_rewards", _built)
"""Gives the rewards, with a person's changes to the table if there are any."""
