"""Keep people that workflows found. They are no contacts: nobody may write to them before they are promoted."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils import uuid7

from agentic_sales.contracts import CompanyId, ContactId, PersonId, Subject
from agentic_sales.rules.people_keys import (
    address_key,
    digest_of,
    employed_key,
    person_name_key,
    profile_key,
    profile_of,
)
from agentic_sales.store.columns import Table
from agentic_sales.store.keys import add_keys, former_ids, ids_by_key, keys_of
from agentic_sales.store.locks import lock
from agentic_sales.store.statements import every, first, insert_many, narrowed

LONGEST_NAME_CHARS = 200


class PersonRow(Table):
    """One person."""

    __tablename__ = "people"
    __table_args__ = (Index(None, "company_id"), Index(None, "contact_id"), Index(None, "name_key"))

    person_id: Mapped[str] = mapped_column(primary_key=True)
    """The person's id."""
    name: Mapped[str]
    """Name as the person's page has it."""
    name_key: Mapped[str]
    """Name without titles, case and accents."""
    company_id: Mapped[str | None] = mapped_column(ForeignKey("companies.company_id", ondelete="SET NULL"))
    """Employer, or None."""
    profile: Mapped[str] = mapped_column(default="")
    """A page about the person, such as `github.com/ada`. Empty if none is known."""
    contact_id: Mapped[str | None] = mapped_column(ForeignKey("contacts.contact_id", ondelete="SET NULL"))
    """The contact that the person was promoted to, or None."""
    created_at: Mapped[datetime]
    """When the person was found."""
    updated_at: Mapped[datetime]
    """When the row changed last."""


class ForgottenRow(Table):
    """A key of a forgotten person, as a digest. Nobody with this key is written into the book again."""

    __tablename__ = "forgotten_keys"

    digest: Mapped[str] = mapped_column(primary_key=True)
    """Digest of the key."""
    at: Mapped[datetime]
    """When the person was forgotten."""


@dataclass(frozen=True, slots=True)
class SourcedPerson:
    """A person as a source names him or her.

    Raises:
        ValueError: There is no name, or nothing beside the name tells the person from others of that name.
    """

    name: str
    """Name as the source has it."""
    company_id: CompanyId | None = None
    """Employer, or None."""
    profile: str = ""
    """URL of a page about the person. Empty if there is none."""
    email_hash: str = ""
    """Digest of an address that a source printed. A guessed address is none. Empty if there is none."""

    def __post_init__(self) -> None:
        """Refuse a person that nobody could recognise."""
        if not self.name.strip() or not self.keys:
            raise ValueError(f"`{self.name[:40]}` alone names no person; give a profile, an address or a company, too")

    @property
    def keys(self) -> list[str]:
        """Return the keys by which the person is recognised, the strongest first."""
        profile = profile_of(self.profile)
        told = (
            profile_key(profile) if profile else "",
            address_key(self.email_hash) if self.email_hash else "",
            employed_key(self.name, self.company_id) if self.company_id else "",
        )
        return [key for key in told if key]


@dataclass(frozen=True, slots=True)
class Recognised:
    """The people that sources mean."""

    ids: dict[SourcedPerson, PersonId]
    """Their ids. A forgotten person has none."""
    new: set[PersonId]
    """Those that were not known before."""


async def person_ids(
    connection: AsyncConnection, people: Iterable[SourcedPerson], *, now: datetime
) -> dict[SourcedPerson, PersonId]:
    """Return the ids of people as `recognise_people` does."""
    return (await recognise_people(connection, people, now=now)).ids


async def recognise_people(
    connection: AsyncConnection, people: Iterable[SourcedPerson], *, now: datetime
) -> Recognised:
    """Return the people that sources mean. New people are written, and known ones get the keys that are new.

    A forgotten person is left out.
    """
    given = list(dict.fromkeys(people))
    await lock(connection, "people", {key for each in given for key in each.keys})
    keys = {key for each in given for key in each.keys}
    gone = await _forgotten(connection, given)
    known = await ids_by_key(connection, "person", keys)
    rows = {row.person_id: row for row in await _people_of(connection, {*known.values()})}
    found: dict[SourcedPerson, PersonId] = {}
    new: list[dict[str, Any]] = []
    further: list[tuple[str, str]] = []
    for each in given:
        if each in gone:
            continue
        person_id = _recognised(each, known, rows)
        if person_id is None:
            new.append(row := _row_of(each, now))
            person_id = row["person_id"]
            rows[person_id] = PersonRow(**row)
        else:
            await _complete(connection, rows[person_id], each, now)
        known |= {key: person_id for key in each.keys if key not in known}
        further += [(key, person_id) for key in each.keys]
        found[each] = PersonId(person_id)
    await insert_many(connection, PersonRow, new)
    await add_keys(connection, "person", further)
    return Recognised(found, {PersonId(row["person_id"]) for row in new})


