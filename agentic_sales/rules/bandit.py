"""Choose among arms by discounted UCB. An arm with late answers is tried more, and no arm is given up for ever.

Every round, older results lose a part of their weight. An arm is chosen by its mean reward and a bonus that grows while
it is not tried: `mean + c * sqrt(ln(total) / trials)`. The source is Garivier and Moulines, "On Upper-Confidence Bound
Policies for Switching Bandit Problems", 2011.

The rewards of a sales mail come late. A trial without an outcome is pending. It counts in the bonus and not in the
mean, so a round does not spend all its contacts on one arm before the first answer comes. The mean counts a silent
trial only by the share of answers that have come by its age: see `rules/arms.py`.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from heapq import heapify, heapreplace

from pydantic import BaseModel, Field

UCB_EXPLORATION = 1.4
"""The c of the bonus where one pull is a whole round. Callers know it."""
DISCOUNT = 0.95
"""Weight that earlier rounds keep in each later one, where one pull is a whole round."""


class BanditArm(BaseModel):
    """The statistics of one arm."""

    pulls: float = Field(default=0.0, ge=0, description="Discounted number of its trials that have an outcome.")
    reward: float = Field(default=0.0, ge=0, description="Discounted sum of its rewards, each 0-1.")
    pending: float = Field(default=0.0, ge=0, description="Discounted number of its trials without an outcome.")

    @property
    def mean(self) -> float:
        """Return its mean reward. 0 for an arm without an outcome."""
        return self.reward / self.pulls if self.pulls else 0.0

    @property
    def trials(self) -> float:
        """Return the discounted number of its trials, pending ones among them."""
        return self.pulls + self.pending


Arms = Mapping[str, BanditArm]
"""Arms by their names."""
_UNKNOWN = BanditArm()


def choose_arms(
    arms: Arms,
    names: Collection[str],
    most: int,
    *,
    exploration: float = UCB_EXPLORATION,
    stopped: Collection[str] = (),
    seed: str | None = None,
) -> list[str]:
    """Return different arms to try next, the most promising first. Arms that were never tried come before all others.

    Args:
        arms: Their statistics.
        names: Arms that may be chosen.
        most: Arms to choose.
        exploration: The c of the bonus.
        stopped: Arms that are never chosen.
        seed: Orders arms of the same promise. None: they keep the order of the names.
    """
    live = _live(names, stopped, seed)
    log_total = _log(sum(arms[name].trials for name in live if name in arms))
    return sorted(live, key=lambda name: -_promise(arms.get(name, _UNKNOWN), 0, exploration, log_total))[:most]


def allot(
    arms: Arms,
    names: Collection[str],
    trials: int,
    *,
    exploration: float,
    stopped: Collection[str] = (),
    seed: str | None = None,
) -> dict[str, int]:
    """Share the trials of one round out among arms. Return the trials of each arm that is not stopped, 0 among them.

    They are given one after the other to the most promising arm. Each counts as pending for the next one.

    Args:
        arms: Their statistics.
        names: Arms that may be chosen.
        trials: Trials of the round. Without an arm to choose, none is given.
        exploration: The c of the bonus. It is on the scale of the rewards.
        stopped: Arms that get nothing.
        seed: Orders arms of the same promise. None: they keep the order of the names.
    """
    live = _live(names, stopped, seed)
    given: Counter[str] = Counter()
    log_total = _log(sum(arms[name].trials for name in live if name in arms) + trials)

    def promise(name: str) -> float:
        return _promise(arms.get(name, _UNKNOWN), given[name], exploration, log_total)

    heap = [(-promise(name), place, name) for place, name in enumerate(live)]
    heapify(heap)
    for _ in range(trials if live else 0):
        _, place, name = heap[0]
        given[name] += 1
        heapreplace(heap, (-promise(name), place, name))
    return {name: given[name] for name in live}


def learnt(arms: Arms, rewards: Iterable[tuple[str, float]], *, discount: float = DISCOUNT) -> dict[str, BanditArm]:
    """Return the arms after one round.

    Args:
        arms: Their earlier statistics.
        rewards: Each arm that was tried, and its reward, which is cut to 0-1.
        discount: Weight that the rounds before keep.
    """
    after = {name: BanditArm(pulls=arm.pulls * discount, reward=arm.reward * discount) for name, arm in arms.items()}
    for name, reward in rewards:
        arm = after.get(name, BanditArm())
        after[name] = BanditArm(pulls=arm.pulls + 1, reward=arm.reward + min(max(reward, 0.0), 1.0))
    return after


def _promise(arm: BanditArm, further: int, exploration: float, log_total: float) -> float:
    trials = arm.trials + further
    return arm.mean + exploration * math.sqrt(log_total / trials) if trials else math.inf


def _log(total: float) -> float:
    return math.log(max(total, 1.0))


def _live(names: Collection[str], stopped: Collection[str], seed: str | None) -> list[str]:
    live = [name for name in dict.fromkeys(names) if name not in stopped]
    return live if seed is None else sorted(live, key=lambda name: (sha256(f"{seed}\0{name}".encode()).digest(), name))
