"""A higher band of the score never answers less, and few outcomes change nothing."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_sales.rules.arms import Trial
from agentic_sales.rules.calibration import FEWEST_OUTCOMES, Calibration, calibrated, isotonic
from tests.support.flow_trials import BANDS, BOUNDED, REWARDS, trials

POINTS = st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 50)), min_size=1, max_size=12)


def of_bands(**told: tuple[int, int]) -> Calibration:
    """Return a calibration by the interested and all leads of bands such as `b6`."""
    given = list[Trial]()
    for name, (interested, every) in told.items():
        band = f"0.{name[1]}-0.{int(name[1]) + 1}"
        for outcomes, count in ((("sent", "interested"), interested), (("sent",), every - interested)):
            if count:
                given.append(Trial({"score_band": band}, outcomes, 30, 0, count))
    return calibrated(given, REWARDS)


def rates(given: Calibration) -> list[float]:
    """Return the rates of the bands, the lowest band first."""
    return [band.rate for band in given.bands]


def test_bands_that_fall_are_pooled() -> None:
    assert rates(of_bands(b6=(4, 40), b7=(1, 60), b8=(10, 50))) == pytest.approx([0.05, 0.05, 0.2])


def test_bands_that_rise_stay_as_they_are() -> None:
    assert rates(of_bands(b6=(1, 40), b7=(3, 60), b8=(10, 50))) == pytest.approx([0.025, 0.05, 0.2])


def test_a_score_has_the_rate_of_its_band() -> None:
    given = of_bands(b6=(1, 40), b8=(10, 50))
    assert [given.rate_of(score) for score in (0.59, 0.6, 0.75, 0.8, 1.0)] == [None, 0.025, 0.025, 0.2, 0.2]


def test_with_too_few_outcomes_the_score_is_left_as_it_is() -> None:
    few, enough = of_bands(b6=(0, FEWEST_OUTCOMES - 2), b8=(1, 1)), of_bands(b6=(0, FEWEST_OUTCOMES - 1), b8=(1, 1))
    assert (few.rate_of(0.8), few.threshold(0.6, 0.5)) == (None, 0.6)
    assert (enough.rate_of(0.8), enough.threshold(0.6, 0.5)) == (1.0, 0.8)


def test_leads_without_an_answer_count_when_none_can_come_any_more() -> None:
    young = Trial({"score_band": "0.6-0.7"}, ("sent",), 20, 0, 50)
    old = Trial({"score_band": "0.6-0.7"}, ("sent",), 21, 0, 50)
    assert calibrated([young, old], REWARDS).outcomes == 50


def test_a_threshold_rises_only_past_bands_that_are_surely_too_low() -> None:
    assert of_bands(b6=(0, 40), b7=(2, 40), b8=(5, 40)).threshold(0.6, 0.02) == 0.6
    assert of_bands(b6=(0, 400), b7=(2, 40), b8=(5, 40)).threshold(0.6, 0.02) == 0.7
    assert of_bands(b6=(0, 400), b7=(2, 400), b8=(5, 400)).threshold(0.6, 0.5) == 0.8


def test_a_band_without_a_number_is_named() -> None:
    with pytest.raises(ValueError, match="`good` is no band of a score"):
        calibrated([Trial({"score_band": "good"}, ("interested",), 1)], REWARDS)


@BOUNDED
@given(POINTS)
def test_isotonic_values_rise_keep_the_mean_and_stay_between_the_given_ones(points: list[tuple[float, float]]) -> None:
    values, weights = [value for value, _ in points], [weight for _, weight in points]
    found = isotonic(values, weights)
    assert all(low <= high + 1e-12 for low, high in itertools.pairwise(found))
    assert min(values) - 1e-9 <= found[0]
    assert found[-1] <= max(values) + 1e-9
    before, after = (sum(v * w for v, w in zip(those, weights, strict=True)) for those in (values, found))
    assert after == pytest.approx(before)
    assert isotonic(found, weights) == pytest.approx(found)


@BOUNDED
@given(POINTS, st.lists(st.floats(0, 1), min_size=12, max_size=12))
def test_no_other_rising_values_are_nearer(points: list[tuple[float, float]], others: list[float]) -> None:
    values, weights = [value for value, _ in points], [weight for _, weight in points]

    def distance(to: list[float]) -> float:
        return sum(w * (v - t) ** 2 for v, t, w in zip(values, to, weights, strict=True))

    assert distance(isotonic(values, weights)) <= distance(sorted(others[: len(values)])) + 1e-9


@BOUNDED
@given(trials(), st.floats(0, 1), st.floats(0, 1))
def test_a_calibrated_score_is_monotone_and_a_threshold_is_never_lowered(
    given: list[Trial], least_rate: float, threshold: float
) -> None:
    found = calibrated(given, REWARDS)
    assert [band.band for band in found.bands] == sorted({band.band for band in found.bands})
    told = [found.rate_of(score / 100) for score in range(101)]
    known = [rate for rate in told if rate is not None]
    assert known == sorted(known)
    assert all(0 <= rate <= 1 for rate in known)
    assert (not known) or found.outcomes >= FEWEST_OUTCOMES
    assert found.threshold(threshold, least_rate) >= threshold
    assert found.threshold(threshold, 0.0) == max(threshold, found.bands[0].low if known else 0.0)
    assert {band.band for band in found.bands} <= set(BANDS)
