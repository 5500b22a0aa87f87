"""Tell how sure a share of some cases is, and whether two results differ by more than chance."""

from collections.abc import Mapping
from math import comb, sqrt

Z_95 = 1.959964
"""Standard deviations of an interval of 95 %."""
MOST_BY_CHANCE = 0.05
"""A difference that chance makes less often than this is more than noise."""


def wilson(share: float, cases: int) -> tuple[float, float]:
    """Return the interval of 95 % in which the true share lies, by Wilson. Without cases it is 0 to 1.

    A mean of scores between 0 and 1 is taken as a share, for which the interval is never too narrow.
    """
    if not cases:
        return 0.0, 1.0
    square = Z_95**2
    middle = (share + square / (2 * cases)) / (1 + square / cases)
    half = Z_95 / (1 + square / cases) * sqrt(share * (1 - share) / cases + square / (4 * cases**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def by_chance(better: int, worse: int) -> float:
    """Return how probable it is that chance alone makes as uneven a pair of counts, by the two-sided sign test."""
    changed = better + worse
    tail = sum(comb(changed, count) for count in range(min(better, worse) + 1))
    return min(1.0, float(2 * tail / 2**changed))


def changes(before: Mapping[str, float], after: Mapping[str, float]) -> tuple[int, int]:
    """Count the cases of two results that got better and worse. A case that one of them lacks does not count."""
    both = [(before[case], after[case]) for case in before.keys() & after.keys()]
    return sum(now > then for then, now in both), sum(now < then for then, now in both)
