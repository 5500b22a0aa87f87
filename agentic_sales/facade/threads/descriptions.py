"""Describe threads to callers in the words of LangGraph's SDKs."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.runs.descriptions import Moment
from agentic_sales.store.threads import StoredThread, ThreadStatus


class Thread(BaseModel):
    """A thread as LangGraph's SDKs know it."""

    model_config = ConfigDict(frozen=True)

    thread_id: str = Field(description="Its id.")
    created_at: Moment = Field(description="When it was made.")
    updated_at: Moment = Field(description="When it changed last.")
    state_updated_at: Moment = Field(
        description="When a run changed its state last. Before the first: when it was made."
    )
    metadata: Mapping[str, Any] = Field(description="Metadata of its caller.")
    status: ThreadStatus = Field(description="How its last run left it, or `busy` while a run holds it.")
    config: Mapping[str, Any] = Field(default={}, description="Always empty.")
    values: Any = Field(description="Answer of its last successful run. Null before the first.")
    interrupts: Mapping[str, Any] = Field(description="Open interrupts by the task that asked.")
    error: Any = Field(description="Error of its last run. Null when that did not fail.")
    graph_id: str | None = Field(description="Workflow of its state. Null: it keeps none.")


def described_thread(thread: StoredThread, *, is_busy: bool) -> Thread:
    """Describe a thread to its caller."""
    return Thread(
        thread_id=thread.thread_id,
        created_at=thread.created_at.isoformat(),
        updated_at=thread.updated_at.isoformat(),
        state_updated_at=(thread.state_updated_at or thread.created_at).isoformat(),
        metadata=thread.metadata,
        status="busy" if is_busy else thread.status,
        values=thread.values,
        interrupts=(thread.pause or {}).get("interrupts", {}),
        error=thread.error,
        graph_id=thread.assistant_id,
    )
