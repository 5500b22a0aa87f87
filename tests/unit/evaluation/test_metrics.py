"""How one answer is scored, how scores become a number, and how sure that is."""

from collections.abc import Callable
from typing import Any

import pytest

from agentic_sales.evaluation import metrics
from agentic_sales.evaluation.noise import by_chance, changes
from agentic_sales.rules.shares import wilson


@pytest.mark.parametrize(
    ("metric", "found", "label", "score"),
    [
        (metrics.exact, "DE", "DE", 1.0),
        (metrics.exact, "de", "DE", 0.0),
        (metrics.exact, None, None, 1.0),
        (metrics.exact, 1, True, 0.0),
        (metrics.exact, "other", {"is": "not_now", "accept": ["not_now", "other"]}, 1.0),
        (metrics.set_f1, ["a", "B"], ["b", "c"], 0.5),
        (metrics.set_f1, [], [], 1.0),
        (metrics.set_f1, ["invented"], [], 0.0),
        (metrics.set_f1, None, ["a"], 0.0),
        (metrics.includes, ["a", "b", "further"], ["a", "c"], 0.5),
        (metrics.in_range, 0.2, (0.2, 0.4), 1.0),
        (metrics.in_range, 0.41, (0.2, 0.4), 0.0),
        (metrics.in_range, None, (0.2, 0.4), 0.0),
        (metrics.in_closed_list, "x", ["x", "y"], 1.0),
        (metrics.in_closed_list, ["x", "z"], ["x", "y"], 0.5),
        (metrics.quotes_found, ["Free  TIER", "never said"], "There is a free tier for teams.", 0.5),
        (metrics.quotes_found, ["tie"], "There is a free tier.", 0.0),
        (metrics.quotes_found, ["two"], ["page one", "page two"], 1.0),
        (metrics.length, "abc", (3, 5), 1.0),
        (metrics.length, "abcdef", (3, 5), 0.0),
        (metrics.set_f1, [19.0, None], [19, None], 1.0),
        (metrics.count, ["a", "b"], 2, 1.0),
        (metrics.count, None, 0, 1.0),
        (metrics.count, ["a"], 0, 0.0),
        (metrics.is_filled, "why", True, 1.0),
        (metrics.is_filled, [], True, 0.0),
        (metrics.is_filled, None, False, 1.0),
        (metrics.words_at_most, "two words", 2, 1.0),
        (metrics.words_at_most, "three words here", 2, 0.0),
        (metrics.words_at_most, "", 2, 0.0),
        (metrics.without_phrases, "I hope\nthis finds you well", ["hope this finds you"], 0.0),
        (metrics.without_phrases, "Straight to the point", ["hope this finds you"], 1.0),
        (metrics.with_phrases, "Hi {{name}},", ["{{name}}", "Ada"], 0.5),
        (metrics.similarity, "of the book the end", "the end of the book", 1.0),
    ],
)
def test_an_answer_is_scored_against_its_label(
    metric: Callable[[Any, Any], float], found: Any, label: Any, score: float
) -> None:
    assert metric(found, label) == pytest.approx(score)


def test_texts_that_share_little_are_not_similar() -> None:
    assert metrics.similarity("an offer of pumps", "quarterly figures") < 0.5


PAIRS = [("a", "a"), ("a", "b"), ("b", "b"), ("b", "b"), (None, "a"), (True, True)]


def test_the_confusion_matrix_counts_labels_by_what_was_found() -> None:
    counts = metrics.confusion(PAIRS)
    assert counts == {"a": {"a": 1, "b": 1}, "b": {"b": 2}, "none": {"a": 1}, "true": {"true": 1}}
    assert metrics.recalls(counts) == {"a": 0.5, "b": 1.0, "none": 0.0, "true": 1.0}


def test_macro_f1_weighs_every_class_alike() -> None:
    # a: 1 right of 2 labelled and 2 found; b: 2 of 2 and 3; none: 0 of 1 and 0; true: 1 of 1 and 1.
    assert metrics.macro_f1(metrics.confusion(PAIRS)) == pytest.approx((2 / 4 + 4 / 5 + 0 + 1) / 4)
    assert metrics.macro_f1({}) == 0.0


def test_an_accepted_answer_counts_for_the_class_of_its_label() -> None:
    label = {"is": "not_now", "accept": ["not_now", "other"]}
    assert metrics.confusion([(label, "other")]) == {"not_now": {"not_now": 1}}


@pytest.mark.parametrize(
    ("share", "cases", "interval"),
    [(0.5, 10, (0.2366, 0.7634)), (1.0, 10, (0.7225, 1.0)), (0.0, 10, (0.0, 0.2775)), (0.9, 0, (0.0, 1.0))],
)
def test_the_interval_is_wilsons(share: float, cases: int, interval: tuple[float, float]) -> None:
    assert wilson(share, cases) == pytest.approx(interval, abs=1e-4)


@pytest.mark.parametrize(("better", "worse", "chance"), [(0, 0, 1.0), (3, 2, 1.0), (6, 0, 0.03125), (0, 5, 0.0625)])
def test_few_changed_cases_are_noise(better: int, worse: int, chance: float) -> None:
    assert by_chance(better, worse) == pytest.approx(chance)


def test_changes_count_the_cases_of_both_results() -> None:
    assert changes({"a": 0.0, "b": 1.0, "c": 0.5, "gone": 1.0}, {"a": 1.0, "b": 0.0, "c": 0.5, "new": 0.0}) == (1, 1)
