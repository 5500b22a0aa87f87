"""Keep the audit list: the changes of a campaign by hand, each with name, time and reason."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils import uuid7

from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import every, insert_new, narrowed

AuditedAct = Literal["edit", "clone", "add", "move", "remove", "unpark", "reclassify", "accept", "decline"]
"""Kinds of changes by a person. The commands have the same names."""


class AuditEntryRow(Table):
    """One change by a person."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "campaign_id", "at"), Index(None, "contact_id"))

    entry_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id. Later entries have greater ids."""
    act: Mapped[str]
    """An `AuditedAct`."""
    campaign_id: Mapped[str | None] = mapped_column(default=None)
    """The campaign. It may not be there any more. None for a change of several campaigns."""
    contact_id: Mapped[str | None] = mapped_column(ForeignKey("contacts.contact_id", ondelete="CASCADE"))
    """The person of the campaign. None for a change of the campaign itself."""
    by: Mapped[str]
    """Name of the person that changed it."""
    note: Mapped[str]
    """Reason in that person's words. Empty if none was given."""
    told: Mapped[dict[str, Any]]
    """Values before and afterwards, by name."""
    at: Mapped[datetime]
    """Time of the change."""


async def note_act(
    connection: AsyncConnection,
    act: AuditedAct,
    *,
    by: str,
    note: str,
    told: Mapping[str, Any],
    now: datetime,
    campaign_id: CampaignId | None = None,
    contact_id: ContactId | None = None,
) -> None:
    """Write an entry in the transaction of its change."""
    of = {"campaign_id": campaign_id, "contact_id": contact_id}
    row = {"entry_id": str(uuid7()), "act": act, **of, "by": by, "note": note, "told": dict(told), "at": now}
    await insert_new(connection, AuditEntryRow, row)


async def audit_entries(
    connection: AsyncConnection,
    *,
    campaign_id: CampaignId | None = None,
    contact_id: ContactId | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[AuditEntryRow]:
    """Return the audit list, the newest first. The arguments narrow it."""
    order = AuditEntryRow.at.desc(), AuditEntryRow.entry_id.desc()
    statement = select(AuditEntryRow).order_by(*order).limit(limit).offset(offset)
    given = {AuditEntryRow.campaign_id: campaign_id, AuditEntryRow.contact_id: contact_id}
    return await every(connection, AuditEntryRow, narrowed(statement, given))
