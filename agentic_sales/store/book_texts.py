"""Read what the book holds as documents: analyses of companies and products, and openings with their texts."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import CompanyId
from agentic_sales.rules.document_text import as_markdown
from agentic_sales.store.analyses import AnalysisRow
from agentic_sales.store.companies import CompanyRow
from agentic_sales.store.documents import DocumentRow, UncutDocument
from agentic_sales.store.facts import FactRow, current_values
from agentic_sales.store.products import ProductRow
from agentic_sales.store.subjects import SubjectRow

AT_ONCE = 200
DESCRIPTION = "description"


async def analysis_texts(
    connection: AsyncConnection, since: datetime | None, after: str
) -> tuple[list[UncutDocument], str]:
    """Return a page of analyses as documents, and where the next page begins. Empty: there is none."""
    wanted = [AnalysisRow.analysis_id > after, AnalysisRow.subject_kind.in_(["company", "product"])]
    wanted += [] if since is None else [AnalysisRow.created_at > since]
    page = select(AnalysisRow).where(*wanted).order_by(AnalysisRow.analysis_id).limit(AT_ONCE)
    rows = (await connection.execute(page)).all()
    names = await _names(connection, {(row.subject_kind, row.subject_id) for row in rows})
    found = {
        key: UncutDocument(
            "analysis",
            key,
            f"{names.get((row.subject_kind, row.subject_id), row.subject_kind)}: {row.kind.replace('_', ' ')}",
            as_markdown(row.content),
            company_id=CompanyId(row.subject_id) if row.subject_kind == "company" else None,
        )
        for row in rows  # A later one of the same kind takes the place of an earlier one.
        if (key := f"{row.subject_kind}:{row.subject_id}:{row.kind}")
    }
    return list(found.values()), rows[-1].analysis_id if len(rows) == AT_ONCE else ""


async def opening_texts(
    connection: AsyncConnection, since: datetime | None, after: str
) -> tuple[list[UncutDocument], str]:
    """Return a page of openings as documents, and where the next page begins. Empty: there is none."""
    told = and_(FactRow.subject_id == SubjectRow.subject_id, FactRow.field == DESCRIPTION, FactRow.is_current)
    page = select(SubjectRow).where(
        SubjectRow.kind == "opening", SubjectRow.gone_at.is_(None), SubjectRow.subject_id > after
    )
    if since is not None:
        changed = select(FactRow.fact_id).where(told, FactRow.first_observed_at > since).exists()
        page = page.where(or_(SubjectRow.updated_at > since, changed))
    rows = (await connection.execute(page.order_by(SubjectRow.subject_id).limit(AT_ONCE))).all()
    facts = await current_values(connection, "opening", [row.subject_id for row in rows])
    names = await _names(connection, {("company", row.company_id) for row in rows if row.company_id})
    found = [
        UncutDocument(
            "opening",
            row.subject_id,
            ": ".join(filter(None, (names.get(("company", row.company_id or "")), row.name))),
            as_markdown({name: value for name, value in facts[row.subject_id].items() if value}),
            url=row.url,
            company_id=CompanyId(row.company_id) if row.company_id else None,
        )
        for row in rows
    ]
    return [each for each in found if each.markdown], rows[-1].subject_id if len(rows) == AT_ONCE else ""


async def _names(connection: AsyncConnection, subjects: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    wanted = list(subjects)
    companies = [subject_id for kind, subject_id in wanted if kind == "company"]
    products = [int(subject_id) for kind, subject_id in wanted if kind == "product"]
    rows = await connection.execute(
        select(CompanyRow.company_id, CompanyRow.name).where(CompanyRow.company_id.in_(companies))
    )
    found = {("company", row.company_id): row.name for row in rows}
    rows = await connection.execute(
        select(ProductRow.product_id, ProductRow.name).where(ProductRow.product_id.in_(products))
    )
    return found | {("product", str(row.product_id)): row.name for row in rows}


async def gone_documents(connection: AsyncConnection) -> list[str]:
    """Return the documents whose opening is gone, or whose analysis was erased."""
    opening = select(SubjectRow.subject_id).where(
        SubjectRow.kind == "opening", SubjectRow.subject_id == DocumentRow.key, SubjectRow.gone_at.is_(None)
    )
    key = AnalysisRow.subject_kind + ":" + AnalysisRow.subject_id + ":" + AnalysisRow.kind
    analysis = select(AnalysisRow.analysis_id).where(key == DocumentRow.key)
    gone = select(DocumentRow.document_id).where(
        or_(
            and_(DocumentRow.source == "opening", ~opening.exists()),
            and_(DocumentRow.source == "analysis", ~analysis.exists()),
        )
    )
    return list((await connection.execute(gone)).scalars())
