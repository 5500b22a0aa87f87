"""Serve threads in LangGraph's shapes and words. Make and look at and find and label and remove them.

A thread's id may be a caller's own word and not only a UUID. It must be able to stand in a path and a key and a log
line. Campaigns name their threads themselves.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from uuid_utils import uuid7

from agentic_sales.campaigns.visits.tick import THREAD_PREFIX
from agentic_sales.contracts import ErrorBody
from agentic_sales.errors import InvalidRequest, ThreadBusy, UnknownThread
from agentic_sales.facade.answers import JsonAnswer
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.callers import Trace
from agentic_sales.facade.pages import LARGEST_OFFSET, page
from agentic_sales.facade.state import Facade
from agentic_sales.facade.threads.descriptions import Thread, described_thread
from agentic_sales.facade.threads.questions import ask_about
from agentic_sales.facade.threads.records import ThreadRecords
from agentic_sales.store.threads import SortBy, ThreadFilter, ThreadStatus

router = APIRouter(tags=["threads"], route_class=JsonRoute)

THREAD_ERRORS: dict[int | str, dict[str, object]] = {
    status: {"model": ErrorBody} for status in (401, 403, 404, 409, 413, 422, 429, 503, 504)
}
OK = 200
_THREAD_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class ThreadCreate(BaseModel):
    """Body of a request that makes a thread."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    thread_id: str | None = Field(default=None, description="Id of the thread; none: a new UUID.")
    metadata: dict[str, Any] | None = Field(default=None, description="Free-form; threads are found by it.")
    if_exists: Literal["raise", "do_nothing"] = Field(
        default="raise", description="For an id that a thread has already: refuse with 409, or answer with that thread."
    )


class ThreadPatch(BaseModel):
    """Body of a request that labels a thread."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    metadata: dict[str, Any] | None = Field(default=None, description="Put into the thread's metadata, key by key.")


class ThreadCount(BaseModel):
    """Body of a request that selects threads."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    metadata: dict[str, Any] | None = Field(
        default=None, description="Values that the thread's metadata must have; lists are compared as a whole."
    )
    status: ThreadStatus | None = Field(default=None, description="How the thread must be.")
    ids: list[str] | None = Field(default=None, max_length=1000, description="Ids of which the thread must have one.")
    values: dict[str, Any] | None = Field(
        default=None, description="Not supported. Put the values to search for into the metadata of the threads."
    )


class ThreadSearch(ThreadCount):
    """Body of a request that searches for threads."""

    limit: int = Field(default=10, ge=1, le=1000, description="Most threads to return.")
    offset: int = Field(default=0, ge=0, le=LARGEST_OFFSET, description="Threads to pass over.")
    sort_by: SortBy = Field(default="created_at", description="Field that orders the threads.")
    sort_order: Literal["asc", "desc"] = Field(default="desc", description="In which order.")
    select: list[str] | None = Field(default=None, description="Fields to return of each thread; none: all.")


@router.post("/threads", responses=THREAD_ERRORS, summary="Make a thread")
async def create_thread(facade: Facade, body: ThreadCreate | None = None) -> Thread:
    """Make a thread under an id of the caller's or a new one."""
    asked = body or ThreadCreate()
    records = facade.threads
    thread_id = str(uuid7()) if asked.thread_id is None else asked.thread_id
    await make_thread(records, thread_id, asked.metadata or {}, may_exist=asked.if_exists == "do_nothing")
    return await _described(records, thread_id)


@router.post("/threads/search", response_model=list[Thread], responses=THREAD_ERRORS, summary="Find threads")
async def search_threads(facade: Facade, body: ThreadSearch | None = None) -> Response:
    """Find threads by metadata and status and id. `x-pagination-next` is the begin of the next page."""
    asked, records = body or ThreadSearch(), facade.threads
    busy = await records.busy()
    found = await records.search(
        _filter(asked, busy),
        limit=asked.limit + 1,
        offset=asked.offset,
        sort_by=asked.sort_by,
        descending=asked.sort_order == "desc",
    )
    threads = [described_thread(thread, is_busy=thread.thread_id in busy).model_dump() for thread in found]
    return page([_selected(thread, asked.select) for thread in threads], limit=asked.limit, offset=asked.offset)


