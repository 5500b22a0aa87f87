"""Suppress a person by hand, or lift a suppression. The name and the reason are recorded.

Nobody else can take back a person's own wish. After an unsubscribe, a complaint or a request to be forgotten, the
suppression is lifted only if the person has asked for mail since (GDPR, article 21; CAN-SPAM).
"""

from datetime import datetime

import structlog

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.people.forget import SOURCE
from agentic_sales.campaigns.people.stops import Stopped, stop_person
from agentic_sales.contracts import StopReason
from agentic_sales.errors import StateConflict, UnknownRecord
from agentic_sales.store.contacts import locked_contact
from agentic_sales.store.database import Database
from agentic_sales.store.suppressions import LiftRow, SuppressionRow, lift, suppressions_of

THEIR_WISH = frozenset({"unsubscribed", "complained"})
"""Reasons that are the person's own word."""

log = structlog.get_logger()


async def suppress_by_hand(database: Database, email: str, *, by: str, now: datetime) -> Stopped:
    """Send nothing more to a person. The person need not be known. Return the counts of the stop.

    Raises:
        InvalidAddress: It is no address.
    """
    async with database.writing() as connection:
        return await stop_person(connection, email_hash(email), "stopped", source=by, now=now)


async def lift_suppressions(
    database: Database,
    email: str,
    *,
    by: str,
    why: str,
    now: datetime,
    reason: StopReason | None = None,
    has_opted_in: bool = False,
) -> list[LiftRow]:
    """Take a person off the list: all entries or none. Campaigns that were ended for the person stay ended.

    Args:
        database: Where the list is.
        email: The person's address.
        by: Name of the person that lifts it.
        why: Why, in words.
        now: The present.
        reason: Lift only the entry of this reason. None lifts every one.
        has_opted_in: The person has asked for mail since. Then the person's own wish is lifted, too.

    Raises:
        InvalidAddress: It is no address.
        UnknownRecord: The person is not on the list, or not for this reason.
        StateConflict: The person had asked to be left alone.
    """
    digest = email_hash(email)
    async with database.writing() as connection:
        await locked_contact(connection, digest)  # First, as every transaction does.
        found = [row for row in await suppressions_of(connection, digest) if reason in {None, row.reason}]
        if not found:
            raise UnknownRecord("suppression", f"{email} {reason}" if reason else email)
        for row in found:
            if _is_their_wish(row) and not has_opted_in:
                wish = f"it was the person's own wish on {row.at:%Y-%m-%d}"
                told = f"{wish}; say `has_opted_in` (--opted-in) if the person has asked for mail since"
                raise StateConflict("suppression", row.reason, told)
        lifted = [await lift(connection, row, by=by, why=why, now=now) for row in found]
    log.info("suppressions_lifted", reasons=[row.reason for row in found], has_opted_in=has_opted_in)
    return [row for row in lifted if row is not None]


def _is_their_wish(row: SuppressionRow) -> bool:
    return row.reason in THEIR_WISH or row.source == SOURCE
