"""Keep companies. Each company has one row, however its sources spell it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, Index, Select, exists, literal, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils import uuid7

from agentic_sales.contracts import CompanyId
from agentic_sales.rules.company_identity import LONGEST_NAME_CHARS, Firm, name_key
from agentic_sales.store.columns import Table
from agentic_sales.store.facts import FactRow, value_key
from agentic_sales.store.keys import SubjectKeyRow, former_id_key, ids_by_key
from agentic_sales.store.locks import lock
from agentic_sales.store.statements import every, first, insert_many

FIRMS_AT_ONCE = 500
"""Companies that one statement looks for."""


class CompanyRow(Table):
    """One company."""

    __tablename__ = "companies"
    __table_args__ = (Index(None, "name_key"),)

    company_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id."""
    key: Mapped[str] = mapped_column(unique=True)
    """Registrable domain of its site, or else its bare name."""
    name: Mapped[str]
    """Name as people write it."""
    domain: Mapped[str | None] = mapped_column(default=None)
    """Registrable domain of its web site, or None."""
    name_key: Mapped[str] = mapped_column(default="", server_default="")
    """Bare name: without legal form, case and accents. Empty without a name."""
    blocked_at: Mapped[datetime | None] = mapped_column(default=None)
    """When a person said that nobody of the company is written to. None: nobody said so."""
    blocked_by: Mapped[str] = mapped_column(server_default="")
    """Person that said so."""
    blocked_why: Mapped[str] = mapped_column(server_default="")
    """Reason in words."""
    created_at: Mapped[datetime]
    """Time of its first row."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The companies that records mean."""

    ids: dict[Firm, CompanyId]
    """Their ids."""
    new: set[CompanyId]
    """Those that were not known before."""


async def company_ids(connection: AsyncConnection, firms: Iterable[Firm], *, now: datetime) -> dict[Firm, CompanyId]:
    """Return the ids of companies as `resolve_companies` does."""
    return (await resolve_companies(connection, firms, now=now)).ids


async def resolve_companies(connection: AsyncConnection, firms: Iterable[Firm], *, now: datetime) -> Resolved:
    """Return the companies that records mean. New companies are written.

    A domain decides. A name alone means the one company of this bare name, or a company without a domain. A company
    that was known by its name alone gets the domain that a later record tells. Records without name and domain are
    left out.
    """
    given = [firm for firm in dict.fromkeys(firms) if firm.key]
    found = Resolved({}, set())
    for start in range(0, len(given), FIRMS_AT_ONCE):
        some = given[start : start + FIRMS_AT_ONCE]
        await lock(connection, "companies", {key for firm in some for key in (firm.site, firm.name_key) if key})
        resolution = _Resolution(connection, now)
        found.ids.update(await resolution.ids(some))
        found.new.update(CompanyId(row["company_id"]) for row in resolution.new)
    return found


async def company(connection: AsyncConnection, company_id: CompanyId) -> CompanyRow | None:
    """Return a company or None."""
    return await first(connection, CompanyRow, select(CompanyRow).where(CompanyRow.company_id == company_id))


def ids_by(company_id: str | None, key: str | None, former_keys: Sequence[str]) -> CompoundSelect[Any]:
    """Return the statement for the ids of companies by an id, by their key, or by keys that they had.

    PostgreSQL reads every company for a condition that joins the three by `OR`.
    """
    return union_all(
        select(literal(company_id, CompanyRow.company_id.type)),
        select(CompanyRow.company_id).where(CompanyRow.key == key),
        select(SubjectKeyRow.subject_id).where(SubjectKeyRow.kind == "company", SubjectKeyRow.key.in_(former_keys)),
    )


