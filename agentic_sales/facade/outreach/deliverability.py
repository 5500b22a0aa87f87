"""Serve the receivers' findings on a mailbox and its domain, and the rules that a campaign would break.

The DNS is asked for it. Nothing is sent, and nobody else is connected to.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from agentic_sales.campaigns.deliverability.bulk import bulk_warnings
from agentic_sales.campaigns.deliverability.examine import examine_sender
from agentic_sales.campaigns.mailboxes import keeping
from agentic_sales.campaigns.plan import desk
from agentic_sales.campaigns.plan.plan import stored_plan
from agentic_sales.contracts import CampaignId, MailboxId
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.sources.sender_dns import SenderDns
from agentic_sales.store.mailboxes import mailboxes

router = APIRouter(prefix="/campaigns", tags=["campaigns"], route_class=JsonRoute)

Selectors = Annotated[
    list[Annotated[str, Query(min_length=1, max_length=200)]],
    Query(max_length=20, description="Selectors of its DKIM keys, beside AGENTIC_SALES_DKIM_SELECTORS."),
]


@router.get("/mailboxes/{mailbox_id}/deliverability", responses=ERRORS, summary="Examine a mailbox's domain")
async def examine_mailbox(facade: Facade, mailbox_id: str, selector: Selectors = []) -> list[dict[str, Any]]:  # noqa: B006 - FastAPI copies it
    """Examine SPF, DKIM, DMARC, MX, the reverse name and the one-click headers. Each finding has its cure.

    `status` is `ok`, `warn`, `fail`, or `unknown` where the DNS did not say.
    """
    async with facade.database.reading() as connection:
        row = await keeping.known_mailbox(connection, MailboxId(mailbox_id))
    dns = SenderDns(facade.settings)
    return [finding.as_data() for finding in await examine_sender(facade.settings, row, dns, selectors=selector)]


@router.get("/{campaign_id}/deliverability", responses=ERRORS, summary="List the rules that a campaign would break")
async def examine_campaign(facade: Facade, campaign_id: str) -> dict[str, Any]:
    """List the breaches of the rules of Gmail, Yahoo and Microsoft for senders, by its mailboxes and its plan."""
    async with facade.database.reading() as connection:
        plan = stored_plan(await desk.known_campaign(connection, CampaignId(campaign_id)))
        rows = await mailboxes(connection)
    dns = SenderDns(facade.settings)
    findings = {
        row.mailbox_id: await examine_sender(facade.settings, row, dns)
        for row in rows
        if row.mailbox_id in plan.mailboxes
    }
    warnings = bulk_warnings(plan, rows, findings)
    return {"campaign_id": campaign_id, "warnings": [warning.as_data() for warning in warnings]}
