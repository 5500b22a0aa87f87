"""Make a contact of a person. Campaigns may then write to it.

It needs a checked address and a recorded lawful basis. Nothing promotes by itself. An address that takes no mail is
refused. One on which the check has no certain verdict needs a person's word.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.addresses import email_hash, normalized
from agentic_sales.campaigns.people.permission import refusal_of
from agentic_sales.contracts import ConsentBasis, ContactId, PersonId, Subject
from agentic_sales.errors import InvalidAddress, InvalidRequest, StateConflict
from agentic_sales.rules.address_cells import is_nobody
from agentic_sales.rules.names import split_name
from agentic_sales.rules.people_keys import address_key
from agentic_sales.sources.mailboxes import MailboxVerdict
from agentic_sales.store.contacts import ContactRow, add_contact, contact_by_hash, locked_contact
from agentic_sales.store.database import Database
from agentic_sales.store.facts import Fact, current_values
from agentic_sales.store.keys import add_keys
from agentic_sales.store.people import PersonRow, become_contact, person
from agentic_sales.store.recording import record_facts
from agentic_sales.store.statements import known

log = structlog.get_logger()

EMAIL = "email"
VERDICT = "email_verdict"
"""Field of the fact that tells whether an address takes mail.

Its value has `address`, `verdict` (`deliverable`, `risky`, `undeliverable` or `unknown`) and `reasons`.
"""
DELIVERABLE = "deliverable"
UNDELIVERABLE = "undeliverable"
WORKFLOW = "promotion"
"""Names the source of a verdict that a promotion has asked for."""

Check = Callable[[str], Awaitable[MailboxVerdict]]
"""Tells whether an address is usable."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """The basis for a message to a person."""

    basis: ConsentBasis
    """Lawful basis."""
    source: str
    """Source of the basis in words that the person may read."""
    by: str
    """Person that decides."""
    checked: str = ""
    """How that person knows that the address is right. Empty: a recorded verdict says so."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """A person that is a contact now."""

    person_id: PersonId
    """The person."""
    contact_id: ContactId
    """The contact."""
    is_new: bool
    """False: the address was a contact already, and its recorded basis stays."""
    verdict: str = ""
    """Whether the address takes mail. Empty: the person was a contact, and nobody was asked."""
    reasons: tuple[str, ...] = ()
    """The reasons of the verdict."""


async def promote(
    database: Database,
    person_id: PersonId,
    grounds: Grounds,
    *,
    check: Check,
    now: datetime,
    email: str | None = None,
) -> Promoted:
    """Make a contact of a person. A person that is one already stays as is.

    Args:
        database: The store.
        person_id: The person.
        grounds: The basis for a message to the person.
        check: Asked for the address unless a recorded verdict decides. No transaction is open meanwhile.
        now: The present.
        email: The address. None: the current fact `email` of the person.

    Raises:
        UnknownRecord: There is no such person.
        InvalidRequest: No address is known.
        InvalidAddress: It is no address, or one that no person reads.
        StateConflict: Nobody has checked the address, it takes no mail, or the person must not be written to.
    """
    async with database.reading() as connection:
        row = known(await person(connection, person_id), "person", person_id)
        facts = (await current_values(connection, "person", [person_id]))[person_id]
    if row.contact_id is not None:
        return Promoted(person_id, ContactId(row.contact_id), is_new=False)
    address = _readable(email or _first_address(facts.get(EMAIL)))
    asked = None if _decides(facts.get(VERDICT), address) else await check(address)
    return await _promote(database, person_id, grounds, address, asked, now=now)


async def _promote(
    database: Database,
    person_id: PersonId,
    grounds: Grounds,
    address: str,
    asked: MailboxVerdict | None,
    *,
    now: datetime,
) -> Promoted:
    subject, digest = Subject("person", person_id), email_hash(address)
    async with database.writing() as connection:
        row = known(await person(connection, person_id), "person", person_id)
        if row.contact_id is not None:
            return Promoted(person_id, ContactId(row.contact_id), is_new=False)
        facts = (await current_values(connection, "person", [person_id]))[person_id]
        await locked_contact(connection, digest)  # First, as every transaction about a contact does.
        verdict, reasons = _verdict_on(address, facts.get(VERDICT), asked)
        _check_verdict(person_id, address, verdict, reasons, grounds)
        values = _columns(row, address, facts, grounds, now)
        await _check_permission(connection, person_id, values)
        contact_id = await add_contact(connection, values, now=now)
        is_new = contact_id is not None
        if contact_id is None:
            there = known(await contact_by_hash(connection, digest), "contact", address)
            contact_id = ContactId(there.contact_id)
        await become_contact(connection, person_id, contact_id, now=now)
        await add_keys(connection, "person", [(address_key(digest), person_id)])
        await record_facts(connection, _told(subject, address, grounds, asked, now))
    log.info("person_promoted", person_id=person_id, contact_id=contact_id, basis=grounds.basis, is_new=is_new)
    return Promoted(person_id, contact_id, is_new, verdict, reasons)


def _first_address(value: Any) -> str:
    """Return the address of a fact, which may hold a list of them."""
    told = value[0] if isinstance(value, list) and value else value
    if not isinstance(told, str) or not told:
        raise InvalidRequest("no address of the person is known; give one with `email` (--email)")
    return told


def _readable(address: str) -> str:
    if is_nobody(address):
        raise InvalidAddress(address, "a program reads it, and no person")
    return normalized(address)


def _decides(told: Any, address: str) -> bool:
    """Tell whether a recorded verdict on this very address is certain, so that nobody has to be asked."""
    is_about_it = isinstance(told, Mapping) and str(told.get("address", "")).lower() == address.lower()
    return is_about_it and told.get("verdict") in {DELIVERABLE, UNDELIVERABLE}


def _verdict_on(address: str, told: Any, asked: MailboxVerdict | None) -> tuple[str, tuple[str, ...]]:
    if _decides(told, address):
        return str(told["verdict"]), tuple(map(str, told.get("reasons", ())))
    return (asked.verdict, asked.reasons) if asked is not None else ("unknown", ())


def _check_verdict(person_id: PersonId, address: str, verdict: str, reasons: tuple[str, ...], grounds: Grounds) -> None:
    """Refuse an address that takes no mail, or one that nobody vouches for."""
    why = "; ".join(reasons) or "no reason is given"
    if verdict == UNDELIVERABLE:
        raise StateConflict("person", person_id, f"`{address}` takes no mail: {why}")
    if verdict != DELIVERABLE and not grounds.checked:
        found = f"the verdict on `{address}` is `{verdict}`: {why}"
        raise StateConflict("person", person_id, f"{found}; say with `checked` (--checked) how you know it is right")


def _columns(row: PersonRow, address: str, facts: Mapping[str, Any], grounds: Grounds, now: datetime) -> dict[str, Any]:
    name, position = split_name(row.name), facts.get("position", "")
    return {
        "email": address,
        "email_hash": email_hash(address),
        "first_name": name.first,
        "last_name": name.last,
        "position": position if isinstance(position, str) else "",
        "company_id": row.company_id,
        "time_zone": None,
        "consent_basis": grounds.basis,
        "consent_source": grounds.source,
        "consent_at": now,
        "fields": {},
    }


async def _check_permission(connection: AsyncConnection, person_id: PersonId, values: Mapping[str, Any]) -> None:
    if (reason := await refusal_of(connection, ContactRow(**values))) is not None:
        raise StateConflict("person", person_id, f"the person must not be written to: {reason}")


def _told(subject: Subject, address: str, grounds: Grounds, asked: MailboxVerdict | None, now: datetime) -> list[Fact]:
    """Return the person's own word about the address, or the verdict on it."""
    if not grounds.checked:
        if asked is None:
            return []
        found = {"address": address, "verdict": asked.verdict, "reasons": list(asked.reasons)}
        return [Fact(subject, VERDICT, found, "api", now, workflow=WORKFLOW)]
    verdict = {"address": address, "verdict": DELIVERABLE, "reasons": [grounds.checked]}
    return [
        Fact(subject, EMAIL, address, "person", now, workflow=grounds.by),
        Fact(subject, VERDICT, verdict, "person", now, workflow=grounds.by),
    ]