async def company_named(connection: AsyncConnection, text: str) -> CompanyRow | None:
    """Return the company of an id, of a site, of a former one of both, or of a bare name that one company alone has."""
    key = Firm(text, text).key
    order = (CompanyRow.company_id == text).desc(), (CompanyRow.key == key).desc()
    is_it = CompanyRow.company_id.in_(ids_by(text, key, [key, former_id_key(text)]))
    found = await first(connection, CompanyRow, select(CompanyRow).where(is_it).order_by(*order).limit(1))
    if found is not None:
        return found
    same_name = select(CompanyRow).where(CompanyRow.name_key == name_key(text)).limit(2)
    rows = await every(connection, CompanyRow, same_name)
    return rows[0] if len(rows) == 1 else None


async def companies_known(connection: AsyncConnection, firms: Iterable[Firm]) -> dict[Firm, CompanyRow]:
    """Return the companies that are known by the keys of records, also by former ones. Unknown records are left out."""
    given, found = [firm for firm in dict.fromkeys(firms) if firm.key], dict[Firm, CompanyRow]()
    for start in range(0, len(given), FIRMS_AT_ONCE):
        some = given[start : start + FIRMS_AT_ONCE]
        further = await ids_by_key(connection, "company", {firm.key for firm in some})
        wanted = or_(CompanyRow.key.in_({firm.key for firm in some}), CompanyRow.company_id.in_({*further.values()}))
        rows = await every(connection, CompanyRow, select(CompanyRow).where(wanted))
        by_key, by_id = {row.key: row for row in rows}, {row.company_id: row for row in rows}
        for firm in some:
            if row := by_key.get(firm.key) or by_id.get(further.get(firm.key, "")):
                found[firm] = row
    return found


@dataclass(frozen=True, slots=True)
class CompanyFilter:
    """The companies of a list. None stands for any."""

    text: str | None = None
    """Part of the bare name or of the domain."""
    country: str | None = None
    """Current value of the fact `country`, in any case."""
    category: str | None = None
    """Current value of the fact `category`, in any case."""
    missing_field: str | None = None
    """Field of which there is no fact."""
    is_blocked: bool | None = None
    """Whether the company is blocked."""
    ids: Sequence[CompanyId] | None = None
    """These companies alone."""


async def companies(
    connection: AsyncConnection, wanted: CompanyFilter | None = None, *, limit: int = 100, offset: int = 0
) -> list[CompanyRow]:
    """Return companies, the newest first."""
    statement = _narrowed(select(CompanyRow), wanted or CompanyFilter())
    return await every(
        connection, CompanyRow, statement.order_by(CompanyRow.company_id.desc()).limit(limit).offset(offset)
    )


async def companies_of(connection: AsyncConnection, ids: Iterable[CompanyId]) -> dict[CompanyId, CompanyRow]:
    """Return companies by their ids. Unknown ones are left out."""
    rows = await every(connection, CompanyRow, select(CompanyRow).where(CompanyRow.company_id.in_([*ids])))
    return {CompanyId(row.company_id): row for row in rows}


async def block_company(
    connection: AsyncConnection, company_id: CompanyId, *, by: str, why: str, now: datetime | None
) -> None:
    """Write to nobody of a company any more. None as the present lifts the block, and keeps author and reason."""
    values = {"blocked_at": now, "blocked_by": by, "blocked_why": why}
    await connection.execute(update(CompanyRow).where(CompanyRow.company_id == company_id).values(**values))


def _narrowed(statement: Select[Any], wanted: CompanyFilter) -> Select[Any]:
    if wanted.text:
        key, part = name_key(wanted.text), wanted.text.strip().lower()
        by_name = CompanyRow.name_key.contains(key, autoescape=True) if key else None
        by_key = CompanyRow.key.contains(part, autoescape=True)
        statement = statement.where(by_key if by_name is None else or_(by_name, by_key))
    for field, value in (("country", wanted.country), ("category", wanted.category)):
        if value is not None:
            statement = statement.where(
                CompanyRow.company_id.in_(_with(field).where(FactRow.value_key == value_key(value)))
            )
    if wanted.missing_field is not None:
        of_it = exists().where(FactRow.subject_id == CompanyRow.company_id, FactRow.field == wanted.missing_field)
        statement = statement.where(~of_it)
    if wanted.is_blocked is not None:
        is_blocked = CompanyRow.blocked_at.is_not(None)
        statement = statement.where(is_blocked if wanted.is_blocked else ~is_blocked)
    if wanted.ids is not None:
        statement = statement.where(CompanyRow.company_id.in_(wanted.ids))
    return statement


