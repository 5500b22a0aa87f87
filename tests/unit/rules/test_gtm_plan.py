"""The hard checks of a go-to-market plan find each kind of fault, and the rules' own plan has none."""

from typing import Any

import pytest

from agentic_sales.rules.gtm_plan import (
    ChannelPlan,
    OutreachMessage,
    PlaybookReading,
    channels_by_rules,
    channels_that_stand,
    messages_by_rules,
    playbook_by_rules,
    problems_of,
    roles_of,
    steps_by_rules,
)
from agentic_sales.rules.plan_facts import PlanFacts

PRODUCT = {
    "name": "Gridwarden",
    "description": "Monitoring for site reliability engineers. Engineers lose nights to false alarms.",
    "highlights": ["It cuts alert fatigue by 60%.", "Open source.", "Requires a Linux host."],
}
ANGLE = "It offers a free trial; our page does not say so."
RIVAL = {
    "name": "Nightowl",
    "url": "https://nightowl.example/",
    "positioning_headline": "Alerts for operations teams.",
    "differentiation_angles": [ANGLE],
    "evidence": [{"claim": ANGLE, "quote": "Start your free trial", "source_url": "https://nightowl.example/"}],
}
FACTS = PlanFacts.model_validate({"product": PRODUCT, "competitors": [RIVAL]})
CHANNELS = [
    ChannelPlan(name="cold_email", why="", tactics=["Write."], effort="low", quote="site reliability engineers"),
]
MESSAGE = {
    "channel": "cold_email",
    "persona": "site reliability engineers",
    "hook": "False alarms cost nights.",
    "body": "Hi {{name}}, it cuts alert fatigue by 60%.",
    "cta": "Shall I show it?",
}
EMPTY: dict[str, Any] = {"discovery_questions": [], "objections": [], "battlecards": {}}


def faults(message: dict[str, str] | None = None, playbook: dict[str, Any] | None = None) -> str:
    """Return the faults of one message and a playbook in one text."""
    messages = [OutreachMessage.model_validate({**MESSAGE, **(message or {})})]
    return "; ".join(
        problems_of(messages, PlaybookReading.model_validate({**EMPTY, **(playbook or {})}), CHANNELS, FACTS)
    )


def test_a_sound_message_has_no_fault() -> None:
    assert faults() == ""


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ({"channel": "billboards"}, "its channel `billboards` is not in the plan"),
        ({"persona": "dentists"}, "its role `dentists` is not known"),
        ({"body": "word " * 121}, "121 words; 120 are allowed"),
        ({"hook": "I hope this finds you well."}, "it opens like a machine"),
        ({"cta": " "}, "it asks for nothing"),
        ({"body": "It cuts costs by 77%."}, "a number or a quote that no text has"),
        ({"body": "A user said “it changed my whole life”."}, "a number or a quote that no text has"),
        ({"body": "Hi [First Name]"}, "it has an unfilled place"),
    ],
)
def test_each_fault_of_a_message_is_named(message: dict[str, str], fault: str) -> None:
    assert fault in faults(message)


@pytest.mark.parametrize(
    ("playbook", "fault"),
    [
        ({"battlecards": {"Dayowl": ["It is slow."]}}, "`Dayowl`, which is no known competitor"),
        ({"battlecards": {"Nightowl": ["It lost 900 customers."]}}, "a number or a quote that no text has"),
        (
            {"objections": [{"objection": "Too dear.", "response": "It saves 5,000.", "evidence_to_show": []}]},
            "a number",
        ),
        (
            {"objections": [{"objection": "Dear.", "response": "No.", "evidence_to_show": ["We won a prize."]}]},
            "the evidence for `Dear.` stands in no text",
        ),
    ],
)
def test_each_fault_of_a_playbook_is_named(playbook: dict[str, Any], fault: str) -> None:
    assert fault in faults(playbook=playbook)


def test_the_plan_of_the_rules_passes_its_own_checks_and_names_its_signs() -> None:
    channels = channels_that_stand(channels_by_rules(FACTS), FACTS)
    playbook = playbook_by_rules(FACTS)
    messages = messages_by_rules(FACTS, channels).outreach_templates
    assert problems_of(messages, playbook, channels, FACTS) == []
    assert [(one.name, one.quote) for one in channels] == [
        ("cold_email", "Monitoring for site reliability engineers"),
        ("community", "Open source"),
    ]
    assert {one.persona for one in messages} <= set(roles_of(FACTS))
    assert playbook.battlecards == {"Nightowl": ["It names itself: Alerts for operations teams.", ANGLE]}
    assert playbook.objections[0].evidence_to_show == ["Start your free trial"]


def test_without_a_channel_there_is_no_plan_of_90_days() -> None:
    assert steps_by_rules([]).first_90_days == []
    assert [step.partition(":")[0] for step in steps_by_rules(CHANNELS).first_90_days] == [
        "Days 1 to 30",
        "Days 31 to 60",
        "Days 61 to 90",
    ]
