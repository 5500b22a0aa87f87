"""Nobody of a blocked company is written to, whatever the message or the person's row says."""

import pytest

from agentic_sales.contracts import CompanyId
from agentic_sales.errors import NotPermitted
from agentic_sales.rules.company_identity import Firm
from agentic_sales.settings import Settings
from agentic_sales.store.companies import block_company, company_ids
from agentic_sales.store.merge import merge_companies
from tests.support.small_campaign import NOW, SmallCampaign, small_campaign

ACME = Firm("Acme", "acme.de")


async def company_of(campaign: SmallCampaign, firm: Firm = ACME, *, is_blocked: bool = True) -> CompanyId:
    async with campaign.database.writing() as connection:
        company_id = (await company_ids(connection, [firm], now=NOW))[firm]
        if is_blocked:
            await block_company(connection, company_id, by="Ann", why="a partner", now=NOW)
    return company_id


@pytest.mark.parametrize("email", ["jo@mail.acme.de", "jo@elsewhere.com"])
async def test_a_written_message_to_a_blocked_company_is_never_sent(migrated: Settings, email: str) -> None:
    async with small_campaign(migrated) as campaign:
        person = await campaign.person(email)
        touch_id = await campaign.write(person)
        company_id = await company_of(campaign)
        if "acme" not in email:  # The employer's row counts, too.
            await campaign.change(person, company_id=company_id)
        await campaign.door().send(touch_id, now=NOW)
        row = await campaign.row(touch_id)
    assert (row.state, row.detail) == ("suppressed", "the company `Acme` is blocked: a partner")
    assert campaign.mails() == []


async def test_a_block_holds_for_a_former_site_of_a_company_and_ends_when_it_is_lifted(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        acme = await company_of(campaign)
        former = await company_of(campaign, Firm("Acme Tools", "acme-tools.com"), is_blocked=False)
        async with campaign.database.writing() as connection:
            await merge_companies(connection, into=acme, other=former, now=NOW)
        with pytest.raises(NotPermitted, match="the company `Acme` is blocked: a partner"):
            await campaign.message("jo@acme-tools.com")
        free = await campaign.message("jo@other.example")
        await campaign.door().send(free, now=NOW)
        assert (await campaign.row(free)).state == "sent"
        async with campaign.database.writing() as connection:
            await block_company(connection, acme, by="Ann", why="", now=None)
        later = await campaign.message("al@acme-tools.com")
        await campaign.door().send(later, now=NOW)
        assert (await campaign.row(later)).state == "sent"
