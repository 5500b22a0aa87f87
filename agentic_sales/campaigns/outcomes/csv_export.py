"""Export the people, the messages and the outcomes of a campaign as CSV, page by page.

No cell is one that a spreadsheet would execute. The file of people has the headings that an import reads. No file holds
words of a mail but the subjects of ours.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

from agentic_sales.campaigns.plan.plan import stored_plan
from agentic_sales.contracts import CampaignId, CompanyId
from agentic_sales.rules.spreadsheet_cells import csv_lines
from agentic_sales.store.campaigns import CampaignRow, enrollments
from agentic_sales.store.companies import companies_of
from agentic_sales.store.contacts import ContactRow, contacts_of
from agentic_sales.store.database import Database
from agentic_sales.store.inbound import inbound_messages
from agentic_sales.store.touches import touches, touches_of

CampaignFile = Literal["people", "touches", "outcomes"]
FILES: tuple[str, ...] = get_args(CampaignFile)
ROWS_AT_ONCE = 500
_PERSON = ("Email", "First Name", "Last Name", "Position", "Company", "Domain", "Time Zone")
_BASIS = ("Lawful Basis", "Consent Source", "Consent Date")
_PLACE = ("Campaign State", "Campaign Reason", "Campaign Step", "Contact Id")
_TOUCH = ("touch_id", "contact_id", "email", "step", "variant", "mailbox", "state", "detail", "subject")
_TOUCH_ENDS = ("created_at", "sent_at", "delivered_at", "outcome", "outcome_at", "attempts", "message_id")
_OUTCOME = ("event_id", "kind", "reply_class", "received_at", "touch_id", "step", "contact_id", "email", "source")


def exported(database: Database, found: CampaignRow, file: CampaignFile) -> AsyncIterator[bytes]:
    """Return one of the files of a campaign, as lines of CSV, the oldest row first."""
    campaign_id = CampaignId(found.campaign_id)
    match file:
        case "people":
            return _people(database, campaign_id, tuple(stored_plan(found).fields))
        case "touches":
            return _touches(database, campaign_id)
        case "outcomes":
            return _outcomes(database, campaign_id)


async def _people(database: Database, campaign_id: CampaignId, fields: Sequence[str]) -> AsyncIterator[bytes]:
    yield csv_lines([(*_PERSON, *_BASIS, *fields, *_PLACE)])
    offset = 0
    while True:
        async with database.reading() as connection:
            found = await enrollments(connection, campaign_id, limit=ROWS_AT_ONCE, offset=offset)
            people = await contacts_of(connection, {row.contact_id for row in found})
            firms = await companies_of(
                connection, {CompanyId(one.company_id) for one in people.values() if one.company_id}
            )
        if not found:
            return
        offset += len(found)
        lines = []
        for row in found:
            person = people[row.contact_id]
            firm = firms.get(CompanyId(person.company_id or ""))
            employer = ("", "") if firm is None else (firm.name, firm.domain)
            lines.append((*_told(person, employer, fields), row.state, row.reason, row.step, row.contact_id))
        yield csv_lines(lines)


def _told(person: ContactRow, employer: tuple[str, str | None], fields: Sequence[str]) -> Iterable[Any]:
    named = (person.email, person.first_name, person.last_name, person.position, *employer, person.time_zone)
    basis = (person.consent_basis, person.consent_source, _moment(person.consent_at))
    return (*named, *basis, *(person.fields.get(field) for field in fields))


async def _touches(database: Database, campaign_id: CampaignId) -> AsyncIterator[bytes]:
    yield csv_lines([(*_TOUCH, *_TOUCH_ENDS)])
    offset = 0
    while True:
        async with database.reading() as connection:
            found = await touches(connection, campaign_id=campaign_id, limit=ROWS_AT_ONCE, offset=offset)
        if not found:
            return
        offset += len(found)
        yield csv_lines(
            (
                *(row.touch_id, row.contact_id, row.to_email, row.step, row.variant, row.mailbox_id, row.state),
                *(row.detail, row.subject, *map(_moment, (row.created_at, row.sent_at, row.delivered_at))),
                *(row.outcome, _moment(row.outcome_at), row.attempts, row.message_id),
            )
            for row in found
        )


async def _outcomes(database: Database, campaign_id: CampaignId) -> AsyncIterator[bytes]:
    yield csv_lines([_OUTCOME])
    offset = 0
    while True:
        async with database.reading() as connection:
            found = await inbound_messages(connection, campaign_id=campaign_id, limit=ROWS_AT_ONCE, offset=offset)
            about = await touches_of(connection, {row.touch_id for row in found if row.touch_id})
            people = await contacts_of(connection, {row.contact_id for row in found if row.contact_id})
        if not found:
            return
        offset += len(found)
        lines = []
        for row in found:
            touch, person = about.get(row.touch_id or ""), people.get(row.contact_id or "")
            event = (row.event_id, row.kind, row.reply_class, _moment(row.received_at), row.touch_id)
            of = (touch.step if touch else None, row.contact_id, person.email if person else None, row.source)
            lines.append((*event, *of))
        yield csv_lines(lines)


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
