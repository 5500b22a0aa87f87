"""Keep documents, cut into passages. Adding the same document again changes nothing.

`store.passages` searches them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils import uuid7

from agentic_sales.contracts import CompanyId
from agentic_sales.rules.passages import IndexedPart, indexed_parts
from agentic_sales.store.columns import JSON_OBJECT, Table
from agentic_sales.store.locks import lock
from agentic_sales.store.statements import every, first, narrowed
from agentic_sales.wire import clean_text

DocumentSource = Literal["file", "page", "analysis", "opening"]
"""Where a document comes from: a person added it, or it is a page, an analysis or an opening of the book."""
DocumentStatus = Literal["added", "changed", "known"]
AT_ONCE = 500
"""Rows of one statement."""


class DocumentRow(Table):
    """One document."""

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("source", "key"), Index(None, "digest"), Index(None, "company_id"))

    document_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id."""
    source: Mapped[str]
    """`file`, `page`, `analysis` or `opening`."""
    key: Mapped[str]
    """Its key within the source, such as the name of a file or an address."""
    title: Mapped[str]
    """Title as people read it."""
    url: Mapped[str]
    """Its address. Empty without one."""
    company_id: Mapped[str | None] = mapped_column(ForeignKey("companies.company_id", ondelete="SET NULL"))
    """Company that it is about, or None."""
    digest: Mapped[str]
    """Digest of its title and text."""
    created_at: Mapped[datetime]
    """When it was added."""
    updated_at: Mapped[datetime]
    """When its text changed last."""


class PassageRow(Table):
    """One passage of a document."""

    __tablename__ = "passages"
    __table_args__ = (
        UniqueConstraint("document_id", "ordinal"),
        Index(None, "embedder", "passage_id"),
        {"sqlite_autoincrement": True},
    )

    passage_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    """Its number. It is never used again."""
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id", ondelete="CASCADE"))
    """The document."""
    ordinal: Mapped[int]
    """Its place in the document, from 0."""
    heading_path: Mapped[list[str]] = mapped_column(JSON_OBJECT)
    """Headings above it, the outermost first."""
    text: Mapped[str]
    """Plain text."""
    terms: Mapped[str]
    """Terms of title, headings and text, with spaces between."""
    embedder: Mapped[str | None]
    """Model that made the embedding. None: there is none."""
    dimension: Mapped[int | None]
    """Numbers of the embedding."""
    embedding: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The embedding of length 1, as little-endian 32-bit floats."""


@dataclass(frozen=True, slots=True)
class UncutDocument:
    """A document that is not cut into passages yet."""

    source: DocumentSource
    """Where it comes from."""
    key: str
    """Its key within the source."""
    title: str
    """Title as people read it."""
    markdown: str
    """Its text."""
    url: str = ""
    """Its address."""
    company_id: CompanyId | None = None
    """Company that it is about."""

    @property
    def digest(self) -> str:
        """Return the digest of title and text."""
        return _digest(clean_text(self.title), clean_text(self.markdown))

    def cut(self) -> "NewDocument":
        """Cut it into passages. It takes time in proportion to the text."""
        of = self.source, self.key, self.title, self.markdown
        return NewDocument.of(*of, url=self.url, company_id=self.company_id)


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to be kept, with its passages. Making it takes time in proportion to the text."""

    source: DocumentSource
    """Where it comes from."""
    key: str
    """Its key within the source."""
    title: str
    """Title as people read it."""
    digest: str
    """Digest of title and text."""
    parts: tuple[IndexedPart, ...]
    """Its passages."""
    url: str = ""
    """Its address."""
    company_id: CompanyId | None = None
    """Company that it is about."""

    @classmethod
    def of(
        cls,
        source: DocumentSource,
        key: str,
        title: str,
        markdown: str,
        *,
        url: str = "",
        company_id: CompanyId | None = None,
    ) -> "NewDocument":
        """Cut a text into passages. One that says nothing has none."""
        markdown, title = clean_text(markdown), clean_text(title)
        parts = tuple(indexed_parts(title, url, markdown))
        return cls(source, key, title, _digest(title, markdown), parts, url, company_id)


