"""Read for `email_outreach` from the store: the reader, the reader's stop conditions, and the product."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.contracts import ContactId
from agentic_sales.errors import InvalidAddress, InvalidInput
from agentic_sales.rules.names import whole_name
from agentic_sales.rules.outreach_drafts import OutreachForm, Product, SkipReason
from agentic_sales.store.contacts import contact_by_hash
from agentic_sales.store.database import Database
from agentic_sales.store.products import product
from agentic_sales.store.suppressions import suppressions_of
from agentic_sales.store.touches import touches

ASSISTANT = "email_outreach"
MAX_EARLIER_MAILS = 5
STOP_CONDITIONS: dict[str, SkipReason] = {
    "unsubscribed": "unsubscribed",
    "complained": "unsubscribed",
    "bounced": "bounced",
    "suppressed": "stopped",
    "stopped": "stopped",
    "replied": "replied",
}
"""Reason of a suppression to the name that callers know, the gravest first."""


async def known_reader(database: Database, given: OutreachForm, *, campaign_id: str) -> dict[str, Any]:
    """Return `contact_id`, and the name, role and earlier mails that the input leaves open.

    Args:
        database: The store.
        given: The input. Its values stay. Without an address nothing is known.
        campaign_id: Only mails of this campaign count as earlier ones. Empty: those of all campaigns.

    Raises:
        InvalidInput: The address is none.
    """
    if not given.recipient_email:
        return {}
    async with database.reading() as connection:
        person = await contact_by_hash(connection, _digest(given.recipient_email))
        if person is None:
            return {}
        sent = await touches(connection, contact_id=ContactId(person.contact_id), states=("sent", "ambiguous"))
    found: dict[str, Any] = {
        "contact_id": person.contact_id,
        "recipient_name": given.recipient_name or whole_name(person.first_name, person.last_name),
        "recipient_role": given.recipient_role or person.position,
    }
    if given.earlier_mails is None:
        ours = [touch for touch in sent if campaign_id in {"", touch.campaign_id}]
        found["earlier_mails"] = [{"subject": t.subject, "text": t.text} for t in ours[-MAX_EARLIER_MAILS:]]
    return found


async def stop_condition(database: Database, given: OutreachForm) -> SkipReason | None:
    """Return why the person of an input must not be written to. None if nothing speaks against it.

    Raises:
        InvalidInput: The address is none.
    """
    if not given.recipient_email:
        return None
    async with database.reading() as connection:
        return await stop_condition_of(connection, _digest(given.recipient_email))


async def stop_condition_of(connection: AsyncConnection, digest: str) -> SkipReason | None:
    """Return why the person of an address's digest must not be written to. None if nothing speaks against it."""
    reasons = {row.reason for row in await suppressions_of(connection, digest)}
    return next((told for reason, told in STOP_CONDITIONS.items() if reason in reasons), None)


async def known_product(database: Database, number: int | None) -> Product | None:
    """Return a product of the store. None without a number.

    Raises:
        InvalidInput: No product has this number.
    """
    if number is None:
        return None
    async with database.reading() as connection:
        row = await product(connection, number)
    if row is None:
        problem = f"no product has the number {number}; `agentic-sales products list` shows them"
        raise InvalidInput(ASSISTANT, [("/product_id", problem)])
    return Product.model_validate({"name": row.name, **row.content})


def _digest(address: str) -> str:
    try:
        return email_hash(address)
    except InvalidAddress as exc:
        raise InvalidInput(ASSISTANT, [("/recipient_email", str(exc))]) from exc
