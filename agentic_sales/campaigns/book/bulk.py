"""Choose the companies that a bulk works through, write its verdicts, and write its report."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agentic_sales.campaigns.book.known import KnownCompany
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.errors import UnknownRecord
from agentic_sales.rules.bulk import BulkForm, BulkKind, BulkResult
from agentic_sales.rules.spreadsheet_cells import csv_lines
from agentic_sales.settings import settings
from agentic_sales.store.companies import CompanyFilter, CompanyRow, companies, companies_of
from agentic_sales.store.database import current_database
from agentic_sales.store.facts import current_values, last_observed

PAGE = 500
"""Companies that are read at a time."""
WRITTEN_AT_ONCE = 100
"""Companies with facts written by one transaction."""
FOLDER = "bulk"
"""Folder of the reports in the state directory."""
COLUMNS = (
    *("company_id", "name", "domain", "status", "verdict", "confidence", "source", "reasons", "error_code"),
    *("model_calls", "cost_usd"),
)


@dataclass
class _Chosen:
    ids: list[str] = field(default_factory=list)
    fresh: int = 0


async def choose_companies(form: BulkForm, kind: BulkKind) -> dict[str, Any]:
    """Return the ids of the companies that a form names, the newest first, and the number of fresh ones.

    A company that was asked about lately is fresh. It is counted and left out.

    Raises:
        UnknownRecord: The book does not have one of the ids.
    """
    ids = [CompanyId(company_id) for company_id in dict.fromkeys(form.ids)]
    wanted = CompanyFilter(
        country=form.country or None,
        category=form.category or None,
        missing_field=form.missing_field or None,
        ids=ids or None,
    )
    chosen, offset = _Chosen(), 0
    async with current_database(settings()).reading() as connection:
        for start in range(0, len(ids), PAGE):
            some = ids[start : start + PAGE]
            known = await companies_of(connection, some)
            for company_id in some:
                if company_id not in known:
                    raise UnknownRecord("company", company_id)
        while len(chosen.ids) < form.limit:
            page = await companies(connection, wanted, limit=PAGE, offset=offset)
            seen = await last_observed(connection, "company", [row.company_id for row in page], kind.facts_of)
            _add(chosen, page, seen, form)
            offset += PAGE
            if len(page) < PAGE:
                break
    return asdict(chosen)


def _add(chosen: _Chosen, page: Sequence[CompanyRow], seen: dict[str, datetime], form: BulkForm) -> None:
    since = datetime.now(UTC) - timedelta(days=form.max_age_days)
    for row in page:
        if len(chosen.ids) == form.limit:
            return
        seen_at = seen.get(row.company_id)
        if seen_at is not None and seen_at >= since and not form.force_refresh:
            chosen.fresh += 1
        elif row.company_id not in chosen.ids:
            chosen.ids.append(row.company_id)


async def companies_with_facts(ids: Sequence[str]) -> list[KnownCompany]:
    """Return companies with their current facts in this order. One that was erased meanwhile is left out."""
    found: list[KnownCompany] = []
    async with current_database(settings()).reading() as connection:
        for start in range(0, len(ids), PAGE):
            some = ids[start : start + PAGE]
            rows = await companies_of(connection, map(CompanyId, some))
            facts = await current_values(connection, "company", some)
            found += [
                KnownCompany(company_id=row.company_id, name=row.name, domain=row.domain, facts=facts[row.company_id])
                for company_id in some
                if (row := rows.get(CompanyId(company_id))) is not None
            ]
    return found


async def save_verdicts(kind: BulkKind, results: Sequence[BulkResult]) -> int:
    """Write the facts of verdicts in place of those that this bulk wrote before. Return the number of the facts.

    Raises:
        EffectExceeded: The effect of the current run's row is neither write nor send.
    """
    if kind.findings is None:
        return 0
    done, written = [result for result in results if result.status == "done"], 0
    for start in range(0, len(done), WRITTEN_AT_ONCE):
        async with writing_book(kind.assistant_id) as book:
            for result in done[start : start + WRITTEN_AT_ONCE]:
                await book.replace(Subject("company", result.company_id), "", kind.findings(result))
        written += int(book.told["facts_persisted"])
    return written


async def write_report(kind: BulkKind, run_id: str, results: Sequence[BulkResult]) -> Path:
    """Write one line a company into a CSV file of the state directory, and return its path.

    A file of the same run is replaced as a whole.
    """
    path = settings().state_dir.absolute() / FOLDER / f"{kind.assistant_id}-{run_id}.csv"
    lines = csv_lines([COLUMNS, *([getattr(result, column) for column in COLUMNS] for result in results)])
    await asyncio.to_thread(_write, path, lines)
    return path


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_suffix(".part")
    begun.write_bytes(content)
    begun.replace(path)
