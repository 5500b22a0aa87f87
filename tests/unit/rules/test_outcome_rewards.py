"""What an outcome is worth, and how a team changes that."""

from pathlib import Path
from typing import get_args

import pytest

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.outcomes.learning import JUDGED
from agentic_sales.errors import ConfigurationError
from agentic_sales.flows import LearnsFrom
from agentic_sales.rules.outcome_rewards import ARM_KINDS, COLUMNS, rewards_of_outcomes
from agentic_sales.rules.replies import ReplyClass
from tests.support.flow_trials import REWARDS

MACHINES = {"out_of_office"}
"""Classes of replies that a machine wrote. They are no outcome."""


def test_arms_are_of_the_kinds_that_flows_learn_from() -> None:
    assert set(ARM_KINDS) == set(get_args(LearnsFrom))


@pytest.mark.parametrize("reply_class", sorted(set(get_args(ReplyClass)) - MACHINES))
def test_every_class_of_a_reply_has_its_worth(reply_class: str) -> None:
    assert reply_class in REWARDS.outcomes


@pytest.mark.parametrize("name", sorted({*REWARDS.outcomes, *REWARDS.changes} - {"nothing_found"}))
def test_the_report_knows_how_far_a_lead_with_an_outcome_came(name: str) -> None:
    assert REWARDS.columns[name] in COLUMNS


def test_answers_are_worth_what_langsmith_is_told_of_them() -> None:
    answers = {outcome: score for outcome, (key, score) in JUDGED.items() if key == "answer"}
    assert {outcome: REWARDS.outcomes[outcome].reward for outcome in answers} == answers


@pytest.mark.parametrize("outcomes", [("sent",), ("approved",), ("edited", "sent"), ("out_of_office",), ()])
def test_a_lead_is_pending_until_somebody_answers(outcomes: tuple[str, ...]) -> None:
    assert REWARDS.end_of("template", outcomes) is None


def test_the_best_answer_counts_for_the_arm_that_led_to_it() -> None:
    end = REWARDS.end_of("query", ("interested", "not_interested"))
    assert end is not None
    assert end.reward == 1.0


@pytest.mark.parametrize("harm", ["complained", "unsubscribed", "unsubscribe"])
def test_a_harm_counts_whatever_was_answered_before(harm: str) -> None:
    end = REWARDS.end_of("template", ("interested", harm))
    assert end is not None
    assert end.reward == 0.0


def test_the_words_of_a_mail_are_not_blamed_for_a_wrong_address() -> None:
    end = REWARDS.end_of("template", ("sent", "bounced"))
    assert end is not None
    assert "template" not in end.kinds
    assert "source" in end.kinds


def test_an_edited_mail_earns_half_for_its_template_and_all_for_its_query() -> None:
    assert REWARDS.factor_of("template", ("edited", "interested")) == 0.5
    assert REWARDS.factor_of("query", ("edited", "interested")) == 1.0


@pytest.mark.parametrize(
    ("days", "ratio"), [(None, 0.0), (0.0, 0.0), (0.5, 0.2), (1.0, 0.4), (11.0, 0.9), (21.0, 1.0), (400.0, 1.0)]
)
def test_answers_come_by_and_by(days: float | None, ratio: float) -> None:
    assert REWARDS.answered_by(days) == pytest.approx(ratio)


def test_a_team_changes_a_number_and_adds_an_outcome_of_its_own(tmp_path: Path) -> None:
    own = """
[outcomes.not_now]
reward = 0.2
[outcomes.trial_begun]
reward = 0.9
arms = ["query"]
[answered_by]
21 = 0.97
35 = 1.0
"""
    (tmp_path / "outcome_rewards.toml").write_text(own)
    rewards = with_additions("outcome_rewards", rewards_of_outcomes, tmp_path)
    assert rewards.outcomes["not_now"].reward == 0.2
    assert rewards.outcomes["trial_begun"].kinds == {"query"}
    assert rewards.answered_by(28) == pytest.approx(0.985)
    assert rewards.outcomes["interested"] == REWARDS.outcomes["interested"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[outcomes.not_now]\nreward = 3", r"outcomes\.not_now\.reward` is 3; expected a number from 0 to 1"),
        ("[outcomes.not_now]\nreward = true", r"is True; expected a number"),
        ('[outcomes.not_now]\nreward = "much"', r"`much` is no value like `0\.5`"),
        ('[outcomes.not_now]\narms = ["colour"]', r"`not_now` names \['colour'\]; arms are of the kinds query"),
        ("[answered_by]\n21 = 0.2", r"must rise with the days, the last is 1"),
        ("[answered_by]\n40 = 0.99", r"must rise with the days, the last is 1"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_place(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "outcome_rewards.toml").write_text(content)
    with pytest.raises(ConfigurationError, match=told):
        with_additions("outcome_rewards", rewards_of_outcomes, tmp_path)
