"""Draw the findings of examinations."""

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table

from agentic_sales.rules.findings import Finding

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "unknown": "cyan"}


def as_table(findings: Iterable[Finding]) -> Table:
    """Lay findings out for people, each with its remedy."""
    table = Table("", "check", "finding", box=None, header_style="bold", pad_edge=False)
    for finding in findings:
        told = escape(finding.told) if not finding.fix else f"{escape(finding.told)}\n[dim]→ {escape(finding.fix)}[/]"
        table.add_row(f"[{_COLOURS[finding.status]}]{finding.status}[/]", finding.check, told)
    return table
