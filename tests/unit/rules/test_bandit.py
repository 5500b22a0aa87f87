"""The bandit tries what answered, forgets slowly, and gives nothing up for ever."""

import random

import pytest

from agentic_sales.rules.bandit import BanditArm, choose_arms, learnt


def test_arms_that_were_never_tried_come_first() -> None:
    arms = {"good": BanditArm(pulls=5, reward=5)}
    assert choose_arms(arms, ["good", "new"], 2) == ["new", "good"]


def test_without_exploration_the_best_mean_wins() -> None:
    arms = {"a": BanditArm(pulls=4, reward=1), "b": BanditArm(pulls=4, reward=3)}
    assert choose_arms(arms, ["a", "b"], 1, exploration=0.0) == ["b"]


def test_an_arm_that_was_not_tried_for_long_gets_its_turn_again() -> None:
    arms = learnt({}, [("rare", 0.0), ("usual", 0.6)])
    rounds = 0
    while choose_arms(arms, ["rare", "usual"], 1) == ["usual"]:
        arms, rounds = learnt(arms, [("usual", 0.6)]), rounds + 1
        assert rounds < 200
    assert choose_arms(arms, ["rare", "usual"], 1) == ["rare"]


def test_a_round_takes_a_twentieth_of_the_weight_of_those_before() -> None:
    after = learnt({"a": BanditArm(pulls=2, reward=1)}, [("b", 1.0)])
    assert after["a"] == BanditArm(pulls=1.9, reward=0.95)
    assert after["b"] == BanditArm(pulls=1, reward=1)


@pytest.mark.parametrize(("reward", "kept"), [(-1.0, 0.0), (0.25, 0.25), (7.0, 1.0)])
def test_a_reward_is_cut_to_its_range(reward: float, kept: float) -> None:
    assert learnt({}, [("a", reward)])["a"].reward == kept


def test_most_rounds_go_to_the_arm_that_answers_most() -> None:
    rates = {"poor": 0.05, "fair": 0.2, "good": 0.8}
    chances, arms, tried = random.Random(7), dict[str, BanditArm](), list[str]()  # noqa: S311 - a simulation
    for _ in range(400):
        [name] = choose_arms(arms, list(rates), 1, exploration=0.5)
        tried.append(name)
        arms = learnt(arms, [(name, float(chances.random() < rates[name]))])
    assert tried[200:].count("good") > 120