def _with(field: str) -> Select[Any]:
    is_it = FactRow.field == field, FactRow.subject_kind == "company", FactRow.is_current
    return select(FactRow.subject_id).where(*is_it)


@dataclass
class _Known:
    company_id: CompanyId
    domain: str | None
    name_key: str


class _Resolution:
    """Finds or makes the companies of some records, with few statements however many there are."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._by_key: dict[str, _Known] = {}
        self._by_name: defaultdict[str, list[_Known]] = defaultdict(list)
        self.new: list[dict[str, Any]] = []
        """Rows of companies that were not known."""
        self._changed: dict[CompanyId, dict[str, Any]] = {}

    async def ids(self, firms: Sequence[Firm]) -> dict[Firm, CompanyId]:
        """Return the id of each record's company and write the new ones."""
        await self._read(firms)
        found = {firm: self._found(firm) for firm in sorted(firms, key=lambda firm: (firm.site is None, firm.key))}
        await insert_many(self._connection, CompanyRow, self.new)
        for company_id, values in self._changed.items():
            mine = CompanyRow.company_id == company_id
            await self._connection.execute(update(CompanyRow).where(mine).values(**values))
        return found

    async def _read(self, firms: Sequence[Firm]) -> None:
        keys, names = {firm.key for firm in firms}, {firm.name_key for firm in firms if firm.name_key}
        further = await ids_by_key(self._connection, "company", keys)
        wanted = or_(
            CompanyRow.key.in_(keys), CompanyRow.name_key.in_(names), CompanyRow.company_id.in_({*further.values()})
        )
        by_id: dict[str, _Known] = {}
        for row in await every(self._connection, CompanyRow, select(CompanyRow).where(wanted)):
            by_id[row.company_id] = known = _Known(CompanyId(row.company_id), row.domain, row.name_key)
            self._by_key[row.key] = known
            self._by_name[row.name_key].append(known)
        self._by_key |= {key: by_id[company_id] for key, company_id in further.items() if company_id in by_id}

    def _found(self, firm: Firm) -> CompanyId:
        known = self._by_key.get(firm.key) or self._of_name(firm)
        if known is None:
            return self._made(firm)
        if firm.name_key and not known.name_key:
            known.name_key = firm.name_key
            self._change(known, name=_named(firm), name_key=firm.name_key)
        return known.company_id

    def _of_name(self, firm: Firm) -> _Known | None:
        """Return the one company that a record means by its name, and give it the domain that the record tells."""
        same_name = self._by_name[firm.name_key] if firm.name_key else []
        if firm.site is not None:
            same_name = [known for known in same_name if known.domain is None]
        if len(same_name) != 1:
            return None
        [known] = same_name
        if firm.site is not None:
            known.domain = firm.site
            self._by_key[firm.site] = known
            self._change(known, key=firm.site, domain=firm.site)
        return known

    def _made(self, firm: Firm) -> CompanyId:
        known = _Known(CompanyId(str(uuid7())), firm.site, firm.name_key)
        self._by_key[firm.key] = known
        self._by_name[firm.name_key].append(known)
        row = {"company_id": known.company_id, "key": firm.key, "name": _named(firm), "domain": firm.site}
        self.new.append({**row, "name_key": firm.name_key, "created_at": self._now})
        return known.company_id

    def _change(self, known: _Known, **values: Any) -> None:
        self._changed.setdefault(known.company_id, {}).update(values)


def _named(firm: Firm) -> str:
    return firm.name.strip()[:LONGEST_NAME_CHARS] or firm.key
