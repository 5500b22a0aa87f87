"""The plan of a round: what it deals out, and from which score it keeps leads."""

from dataclasses import replace
from typing import Any

from agentic_sales.campaigns.leads.arms import Learnt, plan_for
from agentic_sales.flows import BY_FLOW, Flow
from agentic_sales.rules.arms import Trial
from agentic_sales.rules.calibration import calibrated
from agentic_sales.rules.outcome_rewards import rewards_of_outcomes

FLOW = BY_FLOW["sales_tech"]


def planned(trials: list[Trial], flow: Flow = FLOW, **given: Any) -> dict[str, Any]:
    """Return the plan of a round of 60 contacts."""
    learnt = Learnt([], trials, {}, calibrated(trials, rewards_of_outcomes()))
    return plan_for(flow, learnt, given, 60, round_id="r", has_templates=True)


def banded(count: int) -> list[Trial]:
    """Return leads of two bands. Those of the lower one never answer."""
    low = Trial({"score_band": "0.6-0.7"}, ("enrolled", "not_interested"), 30.0, count=count)
    high = Trial({"score_band": "0.8-0.9"}, ("enrolled", "interested"), 30.0, count=5)
    return [low, high]


def test_outcomes_raise_the_threshold_from_thirty_on_and_the_plan_says_why() -> None:
    few, many = planned(banded(24)), planned(banded(400))
    assert few["threshold"] == FLOW.score.threshold
    assert few["why"] == "The score is left as it is: 29 outcomes are too few to judge it by, 30 are needed."
    assert many["threshold"] == 0.8
    assert "Leads are kept from a score of 0.8 on, 0.6 before" in many["why"]


def test_a_flow_that_does_not_learn_from_its_score_keeps_its_threshold() -> None:
    flow = replace(FLOW, learns_from=("query", "template"))
    assert planned(banded(400), flow)["threshold"] == FLOW.score.threshold


def test_every_contact_of_a_round_is_searched_once_and_the_same_each_time() -> None:
    plan = planned([])
    assert plan == planned([])
    assert sum(search["limit"] for search in plan["searches"]) == 60
    assert {search["arms"]["query"]: search["limit"] for search in plan["searches"]} == plan["contacts"]["query"]


def test_a_value_that_a_person_gives_is_the_only_arm() -> None:
    plan = planned([], seed_query="billing software")
    assert plan["searches"] == [{"arms": {"query": "billing software"}, "limit": 60}]


def test_a_search_that_found_nothing_is_tried_less_than_one_that_was_answered() -> None:
    first, second, third = FLOW.discover.arms[0].names
    trials = [
        Trial({"query": first}, ("nothing_found",)),
        Trial({"query": second}, ("enrolled", "interested"), 30.0),
        Trial({"query": third}, ("nothing_found",)),
    ]
    contacts = planned(trials)["contacts"]["query"]
    assert contacts[second] > max(contacts[first], contacts[third])
