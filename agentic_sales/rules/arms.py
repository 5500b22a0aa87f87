"""Learn from outcomes of leads which arms of a flow to try next, and stop arms that do harm.

A lead is a trial of one arm of each kind: the query and the source that found it, the persona and the template by which
it was written to, the band of its score. The kinds are judged apart from each other. The rewards of outcomes, and the
time that answers take, are in the table `outcome_rewards`.

**Pending** is a trial without an outcome that judges the arm: a lead that is not written to yet, or one that is silent.
A silent trial becomes a pull without a reward bit by bit, by the share of answers that have come by its age. Otherwise
answers would count at once and silence only after weeks. An arm would then look the better the newer its trials are.
See Vernade, Cappé and Perchet, "Stochastic Bandit Models for Delayed Conversions", 2017.

Everything is counted anew from all trials each time. So a late outcome counts for its own round, and nothing counts
twice.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from agentic_sales.rules.bandit import BanditArm, allot
from agentic_sales.rules.outcome_rewards import ArmKind, Rewards
from agentic_sales.rules.shares import wilson

FLOW_EXPLORATION = 0.1
"""The c of the bonus of a flow that states no other. It is half the standard deviation of a reward that comes in 4 % of
trials."""
FLOW_DISCOUNT = 0.98
"""Weight that earlier rounds keep in each later one. It is half after 34 rounds."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A lead as a trial of its arms, or several that are alike."""

    arms: Mapping[ArmKind, str]
    """Name of its arm of each kind. A kind without an arm is absent."""
    outcomes: tuple[str, ...] = ()
    """Its stage and its outcome. The table knows their names and passes over others."""
    days: float | None = None
    """Days since its first message was sent. None: none was sent."""
    rounds_ago: int = 0
    """Rounds since its arms were chosen. 0 is the last round."""
    count: int = 1
    """Leads that are alike in all this."""


@dataclass(frozen=True, slots=True)
class ArmPlan:
    """The plan of the next round for the arms of one kind."""

    kind: ArmKind
    """Their kind."""
    contacts: Mapping[str, int]
    """Contacts of each arm that is not stopped."""
    stopped: Mapping[str, str]
    """Arms that are stopped, and why."""
    arms: Mapping[str, BanditArm] = field(default_factory=dict)
    """Their statistics."""


def bandit_arms(
    trials: Iterable[Trial], kind: ArmKind, rewards: Rewards, *, discount: float = FLOW_DISCOUNT
) -> dict[str, BanditArm]:
    """Return the statistics of the arms of a kind from trials.

    Args:
        trials: All trials of a flow.
        kind: The kind.
        rewards: Rewards of outcomes.
        discount: Weight that earlier rounds keep in each later one, 0-1.
    """
    sums = defaultdict[str, list[float]](lambda: [0.0, 0.0, 0.0])
    for trial in trials:
        name = trial.arms.get(kind)
        end = rewards.end_of(kind, trial.outcomes)
        if not name or (end is not None and kind not in end.kinds):
            continue
        weight = trial.count * discount**trial.rounds_ago
        settled = 1.0 if end else rewards.answered_by(trial.days)
        worth = end.reward * rewards.factor_of(kind, trial.outcomes) if end else 0.0
        for place, part in enumerate((settled, worth, 1.0 - settled)):
            sums[name][place] += weight * part
    return {
        name: BanditArm(pulls=pulls, reward=reward, pending=pending) for name, (pulls, reward, pending) in sums.items()
    }


def stopped_arms(
    trials: Iterable[Trial], kind: ArmKind, rewards: Rewards, *, looked_at: Mapping[str, int] | None = None
) -> dict[str, str]:
    """Return the arms of a kind that are stopped, and why.

    Args:
        trials: All trials of a flow.
        kind: The kind.
        rewards: Has the rules by which arms are stopped.
        looked_at: Harms of an arm, by `harms_of`, when a person let it go on. The next harm stops it again.
    """
    given = list(trials)
    known, harms = looked_at or {}, harms_of(given, kind, rewards)
    stopped: dict[str, str] = {}
    for rule in (rule for rule in rewards.stops if kind in rule.kinds):
        harmed, written = defaultdict[str, int](int), defaultdict[str, int](int)
        for trial in given:
            is_harm = not rule.counts.isdisjoint(trial.outcomes)
            if name := trial.arms.get(kind):
                harmed[name] += trial.count * is_harm
                written[name] += trial.count * (is_harm or trial.days is not None)
        for name, count in harmed.items():
            if count < rule.fewest or harms[name] <= known.get(name, 0) or name in stopped:
                continue
            if wilson(count / written[name], written[name])[0] > rule.most_ratio:
                stopped[name] = f"{count} of {written[name]} people {rule.words}"
    return stopped


def harms_of(trials: Iterable[Trial], kind: ArmKind, rewards: Rewards) -> dict[str, int]:
    """Count the trials of each arm of a kind with an outcome that can stop it."""
    counted = frozenset[str]().union(*(rule.counts for rule in rewards.stops if kind in rule.kinds))
    found = defaultdict[str, int](int)
    for trial in trials:
        if (name := trial.arms.get(kind)) and not counted.isdisjoint(trial.outcomes):
            found[name] += trial.count
    return found


def next_round(
    trials: Collection[Trial],
    kind: ArmKind,
    names: Collection[str],
    contacts: int,
    *,
    rewards: Rewards,
    seed: str,
    exploration: float = FLOW_EXPLORATION,
    discount: float = FLOW_DISCOUNT,
    looked_at: Mapping[str, int] | None = None,
) -> ArmPlan:
    """Share the contacts of the next round out among the arms of a kind.

    Args:
        trials: All trials of the flow.
        kind: The kind.
        names: Arms that the flow has now.
        contacts: Contacts of the round. If every arm is stopped, none is given.
        rewards: Rewards of outcomes.
        seed: Orders arms of which equally much is known, such as the id of the round.
        exploration: The c of the bonus, on the scale of the rewards.
        discount: Weight that earlier rounds keep in each later one, 0-1.
        looked_at: As in `stopped_arms`.
    """
    arms = bandit_arms(trials, kind, rewards, discount=discount)
    stopped = stopped_arms(trials, kind, rewards, looked_at=looked_at)
    given = allot(arms, names, contacts, exploration=exploration, stopped=stopped, seed=seed)
    return ArmPlan(kind, given, {name: why for name, why in stopped.items() if name in names}, arms)


def dealt(plan: ArmPlan, *, seed: str) -> list[str]:
    """Return the arm of each contact of a round, in order. Every part of the list has nearly the shares of the whole.

    A round that finds fewer people than it may write to so keeps the shares. The orders of two kinds have nothing to do
    with each other. Otherwise every second contact would get the same persona with the same template, and nobody could
    tell which of them was answered.

    Args:
        plan: The plan of the round.
        seed: Decides the order, such as the id of the round.
    """
    turns = [
        ((turn + _chance(seed, plan.kind, name, str(turn))) / count, name)
        for name, count in plan.contacts.items()
        for turn in range(count)
    ]
    return [name for _, name in sorted(turns)]


def _chance(*words: str) -> float:
    """Return a number from 0 to 1 that is the same for the same words."""
    return int.from_bytes(sha256("\0".join(words).encode()).digest()[:6]) / 2**48