@router.post("/threads/count", responses=THREAD_ERRORS, summary="Count threads")
async def count_threads(facade: Facade, body: ThreadCount | None = None) -> int:
    """Count the threads that a search with these fields would find."""
    records = facade.threads
    return await records.count(_filter(body or ThreadCount(), await records.busy()))


@router.get("/threads/{thread_id}", responses=THREAD_ERRORS, summary="Describe a thread")
async def describe_thread(facade: Facade, thread_id: str) -> Thread:
    """Describe a thread with its status and the answer of its last run and its open interrupts."""
    return await _described(facade.threads, checked_thread_id(thread_id))


@router.patch("/threads/{thread_id}", response_model=Thread, responses=THREAD_ERRORS, summary="Label a thread")
async def patch_thread(
    facade: Facade,
    thread_id: str,
    body: ThreadPatch,
    prefer: Annotated[str, Header(description="`return=minimal`: answer 204 without a body.")] = "",
) -> Response:
    """Put values into a thread's metadata and leave its other ones."""
    records, known = facade.threads, checked_thread_id(thread_id)
    if not await records.label(known, body.metadata or {}):
        raise UnknownThread(known)
    if prefer == "return=minimal":
        return Response(status_code=204)
    return JsonAnswer((await _described(records, known)).model_dump())


@router.delete("/threads/{thread_id}", responses=THREAD_ERRORS, status_code=204, summary="Remove a thread")
async def delete_thread(facade: Facade, trace: Trace, thread_id: str) -> Response:
    """Remove a thread with its state. 409 while a run holds it."""
    records = facade.threads
    thread = await records.load(checked_thread_id(thread_id))
    if (holder := await records.holder(thread_id)) is not None:
        raise ThreadBusy(thread_id, f"run `{holder}` is at work on it")
    for waiting in await records.runs(thread_id, limit=1, offset=0, status="pending"):
        raise ThreadBusy(thread_id, f"run `{waiting.run_id}` is to go to work on it")
    if thread.assistant_id is not None:
        answer = await ask_about(facade, trace, thread, {"kind": "delete"}, changes_it=True)
        if answer.status_code != OK:
            return answer
    await records.delete(thread_id)
    return Response(status_code=204)


def checked_thread_id(thread_id: str) -> str:
    """Return the id of a thread as it came.

    Raises:
        InvalidRequest: It cannot be one.
    """
    if _THREAD_ID.fullmatch(thread_id) is None:
        raise InvalidRequest(
            f"`{thread_id[:128]}` is no thread id: it is a UUID, or 1 to 128 letters, digits, `-` and `_` of your own"
        )
    return thread_id


async def make_thread(
    records: ThreadRecords, thread_id: str, metadata: Mapping[str, Any], *, may_exist: bool = False
) -> None:
    """Make a thread for a caller. With `may_exist`, a thread that exists stays as it is, also a campaign's.

    Raises:
        InvalidRequest: The id cannot be one, or only a campaign may make its thread.
        ThreadExists: There is one of this id already, and it may not be.
        StateUnavailable: The database does not answer.
    """
    is_known = may_exist and await records.threads.load_state(checked_thread_id(thread_id)) is not None
    if not is_known and checked_thread_id(thread_id).startswith(THREAD_PREFIX):
        raise InvalidRequest(
            f"`{thread_id}` begins with `{THREAD_PREFIX}`, as the threads of campaigns do; choose another id"
        )
    await records.create(thread_id, metadata, may_exist=may_exist)


async def _described(records: ThreadRecords, thread_id: str) -> Thread:
    is_busy = await records.holder(thread_id) is not None
    return described_thread(await records.load(thread_id), is_busy=is_busy)


def _filter(asked: ThreadCount, busy: frozenset[str]) -> ThreadFilter:
    if asked.values:
        raise InvalidRequest(
            "threads are not found by `values`; put what they are to be found by into their `metadata`"
        )
    return ThreadFilter(metadata=asked.metadata, ids=asked.ids, status=asked.status, busy=busy)


def _selected(thread: Mapping[str, Any], names: list[str] | None) -> dict[str, Any]:
    return {name: value for name, value in thread.items() if names is None or name in names}
