"""Take what the book holds into the documents: analyses of companies and products, and openings with their texts.

Pages are taken in where a workflow reads them. What is written of people stays out: a person's dossier is no document.
A text is cut into passages before the transaction that writes it. One that is known as it is is not cut.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agentic_sales.store.book_texts import analysis_texts, gone_documents, opening_texts
from agentic_sales.store.database import Database
from agentic_sales.store.documents import (
    DocumentSource,
    NewDocument,
    UncutDocument,
    changed_texts,
    erase_documents,
    newest_document_at,
    save_document,
)

MARGIN = timedelta(hours=1)
"""A transaction that began before the last look may have ended after it. So the last hour is looked at again."""


@dataclass(frozen=True, slots=True)
class IndexedBook:
    """What became of the documents of the book."""

    written: int
    """Documents that are new or have another text."""
    erased: int
    """Documents of openings that are gone, and of analyses that were erased."""


async def index_book(database: Database, *, now: datetime) -> IndexedBook:
    """Take in what has come into the book since the last call, and erase what is gone."""
    written = await _index(database, "analysis", now) + await _index(database, "opening", now)
    async with database.writing() as connection:
        erased = await erase_documents(connection, await gone_documents(connection))
    return IndexedBook(written, erased)


async def cut_changed(database: Database, texts: Sequence[UncutDocument]) -> list[NewDocument]:
    """Cut the texts that are new or changed, in a thread. One that says nothing is left out, and so is a known one."""
    async with database.reading() as connection:
        changed = await changed_texts(connection, texts)
    cut = await asyncio.to_thread(lambda: [each.cut() for each in changed])
    return [each for each in cut if each.parts]


async def _index(database: Database, source: DocumentSource, now: datetime) -> int:
    read = analysis_texts if source == "analysis" else opening_texts
    async with database.reading() as connection:
        last = await newest_document_at(connection, source)
    since, after, written = None if last is None else last - MARGIN, "", 0
    while True:
        async with database.reading() as connection:
            found, after = await read(connection, since, after)
        if new := await cut_changed(database, found):
            async with database.writing() as connection:
                saved = [await save_document(connection, document, now=now) for document in new]
            written += sum(one.status != "known" for one in saved)
        if not after:
            return written
