"""Tell from outcomes how often leads of each band of the score answer, so that a higher band never answers less.

The rates of the bands are made to rise by isotonic regression: neighbours that fall are pooled until none does. It is
the pool adjacent violators algorithm of Ayer and others, "An Empirical Distribution Function for Sampling with
Incomplete Information", 1955. With few outcomes the score is left as it is.

Scores of leads that got no mail teach nothing. So outcomes can raise a threshold, and only a person can lower it.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agentic_sales.rules.arms import Trial
from agentic_sales.rules.outcome_rewards import Rewards
from agentic_sales.rules.shares import wilson

FEWEST_OUTCOMES = 30
"""With fewer outcomes the score is left as it is."""


@dataclass(frozen=True, slots=True)
class CalibratedBand:
    """A band of the score."""

    band: str
    """Its name, such as `0.6-0.7`."""
    low: float
    """Lowest score of the band."""
    outcomes: int
    """Leads of the band with an outcome, those that are silent for good among them."""
    reward: float
    """Sum of their rewards, each 0-1."""
    rate: float
    """Mean reward of the band and of those that it was pooled with, 0-1."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The rates of outcomes by band."""

    bands: tuple[CalibratedBand, ...]
    """The bands that have outcomes, the lowest first."""

    @property
    def outcomes(self) -> int:
        """Return the number of outcomes."""
        return sum(band.outcomes for band in self.bands)

    @property
    def is_enough(self) -> bool:
        """Tell whether the outcomes are enough to say something of the score."""
        return self.outcomes >= FEWEST_OUTCOMES

    def rate_of(self, score: float) -> float | None:
        """Return the rate of the band of a score. None: too little is known of it."""
        below = [band.rate for band in self.bands if band.low <= score]
        return below[-1] if below and self.is_enough else None

    def threshold(self, given: float, least_rate: float) -> float:
        """Return the score from which leads should be kept.

        It is raised past bands with a surely low rate: the upper end of the pooled bands' interval is below the least
        rate. The highest band is always kept.

        Args:
            given: Present threshold.
            least_rate: Mean reward below which a band is not worth its mails, 0-1.
        """
        if not self.is_enough:
            return given
        for band in self.bands[:-1]:
            pooled = [one for one in self.bands if one.rate == band.rate]
            if wilson(band.rate, sum(one.outcomes for one in pooled))[1] >= least_rate:
                return max(given, band.low)
        return max(given, self.bands[-1].low)


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the rising values that are nearest to the given ones, by the weighted sum of squares.

    Args:
        values: Values in order.
        weights: Weight of each, above 0.
    """
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        mean, total, count = value, weight, 1
        while blocks and blocks[-1][0] >= mean:
            before, before_total, before_count = blocks.pop()
            mean = (before * before_total + mean * total) / (before_total + total)
            total, count = before_total + total, before_count + count
        blocks.append((mean, total, count))
    return [mean for mean, _, count in blocks for _ in range(count)]


def calibrated(trials: Iterable[Trial], rewards: Rewards) -> Calibration:
    """Return the rates of the outcomes of leads by the bands of their scores.

    Raises:
        ValueError: The name of a band does not begin with its lowest score.
    """
    counts, sums = defaultdict[str, int](int), defaultdict[str, float](float)
    for trial in trials:
        band, end = trial.arms.get("score_band"), rewards.end_of("score_band", trial.outcomes)
        is_judged = "score_band" in end.kinds if end else rewards.answered_by(trial.days) >= 1
        if band and is_judged:
            counts[band] += trial.count
            worth = end.reward * rewards.factor_of("score_band", trial.outcomes) if end else 0.0
            sums[band] += trial.count * worth
    names = sorted(counts, key=_low)
    rates = isotonic([sums[name] / counts[name] for name in names], [counts[name] for name in names])
    bands = zip(names, rates, strict=True)
    return Calibration(tuple(CalibratedBand(name, _low(name), counts[name], sums[name], rate) for name, rate in bands))


def _low(band: str) -> float:
    """Return the lowest score of a band by its name."""
    try:
        low = float(band.partition("-")[0])
    except ValueError:
        low = math.nan
    if not 0 <= low <= 1:
        raise ValueError(f"`{band}` is no band of a score; expected a name such as `0.6-0.7`")
    return low
