"""Gather the rows that a rehearsal of a campaign needs, so that it can pass in another process than the store's."""

from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.plan.desk import known_campaign
from agentic_sales.contracts import CampaignId
from agentic_sales.errors import InvalidRequest
from agentic_sales.store.campaigns import EnrollmentRow
from agentic_sales.store.columns import Table
from agentic_sales.store.companies import CompanyRow
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.mailboxes import MailboxRow
from agentic_sales.store.products import ProductRow
from agentic_sales.store.statements import every
from agentic_sales.store.suppressions import SuppressionRow

Material = dict[str, list[dict[str, Any]]]
"""Rows as plain data, by the name of their table."""
MATERIAL: tuple[type[Table], ...] = (CompanyRow, MailboxRow, SuppressionRow, ProductRow, ContactRow)
"""Tables that a rehearsal copies beside the campaign, in the order in which they refer to each other."""


async def material_of(connection: AsyncConnection, campaign_id: CampaignId, *, people: int) -> Material:
    """Return the rows that a rehearsal needs, and the campaign under `campaigns`.

    Args:
        connection: Of a reading transaction.
        campaign_id: The campaign in any state.
        people: Most people. These are the people that joined it, else the first of the store.

    Raises:
        UnknownRecord: There is no such campaign.
        InvalidRequest: There is nobody to rehearse with.
    """
    campaign = await known_campaign(connection, campaign_id)
    joined = select(EnrollmentRow.contact_id).where(EnrollmentRow.campaign_id == campaign_id)
    chosen = select(ContactRow).where(ContactRow.contact_id.in_(joined)).limit(people)
    persons = await every(connection, ContactRow, chosen)
    persons = persons or await every(connection, ContactRow, select(ContactRow).limit(people))
    if not persons:
        raise InvalidRequest("there is nobody to rehearse with; import people first")
    digests = [person.email_hash for person in persons]
    # A blocked company is also known by its domain, so every block is copied.
    firms = or_(
        CompanyRow.company_id.in_({person.company_id for person in persons if person.company_id}),
        CompanyRow.blocked_at.is_not(None),
    )
    found: list[list[Any]] = [
        await every(connection, CompanyRow, select(CompanyRow).where(firms)),
        await every(connection, MailboxRow, select(MailboxRow)),
        await every(connection, SuppressionRow, select(SuppressionRow).where(SuppressionRow.email_hash.in_(digests))),
        await every(connection, ProductRow, select(ProductRow)),
        persons,
    ]
    told = {kind.__tablename__: [row.as_data() for row in rows] for kind, rows in zip(MATERIAL, found, strict=True)}
    return {**told, "campaigns": [campaign.as_data()]}
