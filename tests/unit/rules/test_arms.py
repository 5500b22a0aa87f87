"""Arms are judged by what came of their leads, and those that do harm are stopped at once."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_sales.rules.arms import ArmPlan, Trial, bandit_arms, dealt, harms_of, next_round, stopped_arms
from agentic_sales.rules.bandit import BanditArm
from agentic_sales.rules.outcome_rewards import ARM_KINDS, ArmKind
from tests.support.flow_trials import BANDS, BOUNDED, NAMES, REWARDS, trial, trials


def of_template(*given: Trial) -> BanditArm:
    """Return what trials teach of the template `a`."""
    return bandit_arms(given, "template", REWARDS)["a"]


def test_a_silent_lead_is_as_much_of_a_trial_as_answers_have_come_by_its_age() -> None:
    arm = of_template(trial("a", count=10, days=1))
    assert (arm.pulls, arm.pending, arm.reward) == pytest.approx((4, 6, 0))


def test_an_answer_ends_a_trial_whenever_it_comes() -> None:
    arm = of_template(trial("a", "interested", days=0), trial("a", "not_interested", days=0))
    assert (arm.pulls, arm.pending, arm.reward) == (2, 0, 1)


def test_new_trials_make_an_arm_look_neither_better_nor_worse() -> None:
    """Of 100 messages 8 bring an answer, and half of these have come by the sixth day."""
    old = of_template(trial("a", "interested", count=8), trial("a", count=92))
    new = of_template(trial("a", "interested", count=4, days=6), trial("a", count=96, days=6))
    assert old.mean == pytest.approx(0.08)
    assert new.mean == pytest.approx(0.08, abs=0.004)


def test_each_round_takes_weight_from_those_before() -> None:
    arm = bandit_arms([trial("a", "interested", rounds_ago=2)], "template", REWARDS, discount=0.5)["a"]
    assert (arm.pulls, arm.reward) == (0.25, 0.25)


def test_a_lead_that_was_dropped_teaches_the_query_and_not_the_template() -> None:
    given = Trial({"query": "q", "template": "a"}, ("dropped",))
    assert bandit_arms([given], "query", REWARDS)["q"].pulls == 1
    assert bandit_arms([given], "template", REWARDS) == {}


def test_a_query_that_found_nothing_was_tried() -> None:
    assert bandit_arms([Trial({"query": "q"}, ("nothing_found",))], "query", REWARDS)["q"].pulls == 1


def test_a_lead_whose_step_failed_teaches_nothing() -> None:
    given = Trial(dict.fromkeys(ARM_KINDS, "0.6-0.7"), ("failed",))
    assert [bandit_arms([given], kind, REWARDS) for kind in ARM_KINDS] == [{}] * len(ARM_KINDS)


@pytest.mark.parametrize("kind", ["query", "source", "persona", "template"])
def test_one_complaint_stops_an_arm_however_well_it_does(kind: ArmKind) -> None:
    good = Trial({kind: "a"}, ("sent", "interested"), 30, 0, 500)
    bad = Trial({kind: "a"}, ("sent", "complained"), 1)
    plan = next_round([good, bad], kind, ["a", "b"], 100, rewards=REWARDS, seed="s")
    assert plan.contacts == {"b": 100}
    assert plan.stopped == {"a": "1 of 501 people complained of the mail"}


def test_a_complaint_says_nothing_against_a_band_of_the_score() -> None:
    assert stopped_arms([Trial({"score_band": "0.6-0.7"}, ("complained",), 1)], "score_band", REWARDS) == {}


@pytest.mark.parametrize(
    ("kind", "outcome", "bad", "of", "stopped"),
    [
        ("source", "bounced", 2, 2, {}),
        ("source", "bounced", 3, 20, {"a": "3 of 20 people could not be reached"}),
        ("source", "bounced", 3, 100, {}),
        ("template", "bounced", 20, 20, {}),
        ("template", "unsubscribed", 3, 20, {"a": "3 of 20 people opted out"}),
        ("persona", "unsubscribe", 3, 20, {"a": "3 of 20 people opted out"}),
        ("query", "unsubscribe", 20, 20, {}),
    ],
)
def test_bounces_and_opt_outs_stop_an_arm_when_they_are_surely_too_many(
    kind: ArmKind, outcome: str, bad: int, of: int, stopped: dict[str, str]
) -> None:
    told = [Trial({kind: "a"}, ("sent", outcome), 9, 0, bad), Trial({kind: "a"}, ("sent",), 9, 0, of - bad)]
    assert stopped_arms([one for one in told if one.count], kind, REWARDS) == stopped


def test_an_arm_that_a_person_let_go_on_is_stopped_by_the_next_complaint() -> None:
    known = [trial("a", "complained"), trial("a", count=50)]
    looked_at = harms_of(known, "template", REWARDS)
    assert stopped_arms(known, "template", REWARDS, looked_at=looked_at) == {}
    more = [*known, trial("a", "complained")]
    assert stopped_arms(more, "template", REWARDS, looked_at=looked_at) == {
        "a": "2 of 52 people complained of the mail"
    }


def test_if_every_arm_is_stopped_nobody_is_written_to() -> None:
    plan = next_round([trial("a", "complained")], "template", ["a"], 100, rewards=REWARDS, seed="s")
    assert plan.contacts == {}
    assert plan.stopped.keys() == {"a"}


def test_an_arm_that_the_flow_has_no_more_gets_nothing() -> None:
    plan = next_round([trial("old", "interested", count=50)], "template", ["a"], 10, rewards=REWARDS, seed="s")
    assert plan.contacts == {"a": 10}


def test_any_part_of_a_round_has_nearly_the_shares_of_the_whole() -> None:
    order = dealt(ArmPlan("template", {"a": 60, "b": 30, "c": 10, "d": 0}, {}), seed="s")
    assert len(order) == 100
    assert [order[:50].count(name) for name in "abcd"] == pytest.approx([30, 15, 5, 0], abs=1)


def test_the_arms_of_two_kinds_meet_in_all_pairs() -> None:
    kinds: tuple[ArmKind, ArmKind] = ("persona", "template")
    orders = [dealt(ArmPlan(kind, {"a": 50, "b": 50}, {}), seed="s") for kind in kinds]
    pairs = Counter(zip(*orders, strict=True))
    assert len(pairs) == 4
    assert min(pairs.values()) > 15


@BOUNDED
@given(trials(), st.sampled_from(ARM_KINDS), st.integers(0, 120), st.text(max_size=3))
def test_a_round_gives_all_its_contacts_and_none_to_an_arm_that_is_stopped(
    given: list[Trial], kind: ArmKind, contacts: int, seed: str
) -> None:
    names = BANDS if kind == "score_band" else NAMES
    plan = next_round(given, kind, names, contacts, rewards=REWARDS, seed=seed)
    assert plan.contacts.keys() | plan.stopped.keys() == set(names)
    assert not plan.contacts.keys() & plan.stopped.keys()
    assert sum(plan.contacts.values()) == (contacts if plan.contacts else 0)
    assert plan == next_round(given, kind, names, contacts, rewards=REWARDS, seed=seed)
    complained = {one.arms.get(kind) for one in given if "complained" in one.outcomes}
    assert kind == "score_band" or not complained & plan.contacts.keys()


@BOUNDED
@given(trials(), st.sampled_from(ARM_KINDS), st.floats(0.1, 1))
def test_a_mean_reward_is_never_above_one(given: list[Trial], kind: ArmKind, discount: float) -> None:
    for arm in bandit_arms(given, kind, REWARDS, discount=discount).values():
        assert 0 <= arm.reward <= arm.pulls + 1e-9


@BOUNDED
@given(trials(), st.sampled_from(ARM_KINDS))
def test_the_order_of_the_trials_and_their_grouping_change_nothing(given: list[Trial], kind: ArmKind) -> None:
    apart = [Trial(one.arms, one.outcomes, one.days, one.rounds_ago) for one in given for _ in range(one.count)]
    whole, parts = (bandit_arms(told, kind, REWARDS) for told in (given, apart[::-1]))
    assert whole.keys() == parts.keys()
    for name, arm in whole.items():
        assert arm.model_dump() == pytest.approx(parts[name].model_dump())
    assert stopped_arms(given, kind, REWARDS) == stopped_arms(apart[::-1], kind, REWARDS)


@BOUNDED
@given(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 40)), st.text(max_size=3))
def test_contacts_are_dealt_as_they_were_shared_out(contacts: dict[str, int], seed: str) -> None:
    order = dealt(ArmPlan("template", contacts, {}), seed=seed)
    assert {name: order.count(name) for name in contacts} == contacts
    assert order == dealt(ArmPlan("template", contacts, {}), seed=seed)
