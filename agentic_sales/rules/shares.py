"""Tell how sure a share of some cases is, by Wilson's score interval (1927).

The interval is honest for few cases and for extreme counts.
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

CONFIDENCE_RATIO = 0.95
"""How often an interval holds the true share."""
Z = NormalDist().inv_cdf((1 + CONFIDENCE_RATIO) / 2)
"""Standard deviations of an interval."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share, and how sure it is."""

    count: int
    """How many."""
    of: int
    """Out of how many."""
    low_ratio: float | None
    """Lower end of the interval, 0-1. None without any case, because nothing can be told then."""
    high_ratio: float | None
    """Upper end."""


def wilson(ratio: float, cases: float) -> tuple[float, float]:
    """Return the interval in which the true share lies. Without cases it is 0 to 1.

    A mean of scores between 0 and 1 is taken as a share, for which the interval is never too narrow.

    Args:
        ratio: The share that was seen, 0-1.
        cases: Number of cases. It may be a sum of weights.
    """
    if not cases:
        return 0.0, 1.0
    spread = Z * Z / cases
    middle = ratio + spread / 2
    half = Z * sqrt(ratio * (1 - ratio) / cases + spread / (4 * cases))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def share(count: int, of: int) -> Share:
    """Return a share with its interval, rounded to four digits."""
    if of == 0:
        return Share(count, of, None, None)
    low, high = wilson(count / of, of)
    return Share(count, of, round(low, 4), round(high, 4))
