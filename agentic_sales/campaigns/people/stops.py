"""Leave a person alone. One transaction ends every pending message and enrollment, in every campaign."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.webhooks.events import announce
from agentic_sales.contracts import CampaignId, ContactId, StopReason, TouchId
from agentic_sales.store.campaigns import stop_enrollments
from agentic_sales.store.contacts import locked_contact
from agentic_sales.store.suppressions import suppress
from agentic_sales.store.touches import suppress_touches

OPT_OUTS = frozenset({"unsubscribed", "complained"})
"""Reasons that are the person's own wish to hear nothing more."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The counts of a stop."""

    touches: tuple[TouchId, ...]
    """Messages that are not sent any more."""
    campaigns: tuple[CampaignId, ...]
    """Campaigns in which the person was on the way."""


async def stop_person(
    connection: AsyncConnection, email_hash: str, reason: StopReason, *, source: str, now: datetime
) -> Stopped:
    """Put a person on the list of the suppressed. End every pending message and enrollment of this person.

    Args:
        connection: Of a writing transaction.
        email_hash: Digest of the person's normalized address. The person need not be known.
        reason: Why.
        source: Origin of the stop, such as an event's id or a name.
        now: The present.
    """
    # The lock gives two events about one person an order, or their updates could wait for each other.
    person = await locked_contact(connection, email_hash)
    await suppress(connection, email_hash, reason, source=source, now=now)
    touches = await suppress_touches(connection, email_hash, detail=reason, now=now)
    campaigns: list[CampaignId] = []
    if person is not None:
        campaigns = await stop_enrollments(connection, ContactId(person.contact_id), reason, now=now)
    if reason in OPT_OUTS:
        told = {"contact_id": None if person is None else person.contact_id, "reason": reason}
        data = {**told, "campaign_ids": list(campaigns), "touch_ids": list(touches)}
        await announce(connection, "person.opted_out", f"{email_hash}:{reason}:{source}", data, now=now)
    return Stopped(tuple(touches), tuple(campaigns))
