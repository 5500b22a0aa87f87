"""Keep threads: what a resumable graph's durable state is filed under."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.store.columns import Table


class ThreadRow(Table):
    """One thread."""

    __tablename__ = "threads"
    __table_args__ = (Index(None, "status", "updated_at"), Index(None, "updated_at"))

    thread_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id: a UUID, or what a caller chose."""
    assistant_id: Mapped[str | None] = mapped_column(default=None)
    """Workflow whose state it holds; None: nothing has run on it."""
    status: Mapped[str] = mapped_column(default="idle")
    """`idle`, `busy`, `interrupted` or `error`, in LangGraph's words."""
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    """Free-form, by the caller; searchable."""
    created_at: Mapped[datetime]
    """When it was made."""
    updated_at: Mapped[datetime]
    """When the row changed last."""
    state_updated_at: Mapped[datetime | None] = mapped_column(default=None)
    """When a run last changed its state; None: none has."""
