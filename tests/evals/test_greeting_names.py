"""The labelled name cells: how a person is greeted, and that no placeholder, title or URL greets anybody."""

import pytest

from agentic_sales.rules import names
from agentic_sales.rules.names import greeting
from tests.evals.tally import Tally, cases

GOAL_RATIO = 0.97
SETS = ("greeting_names", "greeting_names.own")
ALL_SETS = (*SETS, "greeting_names.strangers")
"""The last set is one on which the tables were widened: no blind set, and a guard against what a wider table breaks."""


def run(name: str) -> Tally:
    """Greet everybody of a set."""
    tally = Tally(name)
    for case in cases(name):
        told = greeting("Hi", case["name"])
        tally.count("names", repr(case["name"]), [] if told in case["accept"] else [told])
    return tally


@pytest.mark.parametrize("name", ALL_SETS)
def test_a_name_greets_only_where_it_is_certain(name: str) -> None:
    tally = run(name)
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOAL_RATIO


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"_PLACEHOLDERS": frozenset(), "_NO_FIRST_NAMES": frozenset()}, id="placeholders"),
        pytest.param({"_POSTS": frozenset(), "_NO_FIRST_NAMES": frozenset()}, id="posts"),
    ],
)
def test_the_sets_notice_rules_without_a_table(broken: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, table in broken.items():
        monkeypatch.setattr(names, name, table)
    for judgement in (names.greeting_name, names.is_name, names.is_written_by_people):
        monkeypatch.setattr(names, judgement.__name__, judgement.__wrapped__)
    assert run("greeting_names").ratio() < GOAL_RATIO
