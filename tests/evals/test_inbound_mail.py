"""The labelled mails, end to end: read, recorded, classified and acted on; no opt-out, bounce or complaint is lost."""

import pytest

from agentic_sales.campaigns.answers import mail_reports
from agentic_sales.settings import Settings
from tests.evals.mail_cases import run
from tests.support.small_campaign import small_campaign

SETS = ("inbound_mail", "inbound_mail.own")
GOAL_RATIO = 0.95
UNGUARDED = {"guardrail": {"most_bounced_ratio": 1, "most_complained_ratio": 1}}


@pytest.mark.parametrize("name", SETS)
async def test_what_comes_back_is_told_for_what_it_is_and_acted_on(migrated: Settings, name: str) -> None:
    async with small_campaign(migrated, plan=UNGUARDED, daily_cap=1_000) as campaign:
        tally, ignored = await run(campaign, name)
    print(tally)  # noqa: T201 - the table of the run
    assert ignored == []
    assert tally.ratio() >= GOAL_RATIO


@pytest.mark.parametrize("name", SETS)
async def test_without_its_reports_the_set_misses_the_goal(
    migrated: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(mail_reports, "worded_report", lambda **_: None)
    monkeypatch.setattr(mail_reports, "is_enclosed_complaint", lambda *_: False)
    async with small_campaign(migrated, plan=UNGUARDED, daily_cap=1_000) as campaign:
        tally, ignored = await run(campaign, name)
    assert ignored
    assert tally.ratio() < GOAL_RATIO
