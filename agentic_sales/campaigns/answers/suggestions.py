"""Suggest the people that an answer names in the writer's place. A person accepts or declines each, by name.

A suggestion is never an enrollment. Accepting makes a contact with a recorded basis, and lets it join the campaign of
the answer, in one transaction. What was declined is not suggested again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.additions import with_additions, with_all_additions
from agentic_sales.campaigns.people.addresses import email_hash, normalized
from agentic_sales.campaigns.people.permission import refusal_of
from agentic_sales.campaigns.people.places import PlaceInCampaign, join_campaign
from agentic_sales.campaigns.plan.desk import named
from agentic_sales.contracts import CampaignId, ConsentBasis, ContactId, TouchId
from agentic_sales.errors import InvalidAddress, InvalidRequest, NotPermitted, StateConflict
from agentic_sales.rules.address_cells import is_nobody
from agentic_sales.rules.names import split_name
from agentic_sales.rules.quotes import own_words
from agentic_sales.rules.referrals import Referral, referral_words, referrals_in
from agentic_sales.rules.reply_words import TABLES, rules_of
from agentic_sales.rules.words import folded
from agentic_sales.settings import settings
from agentic_sales.sources.mailboxes import MailboxVerdict
from agentic_sales.store.audit import note_act
from agentic_sales.store.campaigns import locked_campaign
from agentic_sales.store.contacts import ContactRow, add_contact, contact, locked_contact
from agentic_sales.store.database import Database
from agentic_sales.store.inbound import InboundRow
from agentic_sales.store.mailboxes import mailboxes
from agentic_sales.store.statements import known
from agentic_sales.store.suggestions import (
    SuggestionRow,
    SuggestionState,
    add_suggestion,
    decide_suggestion,
    suggestion,
)
from agentic_sales.store.suppressions import suppressions_of
from agentic_sales.store.touches import touch

SILENT = frozenset({"unsubscribe", "bounced", "out_of_office"})
"""Classes that suggest nobody. A cover for some days is no other contact."""
ID_CHARS = 16

Check = Callable[[str], Awaitable[MailboxVerdict]]
"""Judges whether an address takes mail."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SuggestionChoice:
    """What a person says when accepting."""

    by: str
    """Name of the person."""
    email: str = ""
    """Address of the suggested person. If empty, it is that of the answer."""
    name: str = ""
    """Name of the suggested person. If empty, it is that of the answer."""
    basis: ConsentBasis = "legitimate_interest"
    """Lawful basis of a message."""
    note: str = ""
    """Reason in words."""


async def suggest(
    connection: AsyncConnection,
    reply: InboundRow,
    person: ContactRow,
    reply_class: str,
    *,
    is_gone: bool = False,
    now: datetime,
) -> int:
    """Suggest whom an answer names, in the transaction that reads it. Return how many are new.

    Args:
        connection: Of a writing transaction.
        reply: The answer.
        person: Its writer.
        reply_class: Its class.
        is_gone: True if a program says that nobody reads the address any more. Only then may it name somebody.
        now: The present.
    """
    if reply_class in SILENT or reply.touch_id is None or not (reply.kind == "reply" or is_gone):
        return 0
    about = await touch(connection, TouchId(reply.touch_id))
    if about is None:
        return 0
    ours = {address for row in await mailboxes(connection, removed=True) for address in (row.address, row.reply_to)}
    folder = settings().rules_dir
    found = referrals_in(
        own_words(reply.text),
        known={person.email, *filter(None, ours)},
        rules=with_all_additions(TABLES, rules_of, folder),
        signs=with_additions("referrals", referral_words, folder),
    )
    of = {"campaign_id": about.campaign_id, "contact_id": person.contact_id, "event_id": reply.event_id}
    return sum([await _keep(connection, each, {**of, "created_at": now}) for each in found])


async def _keep(connection: AsyncConnection, found: Referral, of: dict[str, Any]) -> bool:
    try:
        email = normalized(found.email) if found.email else ""
    except InvalidAddress:
        email = ""
    digest = email_hash(email) if email else None
    if digest is not None and await suppressions_of(connection, digest):
        return False  # Nobody may write there, and a forgotten person is not written down again.
    if not (email or found.name or found.role):
        return False
    who = digest or folded(found.name or found.role)
    key = sha256("\0".join((of["campaign_id"], of["contact_id"], who)).encode()).hexdigest()[:ID_CHARS]
    told = {"name": found.name, "email": email, "email_hash": digest, "role": found.role, "words": found.words}
    return await add_suggestion(connection, {**of, **told, "suggestion_id": key})


