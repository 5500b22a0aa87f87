"""Draw the suppression list and inbound mail."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from agentic_sales.cli.views.campaigns import clock

LONGEST_CHARS = 60
DIGEST_CHARS = 12


def as_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out the suppressed people."""
    table = Table("who", "why", "said by", "since")
    for row in rows:
        table.add_row(row["email"] or _short(row), row["reason"], row["source"], clock(row["at"]))
    return table


def lifts_as_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out the lifted suppressions."""
    table = Table("who", "was", "since", "lifted by", "when", "why")
    for row in rows:
        since, when = clock(row["suppressed_at"]), clock(row["lifted_at"])
        table.add_row(_short(row), row["reason"], since, row["lifted_by"], when, row["why"])
    return table


def inbound_as_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out inbound mail. An entry without a campaign names no message of ours."""
    table = Table("when", "who", "campaign", "kind", "means", "says")
    for row in rows:
        said = " ".join(f"{row['subject']} {row['text']}".split())[:LONGEST_CHARS]
        told = row["email"] or "", row["campaign_id"] or "-", row["kind"], row["reply_class"] or ""
        table.add_row(clock(row["received_at"]), *told, said)
    return table


def _short(row: Mapping[str, Any]) -> str:
    return f"{row['email_hash'][:DIGEST_CHARS]}…"
