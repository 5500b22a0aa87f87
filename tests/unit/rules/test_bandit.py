"""The bandit tries what answered, forgets slowly, and gives nothing up for ever."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_sales.rules.bandit import BanditArm, allot, choose_arms, learnt
from tests.support.flow_trials import BOUNDED

ARMS = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.builds(BanditArm, pulls=st.floats(0, 500), reward=st.floats(0, 20), pending=st.floats(0, 500)),
)
SEEDS = st.none() | st.text(max_size=5)


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


def test_an_arm_that_waits_for_many_outcomes_is_not_tried_before_one_that_waits_for_none() -> None:
    arms = {"waits": BanditArm(pulls=10, reward=1, pending=90), "done": BanditArm(pulls=10, reward=1)}
    assert choose_arms(arms, ["waits", "done"], 1, exploration=0.1) == ["done"]


def test_trials_that_are_pending_are_no_failures() -> None:
    assert BanditArm(pulls=10, reward=1, pending=90).mean == 0.1


def test_a_first_round_tries_all_arms_alike() -> None:
    assert set(allot({}, "abcdefgh", 100, exploration=0.1, seed="x").values()) == {12, 13}


def test_a_round_does_not_spend_all_its_trials_on_the_arm_that_is_ahead_by_little() -> None:
    arms = {"ahead": BanditArm(pulls=50, reward=5), "behind": BanditArm(pulls=50, reward=4.5)}
    given = allot(arms, ["ahead", "behind"], 100, exploration=0.1)
    assert given["ahead"] > given["behind"] > 10


def test_without_exploration_the_arm_with_the_best_mean_gets_all() -> None:
    arms = {"a": BanditArm(pulls=20, reward=2), "b": BanditArm(pulls=20, reward=1)}
    assert allot(arms, ["a", "b"], 100, exploration=0.0) == {"a": 100, "b": 0}


def test_a_seed_decides_between_arms_of_the_same_promise_and_decides_alike_each_time() -> None:
    firsts = [choose_arms({}, ["a", "b", "c"], 1, seed=str(seed)) for seed in range(30)]
    assert firsts == [choose_arms({}, ["c", "b", "a"], 1, seed=str(seed)) for seed in range(30)]
    assert {name for [name] in firsts} == {"a", "b", "c"}


@BOUNDED
@given(ARMS, st.sets(st.sampled_from("abcdefgh")), st.integers(0, 300), st.floats(0, 2), SEEDS)
def test_all_trials_are_given_and_none_of_them_to_a_stopped_arm(
    arms: dict[str, BanditArm], stopped: set[str], trials: int, exploration: float, seed: str | None
) -> None:
    given = allot(arms, "abcdefgh", trials, exploration=exploration, stopped=stopped, seed=seed)
    assert given.keys() == set("abcdefgh") - stopped
    assert sum(given.values()) == (trials if given else 0)
    assert min(given.values(), default=0) >= 0


@BOUNDED
@given(ARMS, st.sets(st.sampled_from("abcdefgh")), st.integers(0, 10), st.floats(0, 2), SEEDS)
def test_several_picks_of_a_round_are_different_arms_and_none_is_stopped(
    arms: dict[str, BanditArm], stopped: set[str], most: int, exploration: float, seed: str | None
) -> None:
    chosen = choose_arms(arms, "abcdefgh", most, exploration=exploration, stopped=stopped, seed=seed)
    assert len(chosen) == len(set(chosen)) == min(most, 8 - len(stopped))
    assert not stopped & set(chosen)


@BOUNDED
@given(ARMS, st.integers(1, 200), st.floats(0, 2), SEEDS)
def test_an_arm_that_has_earned_more_gets_no_fewer_trials(
    arms: dict[str, BanditArm], trials: int, exploration: float, seed: str | None
) -> None:
    poor = BanditArm(pulls=50, reward=1)
    better = poor.model_copy(update={"reward": 10.0})
    few = allot({**arms, "a": poor}, "abcdefgh", trials, exploration=exploration, seed=seed)["a"]
    many = allot({**arms, "a": better}, "abcdefgh", trials, exploration=exploration, seed=seed)["a"]
    assert many >= few