async def accept(
    database: Database, suggestion_id: str, choice: SuggestionChoice, *, check: Check, now: datetime
) -> PlaceInCampaign:
    """Make a contact of a suggested person, and let it join the campaign. A known contact joins as it is.

    Args:
        database: Where the campaigns are.
        suggestion_id: The suggestion.
        choice: What the deciding person says.
        check: Asked whether the address takes mail. No transaction is open meanwhile.
        now: The present.

    Raises:
        UnknownRecord: There is no such suggestion.
        InvalidRequest: Nobody is named who decides, or no address is known.
        InvalidAddress: It is no address, or one that no person reads.
        NotPermitted: The person must not be written to.
        StateConflict: It is decided already, the address takes no mail, or the person is in the campaign.
    """
    by = named(choice.by)
    async with database.reading() as connection:
        row = known(await suggestion(connection, suggestion_id), "suggestion", suggestion_id)
    _check_open(row)
    address = _readable(choice.email or row.email, suggestion_id)
    verdict = await check(address)
    if verdict.verdict == "undeliverable":
        told = f"`{address}` takes no mail: {'; '.join(verdict.reasons)}"
        raise StateConflict("suggestion", suggestion_id, f"{told}; another one is told by `email` (--email)")
    digest = email_hash(address)
    async with database.writing() as connection:
        await locked_contact(connection, digest)  # First, as every transaction about a contact does.
        campaign_id = CampaignId(row.campaign_id)
        campaign = known(await locked_campaign(connection, campaign_id), "campaign", campaign_id)
        person = await _contact(connection, row, choice, address, by=by, now=now)
        values = {"accepted_id": person.contact_id, "email": address, "email_hash": digest}
        await _decide(connection, suggestion_id, "accepted", by=by, note=choice.note, now=now, values=values)
        place = await join_campaign(connection, campaign, person, now)
        of: Any = {"campaign_id": campaign_id, "contact_id": ContactId(person.contact_id)}
        told_of = {"suggestion_id": suggestion_id, "event_id": row.event_id}
        await note_act(connection, "accept", by=by, note=choice.note, told=told_of, now=now, **of)
    log.info("suggestion_accepted", suggestion_id=suggestion_id, contact_id=person.contact_id)
    return place


async def decline(database: Database, suggestion_id: str, *, by: str, now: datetime, note: str = "") -> SuggestionRow:
    """Decline a suggestion. It is not made again, also not by a later answer of the same person.

    Raises:
        UnknownRecord: There is no such suggestion.
        InvalidRequest: Nobody is named who decides.
        StateConflict: It is decided already.
    """
    name = named(by)
    async with database.writing() as connection:
        row = await _decide(connection, suggestion_id, "declined", by=name, note=note, now=now)
        told = {"suggestion_id": suggestion_id, "event_id": row.event_id}
        campaign_id = CampaignId(row.campaign_id)
        await note_act(connection, "decline", by=name, note=note, told=told, now=now, campaign_id=campaign_id)
    return row


async def _decide(connection: AsyncConnection, suggestion_id: str, to: SuggestionState, **told: Any) -> SuggestionRow:
    row = await decide_suggestion(connection, suggestion_id, to=to, **told)
    if row is None:
        _check_open(known(await suggestion(connection, suggestion_id), "suggestion", suggestion_id))
        raise StateConflict("suggestion", suggestion_id, "it is being decided")
    return row


def _check_open(row: SuggestionRow) -> None:
    if row.state != "open":
        told = f"{row.decided_by} has {row.state} it already"
        raise StateConflict("suggestion", row.suggestion_id, told)


def _readable(email: str, suggestion_id: str) -> str:
    if not email:
        told = f"the answer gives no address for suggestion `{suggestion_id}`"
        raise InvalidRequest(f"{told}; give one by `email` (--email)")
    if is_nobody(email):
        raise InvalidAddress(email, "a program reads it, and no person")
    return normalized(email)


async def _contact(
    connection: AsyncConnection, row: SuggestionRow, choice: SuggestionChoice, address: str, *, by: str, now: datetime
) -> ContactRow:
    """Return the contact of an address. A new one gets the basis, and where it comes from."""
    digest = email_hash(address)
    if (there := await locked_contact(connection, digest)) is not None:
        return there
    writer = known(await contact(connection, ContactId(row.contact_id)), "writer of the answer", row.event_id)
    is_colleague = writer.email.rpartition("@")[2] == address.rpartition("@")[2]
    name = split_name(choice.name or row.name)
    source = f"named in an answer of {row.created_at:%Y-%m-%d} to campaign `{row.campaign_id}`, accepted by {by}"
    values: dict[str, Any] = {
        "email": address,
        "email_hash": digest,
        "first_name": name.first,
        "last_name": name.last,
        "position": row.role,
        "company_id": writer.company_id if is_colleague else None,
        "time_zone": writer.time_zone if is_colleague else None,
        "consent_basis": choice.basis,
        "consent_source": source,
        "consent_at": now,
        "fields": {},
    }
    if (reason := await refusal_of(connection, ContactRow(**values))) is not None:
        raise NotPermitted(f"suggestion {row.suggestion_id}", reason)
    await add_contact(connection, values, now=now)
    return known(await locked_contact(connection, digest), "contact", row.suggestion_id)
