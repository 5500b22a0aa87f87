"""Keep suggestions: people that an answer named in the writer's place. Nobody is written to before a person accepts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ForeignKey, Index, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import columns, every, first, insert_new, narrowed

SuggestionState = Literal["open", "accepted", "declined"]
"""How a suggestion stands."""


class SuggestionRow(Table):
    """One person that an answer named."""

    __tablename__ = "suggestions"
    __table_args__ = (
        Index(None, "campaign_id", "state"),
        Index(None, "contact_id"),
        Index(None, "event_id"),
        Index(None, "email_hash"),
        Index(None, "accepted_id"),
    )

    suggestion_id: Mapped[str] = mapped_column(primary_key=True)
    """Digest of the campaign, the writer and the named person. The same is suggested once."""
    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaigns.campaign_id", ondelete="CASCADE"))
    """Campaign that the answer is to."""
    contact_id: Mapped[str] = mapped_column(ForeignKey("contacts.contact_id", ondelete="CASCADE"))
    """The answer's writer."""
    event_id: Mapped[str] = mapped_column(ForeignKey("inbound_messages.event_id", ondelete="CASCADE"))
    """The answer."""
    name: Mapped[str]
    """Name of the named person, as it is written. Empty if none is."""
    email: Mapped[str]
    """Normalized address of the named person. Empty if none is given."""
    email_hash: Mapped[str | None] = mapped_column(default=None)
    """Digest of the address, or None."""
    role: Mapped[str]
    """Post or department. Empty if none is named."""
    words: Mapped[str]
    """Sentence that names the person."""
    state: Mapped[str]
    """A `SuggestionState`."""
    decided_by: Mapped[str] = mapped_column(default="")
    """Name of the person that decided. Empty while it is open."""
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    """Time of the decision, or None."""
    note: Mapped[str] = mapped_column(default="")
    """Reason in that person's words. Empty if none was given."""
    accepted_id: Mapped[str | None] = mapped_column(ForeignKey("contacts.contact_id", ondelete="CASCADE"), default=None)
    """Contact that the named person became. None unless it was accepted."""
    created_at: Mapped[datetime]
    """When the answer was read."""


async def add_suggestion(connection: AsyncConnection, values: Mapping[str, Any]) -> bool:
    """Write an open suggestion. False if the same is or was there, also if it was declined."""
    return await insert_new(connection, SuggestionRow, {**values, "state": "open"})


async def suggestion(connection: AsyncConnection, suggestion_id: str) -> SuggestionRow | None:
    """Return a suggestion or None."""
    return await first(connection, SuggestionRow, select(SuggestionRow).where(_is(suggestion_id)))


async def suggestions(
    connection: AsyncConnection,
    campaign_id: CampaignId,
    *,
    state: SuggestionState | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[SuggestionRow]:
    """Return the suggestions of a campaign, the newest first. `state` narrows them."""
    order = SuggestionRow.created_at.desc(), SuggestionRow.suggestion_id
    statement = select(SuggestionRow).where(SuggestionRow.campaign_id == campaign_id).order_by(*order)
    wanted = narrowed(statement, {SuggestionRow.state: state})
    return await every(connection, SuggestionRow, wanted.limit(limit).offset(offset))


async def open_suggestion_count(connection: AsyncConnection, campaign_id: CampaignId) -> int:
    """Count the suggestions of a campaign that nobody has decided on yet."""
    is_open = SuggestionRow.campaign_id == campaign_id, SuggestionRow.state == "open"
    return int((await connection.execute(select(func.count()).select_from(SuggestionRow).where(*is_open))).scalar_one())


async def decide_suggestion(
    connection: AsyncConnection,
    suggestion_id: str,
    *,
    to: SuggestionState,
    by: str,
    note: str,
    now: datetime,
    values: Mapping[str, Any] | None = None,
) -> SuggestionRow | None:
    """Accept or decline an open suggestion. None without any change if it is not open.

    Args:
        connection: Connection of a writing transaction.
        suggestion_id: The suggestion.
        to: Its state afterwards.
        by: Name of the person that decides.
        note: Reason in that person's words.
        now: The present.
        values: Further columns.
    """
    told = {"state": to, "decided_by": by, "decided_at": now, "note": note, **(values or {})}
    changed = update(SuggestionRow).where(_is(suggestion_id), SuggestionRow.state == "open").values(told)
    return await first(connection, SuggestionRow, changed.returning(*columns(SuggestionRow)))


async def suggestions_about(
    connection: AsyncConnection, email_hash: str, contact_id: ContactId | None
) -> list[SuggestionRow]:
    """Return the suggestions by a person and of a person, the oldest first."""
    order = SuggestionRow.created_at, SuggestionRow.suggestion_id
    wanted = select(SuggestionRow).where(_about(email_hash, contact_id)).order_by(*order)
    return await every(connection, SuggestionRow, wanted)


async def erase_suggestions(connection: AsyncConnection, email_hash: str, contact_id: ContactId | None) -> int:
    """Erase the suggestions by a person and of a person. Return their number."""
    return (await connection.execute(delete(SuggestionRow).where(_about(email_hash, contact_id)))).rowcount


def _is(suggestion_id: str) -> Any:
    return SuggestionRow.suggestion_id == suggestion_id


def _about(email_hash: str, contact_id: ContactId | None) -> Any:
    is_named = SuggestionRow.email_hash == email_hash
    if contact_id is None:
        return is_named
    return or_(is_named, SuggestionRow.contact_id == contact_id, SuggestionRow.accepted_id == contact_id)
