"""A plan that cannot be carried out is refused when it is made, and every mistake is told by its key and its value."""

from datetime import timedelta
from typing import Any

import pytest

from agentic_sales.campaigns.plan.check import TOLD, TOLD_IF_TAKEN, read_plan
from agentic_sales.campaigns.plan.plan import CampaignPlan
from agentic_sales.campaigns.visits.situation import commission_of, situation_of
from agentic_sales.control import control_plane
from agentic_sales.errors import InvalidRequest
from agentic_sales.facade.runs.validation import InputValidator
from agentic_sales.settings import Settings
from tests.support.small_campaign import CAMPAIGN, NOW, small_campaign

MONDAYS = [f"{(NOW + timedelta(weeks=week)):%Y-%m-%d}" for week in range(60)]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"steps": [{"delay": 3}]}, "`steps[0].delay` is no key of a plan"),
    ({"steps": []}, "`steps` is empty, and needs at least one"),
    ({"steps": [{"delay_days": "soon"}]}, '`steps[0].delay_days` is "soon": input should be a valid number'),
    ({"steps": [{"workflow": "email_outreech"}]}, '`steps[0].workflow` is "email_outreech": unknown assistant'),
    (
        {"steps": [{}, {"workflow": "country_classify"}]},
        '`steps[1].workflow` is "country_classify", which writes no mail',
    ),
    ({"steps": [{"workflow": "email_compose"}]}, "does not take `recipient_role`, `recipient_email`, `campaign_id`"),
    ({"steps": [{"input": {"tonne": "x"}}]}, "`steps[0].input`: the input does not fit `email_outreach`: /tonne"),
    (
        {"steps": [{"variants": [{"name": "a"}, {"name": "b", "input": {"tone": 7}}]}]},
        "`steps[0].variants[1].input`: the input does not fit `email_outreach`: /tone: 7 is not",
    ),
    ({"steps": [{"variants": [{"name": "a"}, {"name": "a"}]}]}, "step 0 has two variants of one name"),
    ({"mailboxes": "sales"}, '`mailboxes` is "sales": it must be a list, written in `[` and `]`'),
    ({"steps": {}}, "`steps` is {}: it must be a list"),
    ({"steps": ["hello"]}, '`steps[0]` is "hello": it must be an object'),
    ({"window": {"holidays": "2026-12-24"}}, '`window.holidays` is "2026-12-24": it must be a list'),
    ({"steps": [{}] * 101}, "it has 101 entries, and at most 100 can be"),
    ({"mailboxes": ["sales", "support"]}, '`mailboxes[1]` is "support", and there is no such mailbox'),
    ({"time_zone": "Mars/Olympus"}, '`time_zone` is "Mars/Olympus": it must be an IANA name'),
    ({"approval_ttl_s": 1e300}, "`approval_ttl_s` is 1e+300: input should be less than or equal to 34560000"),
    ({"approval_ttl_s": float("nan")}, "`approval_ttl_s` is NaN"),
    ({"steps": [{"variants": [{"name": "a", "weight": 10**30}]}]}, "`steps[0].variants[0].weight` is 1"),
    ({"window": {"starts": "17:00", "ends": "09:00"}}, "the window must start before it ends"),
    ({"window": {"days": [8]}}, "`window.days` is [8]: weekdays are numbers"),
    ({"window": {"days": [1], "holidays": MONDAYS}}, "`window` never opens: no day within 400 days"),
]
"""What is wrong in a plan that is right else, and how that is told."""


def read(plan: dict[str, Any]) -> CampaignPlan:
    """Read a plan as the facade does."""
    control = control_plane()
    whole = {"mailboxes": ["sales"], "steps": [{}], **plan}
    return read_plan(whole, control=control, check_input=InputValidator(control).check, now=NOW, mailboxes=["sales"])


@pytest.mark.parametrize(("wrong", "told"), WRONG)
def test_a_mistake_is_told_by_its_key_and_value_and_by_itself(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(wrong)
    assert told in str(refused.value)
    assert ("needs at least one" in str(refused.value)) == ("needs at least one" in told), "one mistake is told once"


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InvalidRequest, match=r"`steps\[0\].a` is no key.*`steps\[1\].b` is no key.*`c` is no key"):
        read({"steps": [{"a": 1}, {"b": 1}], "c": 1})


def test_mistakes_of_form_and_of_content_are_told_in_one_round() -> None:
    wrong = {
        "steps": [{"delay": 3}, {"workflow": "email_outreech"}, "hello", {"input": {"tonne": "x"}}],
        "mailboxes": ["sales", "nobody"],
        "time_zone": "Mars",
        "window": {"days": [1], "holidays": MONDAYS},
        "approval_ttl_s": "soon",
    }
    with pytest.raises(InvalidRequest) as refused:
        read(wrong)
    for told in (
        "`steps[0].delay` is no key",
        '`steps[1].workflow` is "email_outreech"',
        "`steps[2]` is",
        "`steps[3].input`: the input does not fit",
        '`mailboxes[1]` is "nobody"',
        '`time_zone` is "Mars"',
        "`window` never opens",
        "`approval_ttl_s` is",
    ):
        assert str(refused.value).count(told) == 1, told
    assert "tuple" not in str(refused.value).lower()


def test_a_plan_that_can_be_carried_out_is_taken() -> None:
    ways = [{"name": "short", "input": {"tone": "short"}}, {"name": "warm", "weight": 2}]
    plan = read({"steps": [{"variants": ways, "input": {"instructions": "Ask."}}, {"delay_days": 3}]})
    assert [len(step.variants) for step in plan.steps] == [2, 0]


async def test_the_example_has_what_workflows_are_really_told(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com")
        async with campaign.database.reading() as connection:
            commission = await commission_of(connection, await situation_of(connection, (CAMPAIGN, contact_id)))
    assert commission.input.keys() == TOLD.keys() | TOLD_IF_TAKEN.keys()
