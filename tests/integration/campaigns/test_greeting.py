"""How a campaign names its people to workflows, and that no placeholder is left in what it keeps."""

import pytest

from agentic_sales.campaigns.visits.situation import commission_of, situation_of
from agentic_sales.campaigns.visits.visit import keep_draft
from agentic_sales.settings import Settings
from tests.support.small_campaign import CAMPAIGN, NOW, small_campaign


@pytest.mark.parametrize(
    ("first", "last", "name", "greeted"),
    [
        ("Jo", "Example", "Jo Example", "Hi Jo,"),
        ("", "Example", "", "Hi,"),
        ("N/A", "Example", "N/A Example", "Hi,"),
        ("太郎", "山田", "山田 太郎", "Hi 太郎,"),
    ],
)
async def test_a_draft_greets_by_a_certain_name_and_keeps_no_placeholder(
    migrated: Settings, first: str, last: str, name: str, greeted: str
) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com", first_name=first, last_name=last)
        async with campaign.database.reading() as connection:
            situation = await situation_of(connection, (CAMPAIGN, contact_id))
            commission = await commission_of(connection, situation)
        output = {"subject": "For {{name}}", "body": "Hi {{name}},\n\nwe met.", "html": "<p>Hi {{ name }},</p>"}
        row = await keep_draft(campaign.database, situation, output, run_id="run", langsmith_run_id=None, now=NOW)
    assert commission.input["recipient_name"] == name
    assert (row.text, row.html) == (f"{greeted}\n\nwe met.", f"<p>{greeted}</p>")
    assert "{{" not in row.subject
