"""Hand out or erase the book's data of a person, also of one without an address (GDPR, articles 15 and 17)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.addresses import email_hash, normalized
from agentic_sales.contracts import CompanyId, ContactId
from agentic_sales.errors import InvalidRequest
from agentic_sales.rules.people_keys import address_key, employed_key, profile_key, profile_of
from agentic_sales.store.companies import company_named
from agentic_sales.store.contacts import ContactRow, contact_by_hash
from agentic_sales.store.contacts import contact as contact_of_id
from agentic_sales.store.database import Database
from agentic_sales.store.people import PersonRow
from agentic_sales.store.statements import known
from agentic_sales.store.traces import Traces, erase_traces, people_meant, traces_of


@dataclass(frozen=True, slots=True)
class Whom:
    """A person as the person names himself or herself: by an address, a profile, or name and company."""

    email: str = ""
    """Address."""
    profile: str = ""
    """URL of a page about the person."""
    name: str = ""
    """Whole name. It needs a company."""
    company: str = ""
    """Id, site or bare name of the company."""


@dataclass(frozen=True, slots=True)
class Meant:
    """The person that somebody named, as far as the store knows the person."""

    traces: Traces
    """The book's data."""
    keys: tuple[str, ...]
    """Keys by which the person was looked for."""
    addresses: tuple[str, ...]
    """Addresses of the contacts among the people. Campaigns may know more about these."""
    words: tuple[str, ...] = ()
    """Addresses, whole names and profiles of the people. Texts elsewhere may hold these."""


async def meant(connection: AsyncConnection, whom: Whom) -> Meant:
    """Return the book's data of a person.

    Raises:
        InvalidRequest: Nothing names a person.
        InvalidAddress: The address is none.
        UnknownRecord: The company is not known.
    """
    digest = email_hash(whom.email) if whom.email else ""
    contact = await contact_by_hash(connection, digest) if digest else None
    keys = [key for key in (address_key(digest) if digest else "", *await _keys(connection, whom, contact)) if key]
    if not keys:
        raise InvalidRequest("name the person: `email`, or `profile` (a URL), or `name` with `company`")
    spelt = _spellings(whom.email) if whom.email else set()
    contact_id = None if contact is None else ContactId(contact.contact_id)
    people = await people_meant(connection, keys=keys, contact_id=contact_id, addresses=spelt)
    contacts = await _contacts(connection, people)
    names = [whom.name, *(row.name for row in people)]
    names += [f"{row.first_name} {row.last_name}".strip() for row in (contact, *contacts) if row is not None]
    words = {*spelt, profile_of(whom.profile) or "", *(row.email for row in contacts), *filter(_is_whole, names)}
    traces = await traces_of(connection, people, words)
    told = {word for word in (*words, *(row.profile for row in people)) if word}
    return Meant(traces, tuple(keys), tuple(sorted({row.email for row in contacts} - spelt)), tuple(sorted(told)))


async def erase_from_book(database: Database, whom: Whom, *, now: datetime) -> tuple[dict[str, int], tuple[str, ...]]:
    """Erase the book's data of a person. Return the counts by kind, and addresses that campaigns may still know.

    Raises:
        InvalidRequest: Nothing names a person.
        InvalidAddress: The address is none.
        UnknownRecord: The company is not known.
    """
    async with database.reading() as connection:  # The search takes seconds in a large book. Nobody waits for it.
        found = await meant(connection, whom)
    async with database.writing() as connection:
        erased = await erase_traces(connection, found.traces, keys=found.keys, now=now)
    return erased, found.addresses


async def _keys(connection: AsyncConnection, whom: Whom, contact: ContactRow | None) -> list[str]:
    keys = []
    if whom.profile:
        if (profile := profile_of(whom.profile)) is None:
            raise InvalidRequest(f"`{whom.profile[:80]}` is no page of a person; expected such as github.com/ada")
        keys.append(profile_key(profile))
    if whom.name and whom.company:
        company = known(await company_named(connection, whom.company), "company", whom.company)
        keys.append(employed_key(whom.name, CompanyId(company.company_id)))
    if contact is not None and contact.company_id and contact.last_name:
        keys.append(employed_key(f"{contact.first_name} {contact.last_name}", contact.company_id))
    return keys


async def _contacts(connection: AsyncConnection, people: list[PersonRow]) -> list[ContactRow]:
    found = [await contact_of_id(connection, ContactId(row.contact_id)) for row in people if row.contact_id]
    return [row for row in found if row is not None]


def _spellings(email: str) -> set[str]:
    """Return an address as given and without its tag. Both are the same person's."""
    local, _, domain = normalized(email).rpartition("@")
    return {f"{local}@{domain}", f"{local.partition('+')[0] or local}@{domain}"}


def _is_whole(name: str) -> bool:
    """Tell whether a name is one of several words. A single word would be found in half of all texts."""
    return len(name.split()) > 1
