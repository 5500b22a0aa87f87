"""Draw the people that answers named."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Column, Table

from agentic_sales.cli.views.campaigns import clock


def as_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out the named people, each with the sentence that names the person."""
    table = Table("when", Column("suggestion", no_wrap=True), "named", "said", "stands")
    for row in rows:
        who = ", ".join(part for part in (row["name"], row["role"], row["email"]) if part)
        stands = f"{row['state']} by {row['decided_by']}" if row["decided_by"] else row["state"]
        table.add_row(clock(row["created_at"]), row["suggestion_id"], who, row["words"], stands)
    return table