def _digest(title: str, markdown: str) -> str:
    return sha256(f"{title}\n{markdown}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SavedDocument:
    """What became of a document."""

    document_id: str
    """Its id. The same text under another name has the id of the first one."""
    status: DocumentStatus
    """`added`; `changed`: a document of this key had another text; `known`: nothing was written."""
    passages: int
    """Passages that it has."""


async def save_document(connection: AsyncConnection, document: NewDocument, *, now: datetime) -> SavedDocument:
    """Write a document, in place of one with the same key. A known text stays as it is."""
    await lock(connection, "documents", [f"{document.source}:{document.key}"])
    before = await document_of_key(connection, document.source, document.key)
    if before is None and document.source == "file":
        alike = select(DocumentRow).where(DocumentRow.digest == document.digest, DocumentRow.source == "file")
        before = await first(connection, DocumentRow, alike.limit(1))
    if before is not None and before.digest == document.digest:
        if document.company_id not in (None, before.company_id):
            mine = DocumentRow.document_id == before.document_id
            await connection.execute(update(DocumentRow).where(mine).values(company_id=document.company_id))
        return SavedDocument(before.document_id, "known", await count_passages(connection, before.document_id))
    told = {name: getattr(document, name) for name in ("title", "url", "company_id", "digest")}
    if before is None:
        document_id = str(uuid7())
        row = {"document_id": document_id, "source": document.source, "key": document.key, "created_at": now}
        await connection.execute(insert(DocumentRow).values(**row, **told, updated_at=now))
    else:
        document_id = before.document_id
        mine = DocumentRow.document_id == document_id
        await connection.execute(update(DocumentRow).where(mine).values(**told, updated_at=now))
        await connection.execute(delete(PassageRow).where(PassageRow.document_id == document_id))
    await _write_passages(connection, document_id, document.parts)
    return SavedDocument(document_id, "added" if before is None else "changed", len(document.parts))


async def changed_texts(connection: AsyncConnection, texts: Sequence[UncutDocument]) -> list[UncutDocument]:
    """Return the texts that the store does not have as they are, with the company that they are about."""
    known: dict[tuple[str, str], tuple[str, str | None]] = {}
    columns = DocumentRow.source, DocumentRow.key, DocumentRow.digest, DocumentRow.company_id
    for source in {each.source for each in texts}:
        keys = [each.key for each in texts if each.source == source]
        for start in range(0, len(keys), AT_ONCE):
            mine = DocumentRow.source == source, DocumentRow.key.in_(keys[start : start + AT_ONCE])
            rows = await connection.execute(select(*columns).where(*mine))
            known |= {(row.source, row.key): (row.digest, row.company_id) for row in rows}
    return [each for each in texts if not _is_known(each, *known.get((each.source, each.key), ("", None)))]


def _is_known(each: UncutDocument, digest: str, company_id: str | None) -> bool:
    return digest == each.digest and each.company_id in (None, company_id)


async def newest_document_at(connection: AsyncConnection, source: DocumentSource) -> datetime | None:
    """Return when a document of a source was written last. None: there is none."""
    newest = select(func.max(DocumentRow.updated_at)).where(DocumentRow.source == source)
    last: datetime | None = (await connection.execute(newest)).scalar_one()
    return last


async def _write_passages(connection: AsyncConnection, document_id: str, parts: Sequence[IndexedPart]) -> None:
    rows = [
        {
            "document_id": document_id,
            "ordinal": ordinal,
            "heading_path": list(part.heading_path),
            "text": part.text,
            "terms": " ".join(part.terms),
        }
        for ordinal, part in enumerate(parts)
    ]
    for start in range(0, len(rows), AT_ONCE):
        await connection.execute(insert(PassageRow), rows[start : start + AT_ONCE])


async def document(connection: AsyncConnection, document_id: str) -> DocumentRow | None:
    """Return a document or None."""
    return await first(connection, DocumentRow, select(DocumentRow).where(DocumentRow.document_id == document_id))


async def document_of_key(connection: AsyncConnection, source: str, key: str) -> DocumentRow | None:
    """Return the document of a key or None."""
    is_it = DocumentRow.source == source, DocumentRow.key == key
    return await first(connection, DocumentRow, select(DocumentRow).where(*is_it))


async def documents(
    connection: AsyncConnection,
    *,
    source: str | None = None,
    company_id: CompanyId | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[DocumentRow]:
    """Return documents, the newest first."""
    statement = narrowed(select(DocumentRow), {DocumentRow.source: source, DocumentRow.company_id: company_id})
    ordered = statement.order_by(DocumentRow.document_id.desc()).limit(limit).offset(offset)
    return await every(connection, DocumentRow, ordered)


async def passages_of(connection: AsyncConnection, document_id: str) -> list[dict[str, Any]]:
    """Return the passages of a document in their order, as plain data without terms and embeddings."""
    columns = (PassageRow.passage_id, PassageRow.ordinal, PassageRow.heading_path, PassageRow.text)
    statement = select(*columns).where(PassageRow.document_id == document_id).order_by(PassageRow.ordinal)
    return [dict(row._mapping) for row in await connection.execute(statement)]  # noqa: SLF001 - SQLAlchemy's public name


async def count_passages(connection: AsyncConnection, document_id: str) -> int:
    """Count the passages of a document."""
    statement = select(func.count()).select_from(PassageRow).where(PassageRow.document_id == document_id)
    return int((await connection.execute(statement)).scalar_one())


async def erase_documents(connection: AsyncConnection, ids: Iterable[str]) -> int:
    """Erase documents with their passages. Return the number of those that were there."""
    erased, wanted = 0, list(ids)
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        await connection.execute(delete(PassageRow).where(PassageRow.document_id.in_(some)))
        erased += (await connection.execute(delete(DocumentRow).where(DocumentRow.document_id.in_(some)))).rowcount
    if erased:
        await purge_index(connection)
    return erased


async def erase_passages(connection: AsyncConnection, ids: Sequence[int]) -> int:
    """Erase passages. The digests of their documents go too, so that a document that is added again is read again."""
    if not ids:
        return 0
    of = select(PassageRow.document_id).where(PassageRow.passage_id.in_(ids))
    await connection.execute(update(DocumentRow).where(DocumentRow.document_id.in_(of)).values(digest=""))
    erased = (await connection.execute(delete(PassageRow).where(PassageRow.passage_id.in_(ids)))).rowcount
    await purge_index(connection)
    return erased


async def purge_index(connection: AsyncConnection) -> None:
    """Take the words of erased passages out of SQLite's index, which only marks them. PostgreSQL does so by itself."""
    if connection.dialect.name == "sqlite":
        await connection.execute(text("INSERT INTO passage_index(passage_index) VALUES ('optimize')"))