def _recognised(each: SourcedPerson, known: dict[str, str], rows: dict[str, PersonRow]) -> str | None:
    """Return the people that a source means. Two profiles on one site are two people, even of one name."""
    profile = profile_of(each.profile)
    for key in each.keys:
        if (person_id := known.get(key)) is None:
            continue
        other = rows[person_id].profile
        is_namesake = key.startswith("name:") and profile and other and _site(other) == _site(profile)
        if not is_namesake or other == profile:
            return person_id
    return None


def _site(profile: str) -> str:
    return profile.partition("/")[0]


def _row_of(each: SourcedPerson, now: datetime) -> dict[str, Any]:
    name = " ".join(each.name.split())[:LONGEST_NAME_CHARS]
    return {
        "person_id": str(uuid7()),
        "name": name,
        "name_key": person_name_key(name),
        "company_id": each.company_id,
        "profile": profile_of(each.profile) or "",
        "created_at": now,
        "updated_at": now,
    }


async def _complete(connection: AsyncConnection, row: PersonRow, each: SourcedPerson, now: datetime) -> None:
    """Fill the empty fields of a person. The newest source tells the employer."""
    told = {"company_id": each.company_id, "profile": "" if row.profile else profile_of(each.profile)}
    changed = {name: value for name, value in told.items() if value and value != getattr(row, name)}
    if changed:
        mine = PersonRow.person_id == row.person_id
        await connection.execute(update(PersonRow).where(mine).values(**changed, updated_at=now))


async def person(connection: AsyncConnection, person_id: PersonId) -> PersonRow | None:
    """Return a person or None."""
    return await first(connection, PersonRow, select(PersonRow).where(PersonRow.person_id == person_id))


async def people(
    connection: AsyncConnection,
    *,
    company_id: CompanyId | None = None,
    is_contact: bool | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[PersonRow]:
    """Return people, the newest first. The arguments narrow the list."""
    statement = narrowed(select(PersonRow), {PersonRow.company_id: company_id})
    if is_contact is not None:
        promoted = PersonRow.contact_id.is_not(None)
        statement = statement.where(promoted if is_contact else ~promoted)
    return await every(
        connection, PersonRow, statement.order_by(PersonRow.person_id.desc()).limit(limit).offset(offset)
    )


async def people_by_key(connection: AsyncConnection, keys: Collection[str]) -> list[PersonRow]:
    """Return the people of some keys, each once."""
    return await _people_of(connection, {*(await ids_by_key(connection, "person", keys)).values()})


async def people_of_contact(connection: AsyncConnection, contact_id: ContactId) -> list[PersonRow]:
    """Return the people that were promoted to a contact."""
    return await every(connection, PersonRow, select(PersonRow).where(PersonRow.contact_id == contact_id))


async def become_contact(
    connection: AsyncConnection, person_id: PersonId, contact_id: ContactId, *, now: datetime
) -> None:
    """Record that a person is a contact now."""
    mine = update(PersonRow).where(PersonRow.person_id == person_id)
    await connection.execute(mine.values(contact_id=contact_id, updated_at=now))


async def erase_person(connection: AsyncConnection, person_id: PersonId, *, now: datetime) -> bool:
    """Erase the row of a person, and keep the digests of the keys so that nobody writes the person again."""
    keys = await keys_of(connection, Subject("person", person_id))
    await remember_forgotten(connection, keys, now=now)
    return (await connection.execute(delete(PersonRow).where(PersonRow.person_id == person_id))).rowcount == 1


async def remember_forgotten(connection: AsyncConnection, keys: Iterable[str], *, now: datetime) -> None:
    """Keep the digests of keys, so that nobody with one of them is written into the book."""
    await insert_many(connection, ForgottenRow, [{"digest": digest_of(key), "at": now} for key in sorted({*keys})])


async def _forgotten(connection: AsyncConnection, given: Collection[SourcedPerson]) -> set[SourcedPerson]:
    """Return the forgotten people, also of a company that was merged into another one since."""
    firms = {each.company_id for each in given if each.company_id}
    former = await former_ids(connection, "company", firms)
    digests: dict[str, SourcedPerson] = {}
    for each in given:
        earlier = [employed_key(each.name, old) for old, company_id in former.items() if company_id == each.company_id]
        digests |= {digest_of(key): each for key in (*each.keys, *earlier)}
    wanted = select(ForgottenRow.digest).where(ForgottenRow.digest.in_([*digests]))
    return {digests[digest] for digest in (await connection.execute(wanted)).scalars()}


async def _people_of(connection: AsyncConnection, ids: Collection[str]) -> list[PersonRow]:
    return await every(connection, PersonRow, select(PersonRow).where(PersonRow.person_id.in_(ids)))
