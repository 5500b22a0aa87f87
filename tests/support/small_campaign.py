"""Make a small campaign in a database: one mailbox, people, and messages that may be sent at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from sqlalchemy import update

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.plan.plan import CampaignPlan
from agentic_sales.campaigns.sending.door import Door
from agentic_sales.campaigns.sending.links import Links
from agentic_sales.campaigns.sending.touches import Draft, write_touch
from agentic_sales.campaigns.sending.transports.contract import MailTransport
from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.contracts import CampaignId, ContactId, MailboxId, TouchId
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import add_campaign, enroll, move_campaign
from agentic_sales.store.contacts import ContactRow, add_contact
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.mailboxes import add_mailbox
from agentic_sales.store.touches import TouchRow, touch

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""A Monday, in working hours."""
CAMPAIGN = CampaignId("spring")
MAILBOX = MailboxId("sales")
LINKS = Links("https://sales.example", b"a secret of these tests")
PLAN = {"steps": [{}, {}, {}], "mailboxes": [MAILBOX], "needs_approval": False}


@dataclass(frozen=True)
class SmallCampaign:
    """A running campaign, whose mail goes to a maildir unless a test opens another door."""

    database: Database
    """Where it is kept."""
    folder: Path
    """The maildir."""

    def door(self, transport: MailTransport | None = None) -> Door:
        """Open a door of this process."""
        return Door(self.database, transport or MaildirTransport(self.folder), LINKS)

    async def person(self, email: str, **values: Any) -> ContactId:
        """Add a person and enroll it."""
        async with self.database.writing() as connection:
            contact_id = await add_contact(connection, {**person_of(email), **values}, now=NOW)
            assert contact_id is not None
            await enroll(connection, CAMPAIGN, contact_id, wake_at=NOW, now=NOW)
        return contact_id

    async def change(self, contact_id: ContactId, **values: Any) -> None:
        """Change columns of a person."""
        async with self.database.writing() as connection:
            await connection.execute(update(ContactRow).where(ContactRow.contact_id == contact_id).values(**values))

    async def write(self, contact_id: ContactId, step: int = 0, **values: Any) -> TouchId:
        """Write a message to a person into the ledger."""
        words = {"subject": "Your forecasts", "text": "Hello,\n\nshall we talk?", "not_before_at": NOW}
        draft = Draft(CAMPAIGN, contact_id, step, **{"mailbox_id": MAILBOX, **words, **values})
        async with self.database.writing() as connection:
            return TouchId((await write_touch(connection, draft, now=NOW)).touch_id)

    async def message(self, email: str = "jo@example.com") -> TouchId:
        """Write a first message to a new person."""
        return await self.write(await self.person(email))

    async def row(self, touch_id: TouchId) -> TouchRow:
        """Read a message's row."""
        async with self.database.reading() as connection:
            found = await touch(connection, touch_id)
        assert found is not None
        return found

    def mails(self) -> list[EmailMessage]:
        """Read the mails in the maildir."""
        return [parsed(path.read_bytes()) for path in sorted(self.folder.glob("new/*"))]


@asynccontextmanager
async def small_campaign(
    configuration: Settings, *, plan: dict[str, Any] | None = None, **mailbox: Any
) -> AsyncIterator[SmallCampaign]:
    """Make a running campaign in an empty database of the newest revision.

    Args:
        configuration: Names the database.
        plan: What of the plan is not as usual: three steps, no approval.
        mailbox: What of the mailbox is not as usual: fifty a day, without spacing.
    """
    async with open_database(configuration) as database:
        await set_up(database, plan=plan, **mailbox)
        yield SmallCampaign(database, configuration.state_dir / "mail")


async def set_up(database: Database, *, plan: dict[str, Any] | None = None, **mailbox: Any) -> None:
    """Write the mailbox and the campaign."""
    values = {"address": "ann@sales.example", "display_name": "Ann", "postal_address": "1 Main Street\nSpringfield"}
    checked = CampaignPlan.model_validate({**PLAN, **(plan or {})})
    async with database.writing() as connection:
        await add_mailbox(connection, MAILBOX, {**values, **mailbox}, now=NOW)
        await add_campaign(connection, CAMPAIGN, name="Spring", plan=checked.model_dump(mode="json"), now=NOW)
        await move_campaign(connection, CAMPAIGN, expected=("draft",), to="running", now=NOW)


def person_of(email: str) -> dict[str, Any]:
    """Return the row of a person who may be written to."""
    return {
        "email": email,
        "email_hash": email_hash(email),
        "consent_basis": "legitimate_interest",
        "consent_source": "their web site",
        "consent_at": NOW,
    }


def parsed(raw: bytes) -> EmailMessage:
    """Read a mail as it went over the line."""
    message = message_from_bytes(raw, policy=SMTP)
    assert isinstance(message, EmailMessage)
    return message


def later(**parts: float) -> datetime:
    """Return a moment after NOW."""
    return NOW + timedelta(**parts)
