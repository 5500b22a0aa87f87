"""Choose among arms by discounted UCB, so that what answered lately is tried more and nothing is given up for ever.

Every round, what was learnt before loses a part of its weight. An arm is chosen by its mean reward and a bonus that
grows while it is not tried: `mean + c * sqrt(ln(total) / pulls)`. The source is Garivier and Moulines, "On
Upper-Confidence Bound Policies for Switching Bandit Problems", 2011.
"""

import math
from collections.abc import Collection, Iterable, Mapping

from pydantic import BaseModel, Field

UCB_EXPLORATION = 1.4
"""The c of the bonus. Callers know it."""
DISCOUNT = 0.95
"""Weight that earlier rounds keep in each later one."""


class BanditArm(BaseModel):
    """What is known of one arm."""

    pulls: float = Field(default=0.0, ge=0, description="Discounted number of rounds in which it was tried.")
    reward: float = Field(default=0.0, ge=0, description="Discounted sum of its rewards, each 0-1.")

    @property
    def mean(self) -> float:
        """Return its mean reward. 0 for an arm that was never tried."""
        return self.reward / self.pulls if self.pulls else 0.0


Arms = Mapping[str, BanditArm]
"""Arms by their names."""


def choose_arms(arms: Arms, names: Collection[str], most: int, *, exploration: float = UCB_EXPLORATION) -> list[str]:
    """Return the arms to try next, the most promising first. Arms that were never tried come before all others.

    Args:
        arms: What is known.
        names: Arms that may be chosen.
        most: Arms to choose.
        exploration: The c of the bonus.
    """
    total = sum(arms[name].pulls for name in names if name in arms)

    def promise(name: str) -> float:
        arm = arms.get(name, BanditArm())
        if not arm.pulls:
            return math.inf
        return arm.mean + exploration * math.sqrt(math.log(max(total, 1.0)) / arm.pulls)

    return sorted(dict.fromkeys(names), key=lambda name: -promise(name))[:most]


def learnt(arms: Arms, rewards: Iterable[tuple[str, float]], *, discount: float = DISCOUNT) -> dict[str, BanditArm]:
    """Return the arms after one round.

    Args:
        arms: What was known before.
        rewards: Each arm that was tried, and its reward, which is cut to 0-1.
        discount: Weight that the rounds before keep.
    """
    after = {name: BanditArm(pulls=arm.pulls * discount, reward=arm.reward * discount) for name, arm in arms.items()}
    for name, reward in rewards:
        arm = after.get(name, BanditArm())
        after[name] = BanditArm(pulls=arm.pulls + 1, reward=arm.reward + min(max(reward, 0.0), 1.0))
    return after
