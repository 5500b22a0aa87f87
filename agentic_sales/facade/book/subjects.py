"""Find subjects by the words of a caller, and describe their facts."""

from typing import Any, cast, get_args

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import PersonId, Subject, SubjectKind
from agentic_sales.errors import InvalidRequest, UnknownRecord
from agentic_sales.store.companies import CompanyRow, company_named
from agentic_sales.store.facts import FactRow
from agentic_sales.store.people import person
from agentic_sales.store.products import product
from agentic_sales.store.statements import known
from agentic_sales.store.subjects import thing, thing_of_key

KINDS: tuple[str, ...] = get_args(SubjectKind)


async def known_company(connection: AsyncConnection, text: str) -> CompanyRow:
    """Return the company of an id, a site or a bare name.

    Raises:
        UnknownRecord: There is none, or there are several of the name.
    """
    return known(await company_named(connection, text), "company", text)


async def known_subject(connection: AsyncConnection, text: str) -> Subject:
    """Return the subject that a text such as `company:acme.de`, `person:0199…` or `acme.de` names.

    Raises:
        InvalidRequest: It has a kind that is none.
        UnknownRecord: There is no such subject.
    """
    kind, colon, key = text.partition(":")
    if not colon:
        return Subject("company", (await known_company(connection, text)).company_id)
    if kind not in KINDS:
        raise InvalidRequest(f"`{text[:80]}` names no subject; expected one of {', '.join(KINDS)}, then `:` and its id")
    found = await _found(connection, cast("SubjectKind", kind), key)
    if found is None:
        raise UnknownRecord(kind, key)
    return found


async def _found(connection: AsyncConnection, kind: SubjectKind, key: str) -> Subject | None:
    if kind == "company":
        return Subject(kind, (await known_company(connection, key)).company_id)
    if kind == "product":
        row = await product(connection, int(key)) if key.isdecimal() and len(key) < 10 else None  # noqa: PLR2004 - fits an integer column
        return None if row is None else Subject(kind, str(row.product_id))
    if kind == "person":  # By the id alone: a profile in a URL would stand in logs.
        one = await person(connection, PersonId(key))
        return None if one is None else Subject(kind, one.person_id)
    found = await thing(connection, Subject(kind, key)) or await thing_of_key(connection, kind, key)
    return None if found is None else found.subject


def described_fact(row: FactRow) -> dict[str, Any]:
    """Describe a fact with its source and its quote."""
    return {name: value for name, value in row.as_data().items() if name != "value_key"}
