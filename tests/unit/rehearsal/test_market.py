"""A flow finds the arms that answer most, though few people answer and late."""

import inspect
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from agentic_sales.cli.main import main
from agentic_sales.cli.market import simulate
from agentic_sales.rehearsal.market import RATES, Market, Strategy, season, strategies
from agentic_sales.rules.arms import FLOW_DISCOUNT, FLOW_EXPLORATION, ArmPlan, Trial
from tests.support.flow_trials import REWARDS

MARKET = Market({"template": {f"arm {number}": rate for number, rate in enumerate(RATES, 1)}})
SEEDS = 20


@pytest.fixture(scope="module")
def compared() -> dict[str, Strategy]:
    """The strategies by name."""
    return {one.name: one for one in strategies(MARKET, seeds=SEEDS)}


def test_at_least_four_of_five_of_the_last_contacts_go_to_the_two_best_of_eight_arms(
    compared: dict[str, Strategy],
) -> None:
    assert MARKET.best("template") == ["arm 8", "arm 7"]
    assert compared["bandit"].best_share >= 0.8


def test_the_bandit_loses_a_third_of_what_chance_loses_and_an_oracle_loses_nothing(
    compared: dict[str, Strategy],
) -> None:
    assert compared["oracle"].regret == 0
    assert compared["chance"].regret == pytest.approx(2000 * 0.0425, abs=0.1)
    assert compared["bandit"].regret < compared["chance"].regret / 3
    assert compared["chance"].answers < compared["bandit"].answers < compared["oracle"].answers


@pytest.mark.parametrize("slowness", [0.0, 3.0])
def test_it_finds_them_too_if_answers_come_at_once_or_much_later_than_it_thinks(slowness: float) -> None:
    assert strategies(replace(MARKET, slowness=slowness), seeds=SEEDS)[0].best_share >= 0.8


def test_an_arm_of_which_a_complaint_is_known_is_written_by_to_nobody_however_well_it_answers() -> None:
    market = replace(MARKET, complaints={"arm 8": 0.02})
    bandit, chance, _ = strategies(market, seeds=SEEDS)
    assert market.best("template") == ["arm 7", "arm 6"]
    assert bandit.after_complaint == 0
    assert chance.after_complaint > 1000
    assert bandit.best_share >= 0.8


def test_it_finds_the_query_the_persona_and_the_template_that_answer_most_at_the_same_time() -> None:
    """A contact answers at the product: 6 % with the best of each kind, 1 % with the others."""
    market = Market(
        {
            "query": {"agents": 0.06, "search": 0.03, "vision": 0.03},
            "persona": {"founder": 1.0, "manager": 0.5},
            "template": {"short": 1.0, "long": 0.6, "formal": 0.6},
        },
        contacts=150,
        rounds=30,
        best_arms=1,
    )
    bandit, chance, _ = strategies(market, seeds=5)
    assert chance.best_share == pytest.approx(1 / 18, abs=0.02)
    assert bandit.best_share >= 0.6
    assert bandit.regret < chance.regret / 2


def test_a_season_is_the_same_for_the_same_seed() -> None:
    def evenly(_: int, __: object) -> list[ArmPlan]:
        return [ArmPlan("template", {"arm 1": 50, "arm 8": 50}, {})]

    first, again, other = (season(MARKET, evenly, seed=seed, rewards=REWARDS) for seed in (1, 1, 2))
    assert first == again
    assert first.answers != other.answers


def test_in_a_slow_market_fewer_answers_are_known_when_a_round_begins() -> None:
    def known(slowness: float) -> int:
        seen = list[int]()

        def watch(_: int, trials: Sequence[Trial]) -> list[ArmPlan]:
            seen.append(sum(trial.count for trial in trials if "interested" in trial.outcomes))
            return [ArmPlan("template", {"arm 8": 100}, {})]

        season(replace(MARKET, slowness=slowness), watch, seed=1, rewards=REWARDS)
        return sum(seen)

    assert known(0.0) > known(1.0) > known(3.0) > 0


def test_the_command_takes_the_exploration_and_the_discount_of_flows() -> None:
    given = inspect.signature(simulate).parameters
    assert (given["exploration"].default, given["discount"].default) == (FLOW_EXPLORATION, FLOW_DISCOUNT)
    assert tuple(map(float, given["rates"].default.split(","))) == RATES


def run(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run `flows simulate` and return its exit status."""
    monkeypatch.setattr("sys.argv", ["agentic-sales", "flows", "simulate", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_the_command_prints_regret_beside_chance_and_an_oracle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--seeds", "2", monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr()
    assert all(word in printed.out for word in ("regret", "bandit", "chance", "oracle"))
    assert "20 rounds of 100 contacts, mean of 2 seeds." in printed.err


def test_the_command_tells_programs_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--seeds", "2", "--rates", "0.1,0.5", "--json", monkeypatch=monkeypatch) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["best_arms"] == ["arm 2", "arm 1"]
    assert [one["name"] for one in told["strategies"]] == ["bandit", "chance", "oracle"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--rates", "0.1"], 2, "`--rates` has 1 arms; a market has 2 to 100"),
        (["--rates", "0.1,x"], 2, "`--rates` has `x`; expected numbers from 0 to 1"),
        (["--rates", "0.1,1.5"], 2, "`--rates` has `1.5`"),
        (["--complaints", "0,0"], 2, "`--complaints` has 2 arms, `--rates` has 8"),
        (["--seeds", "1", "--rates", "0,0,0", "--least", "1"], 1, "at least 100.0% is wanted"),
    ],
)
def test_what_the_command_cannot_do_or_does_not_reach_is_told(
    arguments: list[str],
    status: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(*arguments, monkeypatch=monkeypatch) == status
    assert told in capsys.readouterr().err.replace("\n", " ")
