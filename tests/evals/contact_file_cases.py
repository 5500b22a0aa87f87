"""Import the labelled contact files into a database, and say which of them went as their labels say."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.people.import_contacts import ImportReport, import_contacts
from agentic_sales.campaigns.people.import_lines import ConsentDefaults
from agentic_sales.contracts import CompanyId, ContactId
from agentic_sales.errors import InvalidRequest
from agentic_sales.store.companies import company
from agentic_sales.store.contacts import contact
from agentic_sales.store.database import Database
from tests.support.small_campaign import NOW

DEFAULTS = ConsentDefaults("legitimate_interest", "trade fair 2026")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one labelled file went."""

    case_id: str
    what: str
    faults: tuple[str, ...]
    """What was not as the label says; empty: all was."""
    wronged: tuple[str, ...]
    """People that the file says not to write to, and that were taken in."""


def bytes_of(case: Mapping[str, Any]) -> bytes:
    """Return the file of a case as it was uploaded."""
    return base64.b64decode(case["base64"]) if "base64" in case else str(case["text"]).encode()


async def judge(database: Database, case: Mapping[str, Any], now: datetime = NOW) -> Verdict:
    """Import the file of a case, and compare what came of it with its label."""
    expected = case["expect"]
    try:
        report = await import_contacts(database, bytes_of(case), now=now, defaults=DEFAULTS)
    except InvalidRequest as exc:
        told = [] if expected["file"] == "refused" else [f"the file was refused: {exc}"]
        return Verdict(case["id"], case["what"], tuple(told), ())
    taken = [await _person(database, line.contact_id) for line in report.lines if line.status == "added"]
    wronged = tuple(p["email"] for p in taken if _is_one_of(p["email"], expected["must_not_be_written_to"]))
    faults = tuple(_faults(expected, taken, report))
    return Verdict(case["id"], case["what"], faults, wronged)


def _faults(expected: Mapping[str, Any], taken: list[dict[str, str]], report: ImportReport) -> list[str]:
    faults = [] if expected["file"] == "read" else ["the file was read"]
    by_hash = {email_hash(person["email"]): person for person in taken}
    for wanted in expected["people"]:
        found = by_hash.pop(email_hash(wanted["email"]), None)
        if found is None:
            faults.append(f"{wanted['email']} is missing")
        else:
            faults += [
                f"{wanted['email']}: {k} is {found[k]!r}" for k in wanted if k != "email" and found[k] != wanted[k]
            ]
    also = expected.get("may_be_taken", [])
    faults += [f"{p['email']} was taken" for p in by_hash.values() if not _is_one_of(p["email"], also)]
    refused = {line.line for line in report.lines if line.status == "refused"}
    return faults + [f"line {n} was not refused" for n in expected["refused_lines"] if n not in refused]


def _is_one_of(address: str, addresses: list[str]) -> bool:
    return email_hash(address) in {email_hash(other) for other in addresses}


async def _person(database: Database, contact_id: ContactId | None) -> dict[str, str]:
    assert contact_id is not None
    async with database.reading() as connection:
        row = await contact(connection, contact_id)
        assert row is not None
        employer = await company(connection, CompanyId(row.company_id)) if row.company_id else None
    return {
        "email": row.email,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "company": employer.name if employer else "",
    }
