"""Serve the documents that `agentic_rag` answers from: add, list, show, search and remove them."""

import asyncio
from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agentic_sales.campaigns.book.documents import index_book
from agentic_sales.campaigns.book.retrieval import Corpus, retrieve_passages
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import CompanyId
from agentic_sales.errors import DocumentUnreadable, RunFailed
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.book.subjects import known_company
from agentic_sales.facade.callers import Trace
from agentic_sales.facade.importing import received_whole
from agentic_sales.facade.pages import Limit, Offset, page
from agentic_sales.facade.state import Facade, FacadeState
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.rules.questions import sub_questions
from agentic_sales.sources.documents import read_document
from agentic_sales.store.documents import (
    DocumentRow,
    DocumentSource,
    NewDocument,
    document,
    documents,
    erase_documents,
    passages_of,
    save_document,
)
from agentic_sales.store.statements import known
from agentic_sales.wire import from_wire

router = APIRouter(prefix="/documents", tags=["book"], route_class=JsonRoute)

READER = "deep_scrape"
"""The workflow that reads an address, because a facade reads no web."""
READER_LIMIT_S = 120.0
MOST_PAGE_CHARS = 500_000
"""Letters of a page that the reader returns."""

Name = Annotated[str, Query(min_length=1, max_length=300, description="Name of the file. Its ending tells its format.")]
OfCompany = Annotated[
    str | None, Query(max_length=300, description="Id, site or name of the company that it is about.")
]


class AddedAddress(BaseModel):
    """Body of a request that adds a page of the web."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(min_length=4, max_length=2_000, description="Its address, http or https.")
    company: str | None = Field(default=None, max_length=300, description="Id, site or name of its company.")


@router.post("", responses=ERRORS, summary="Add a file")
async def add_file(facade: Facade, request: Request, name: Name, company: OfCompany = None) -> dict[str, Any]:
    """Add a file: Markdown, text, HTML or PDF. It is the body of the request, as large as an import may be.

    A file of the same name is replaced. A known text changes nothing under any name.
    """
    with ExitStack() as opened:
        raw = await received_whole(request.stream(), opened)
    read = await read_document(raw, name)
    return await _add(facade, name, read.title, read.markdown, url="", company=company)


@router.post("/fetch", responses=ERRORS, summary="Add a page of the web")
async def add_address(facade: Facade, trace: Trace, body: AddedAddress) -> dict[str, Any]:
    """Add a page of the web. The discovery pool reads it by the rules for sites, which a private address breaks.

    `is_cut` tells that the page is not whole, and `left_out` how many of its letters are known and left out.
    """
    values = {"url": body.url, "max_pages": 1, "max_depth": 0, "max_chars": MOST_PAGE_CHARS, "dry_run": True}
    run = await facade.runs.submit(READER, {"input": values}, trace=trace)
    outcome = await facade.runs.wait(run, timeout_s=READER_LIMIT_S)
    if (failure := outcome.failure) is not None:
        if failure.code == "fetch_refused":
            raise DocumentUnreadable(body.url, failure.message)
        raise RunFailed(outcome.run_id, failure.code, failure.message, is_retryable=failure.is_retryable)
    found = from_wire(outcome.output or b"{}")
    if not found["readable"] or not found["pages"]:
        raise DocumentUnreadable(body.url, found["unreadable_reason"] or "there is no text in it")
    read = found["pages"][0]
    added = await _add(
        facade, read["url"], read["title"] or read["url"], read["markdown"], url=read["url"], company=body.company
    )
    return {**added, "is_cut": read["truncated"] or bool(read["left_out"]), "left_out": read["left_out"]}


async def _add(
    facade: FacadeState, key: str, title: str, markdown: str, *, url: str, company: str | None
) -> dict[str, Any]:
    company_id = await _company_id(facade, company)
    new = await asyncio.to_thread(NewDocument.of, "file", key, title[:300], markdown, url=url, company_id=company_id)
    async with facade.database.writing() as connection:
        saved = await save_document(connection, new, now=clock.now())
        row = known(await document(connection, saved.document_id), "document", saved.document_id)
    return {**described(row), "status": saved.status, "passages": saved.passages}


@router.post("/index", responses=ERRORS, summary="Take the book in")
async def take_book_in(facade: Facade) -> dict[str, int]:
    """Take in analyses and openings that have come into the book. Beat asks for the same every five minutes."""
    found = await index_book(facade.database, now=clock.now())
    return {"written": found.written, "erased": found.erased}


@router.get("", responses=ERRORS, summary="List documents")
async def list_documents(
    facade: Facade,
    source: Annotated[DocumentSource | None, Query(description="Only those of this source.")] = None,
    company: OfCompany = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List documents, the newest first."""
    company_id = await _company_id(facade, company)
    async with facade.database.reading() as connection:
        found = await documents(connection, source=source, company_id=company_id, limit=limit + 1, offset=offset)
    return page([described(row) for row in found], limit=limit, offset=offset)


@router.get("/search", responses=ERRORS, summary="Search documents")
async def search(
    facade: Facade,
    question: Annotated[
        str, Query(min_length=2, max_length=2_000, pattern=r"\w", description="Question or words to look for.")
    ],
    company: OfCompany = None,
    limit: Annotated[int, Query(ge=1, le=40, description="Most passages.")] = 8,
) -> dict[str, Any]:
    """Search passages by words, as `agentic_rag` does, and tell which sentences answer. No model is asked."""
    company_id = await _company_id(facade, company)
    parts = sub_questions(question)
    async with facade.database.reading() as connection:
        found = await retrieve_passages(Corpus(connection, company_id), parts, parts, most=limit)
    return {
        "searched": found.searched,
        "passages": [each.model_dump() for each in found.passages],
        "supports": [each.model_dump() for each in found.supports],
    }


@router.get("/{document_id}", responses=ERRORS, summary="Show a document")
async def show_document(facade: Facade, document_id: str) -> dict[str, Any]:
    """Show a document with its passages."""
    async with facade.database.reading() as connection:
        row = known(await document(connection, document_id), "document", document_id)
        return {**described(row), "passages": await passages_of(connection, document_id)}


@router.delete("/{document_id}", responses=ERRORS, summary="Remove a document")
async def remove_document(facade: Facade, document_id: str) -> dict[str, Any]:
    """Remove a document with its passages."""
    async with facade.database.writing() as connection:
        row = known(await document(connection, document_id), "document", document_id)
        await erase_documents(connection, [document_id])
    return described(row)


def described(row: DocumentRow) -> dict[str, Any]:
    """Describe a document without its text."""
    return {name: value for name, value in row.as_data().items() if name != "digest"}


async def _company_id(facade: FacadeState, company: str | None) -> CompanyId | None:
    if company is None:
        return None
    async with facade.database.reading() as connection:
        return CompanyId((await known_company(connection, company)).company_id)
