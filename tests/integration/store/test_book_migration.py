"""A database of release 0.2.0 with a campaign under way gets the book, and the campaign goes on as it stood."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from alembic import command
from sqlalchemy import Connection, MetaData, Table, insert, select

from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.rules.company_identity import Firm
from agentic_sales.settings import Settings
from agentic_sales.store import migrate
from agentic_sales.store.campaigns import EnrollmentRow, enrollments
from agentic_sales.store.companies import CompanyRow, companies, company_ids
from agentic_sales.store.contacts import contacts
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.touches import touches
from tests.support.databases import DatabaseKind

RELEASED = "0009"
START = datetime(2026, 11, 1, tzinfo=UTC)
BEFORE = [
    # id, key, name, domain: as imports of 0.2.0 wrote them
    ("c1", "acme gmbh", "Acme GmbH", None),
    ("c2", "acme.de", "ACME", "acme.de"),
    ("c3", "jobs.acme.de", "Acme", "jobs.acme.de"),
    ("c4", "acme", "acme", None),
    ("c5", "other ltd", "Other Ltd", None),
    ("c6", "two.de", "Two", "two.de"),
    ("c7", "two.fr", "Two SAS", "two.fr"),
    ("c8", "two", "Two", None),
]
EMPLOYERS = {"p1": "c1", "p2": "c2", "p3": "c3", "p4": "c4", "p5": "c5", "p6": None}


def test_a_campaign_under_way_goes_on_after_the_upgrade_and_spellings_of_a_company_are_one(
    database_kind: DatabaseKind,
) -> None:
    configuration = database_kind.settings
    asyncio.run(_make_released(configuration))
    assert migrate.current_revision(configuration) == RELEASED
    assert migrate.upgrade(configuration)[0] == "0010"
    asyncio.run(_check(configuration))


async def _make_released(configuration: Settings) -> None:
    async with open_database(configuration) as database, database.writing() as connection:
        await connection.run_sync(_upgrade_to_released)
        await connection.run_sync(_fill)


def _upgrade_to_released(connection: Connection) -> None:
    config = migrate._config()
    config.attributes.update(connection=connection)
    command.upgrade(config, RELEASED)


def _fill(connection: Connection) -> None:
    """Write rows by the columns that the released tables have."""
    metadata = MetaData()

    def write(name: str, rows: list[dict[str, Any]]) -> None:
        connection.execute(insert(Table(name, metadata, autoload_with=connection)), rows)

    def at(day: int) -> datetime:
        moment = START + timedelta(days=day)
        return moment.replace(tzinfo=None) if connection.dialect.name == "sqlite" else moment

    write(
        "companies",
        [
            {"company_id": key, "key": told, "name": name, "domain": domain, "created_at": at(day)}
            for day, (key, told, name, domain) in enumerate(BEFORE)
        ],
    )
    times = {"created_at": at(0), "updated_at": at(0)}
    plan = {"mailboxes": ["sales"], "steps": [{}, {"delay_days": 3}]}
    campaign = {"campaign_id": "spring", "name": "Spring", "state": "running", "reason": "", "plan": plan}
    write("campaigns", [{**campaign, **times}])
    write("mailboxes", [_mailbox(at(0))])
    write("contacts", [{**_person(key, employer), "consent_at": at(0), **times} for key, employer in EMPLOYERS.items()])
    write(
        "enrollments",
        [
            {"campaign_id": "spring", "contact_id": key, "state": "active", "reason": "", "step": 1, "wake_at": at(40)}
            | times
            for key in EMPLOYERS
        ],
    )
    write("touches", [{**_touch(key), "not_before_at": at(0), "sent_at": at(1), **times} for key in EMPLOYERS])


def _mailbox(now: datetime) -> dict[str, Any]:
    told = {"mailbox_id": "sales", "address": "bob@own.example", "display_name": "Bob", "postal_address": "1 Main St"}
    limits = {"daily_cap": 50, "ramp_per_day": 0, "spacing_s": 0.0, "is_active": True, "imap_uid": 0}
    return {**told, **limits, "time_zone": "UTC", "created_at": now}


def _person(key: str, employer: str | None) -> dict[str, Any]:
    basis = {"consent_basis": "contract", "consent_source": "their order"}
    names = {"first_name": key, "last_name": "", "position": ""}
    told: dict[str, Any] = {"contact_id": key, "email": f"{key}@x.example", "email_hash": key, "fields": {}}
    return {**told, **names, **basis, "company_id": employer}


def _touch(key: str) -> dict[str, Any]:
    names = ("variant", "html", "in_reply_to", "references", "digest", "detail", "provider")
    told = {"touch_id": f"t-{key}", "campaign_id": "spring", "contact_id": key, "mailbox_id": "sales", "step": 0}
    mail = {"to_email": f"{key}@x.example", "email_hash": key, "subject": "Hi", "text": "Hi", "message_id": f"<{key}>"}
    return {**dict.fromkeys(names, ""), **told, **mail, "state": "sent", "attempts": 1}


async def _check(configuration: Settings) -> None:
    async with open_database(configuration) as database:
        async with database.reading() as connection:
            found = {row.company_id: (row.key, row.domain, row.name_key) for row in await companies(connection)}
            people = {row.contact_id: row.company_id for row in await contacts(connection, limit=99)}
            sent = await touches(connection, campaign_id=CampaignId("spring"))
            enrolled = await enrollments(connection, CampaignId("spring"))
        assert found == {
            "c1": ("acme.de", "acme.de", "acme"),
            "c5": ("other", None, "other"),
            "c6": ("two.de", "two.de", "two"),
            "c7": ("two.fr", "two.fr", "two"),
            "c8": ("two", None, "two"),
        }
        assert people == {"p1": "c1", "p2": "c1", "p3": "c1", "p4": "c1", "p5": "c5", "p6": None}
        assert sorted(row.contact_id for row in sent if row.state == "sent") == sorted(EMPLOYERS)
        assert {(row.state, row.step, row.wake_at) for row in enrolled} == {("active", 1, START + timedelta(days=40))}
        await _write_on(database)


async def _write_on(database: Database) -> None:
    """The next import finds the companies of before, and the next visit finds its enrollment."""
    async with database.writing() as connection:
        firms = [Firm("ACME, Inc."), Firm("Two", "https://two.fr/about"), Firm("Other")]
        ids = await company_ids(connection, firms, now=START)
        assert [*map(ids.get, firms)] == ["c1", "c7", "c5"]
        kept = select(EnrollmentRow.contact_id).where(EnrollmentRow.contact_id == ContactId("p1"))
        assert (await connection.execute(kept)).scalar_one() == "p1"
        assert len((await connection.execute(select(CompanyRow.company_id))).all()) == 5
