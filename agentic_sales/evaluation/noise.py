"""Tell whether two results differ by more than chance."""

from collections.abc import Mapping
from math import comb

MOST_BY_CHANCE = 0.05
"""A difference that chance makes less often than this is more than noise."""


def by_chance(better: int, worse: int) -> float:
    """Return how probable it is that chance alone makes as uneven a pair of counts, by the two-sided sign test."""
    changed = better + worse
    tail = sum(comb(changed, count) for count in range(min(better, worse) + 1))
    return min(1.0, float(2 * tail / 2**changed))


def changes(before: Mapping[str, float], after: Mapping[str, float]) -> tuple[int, int]:
    """Count the cases of two results that got better and worse. A case that one of them lacks does not count."""
    both = [(before[case], after[case]) for case in before.keys() & after.keys()]
    return sum(now > then for then, now in both), sum(now < then for then, now in both)
