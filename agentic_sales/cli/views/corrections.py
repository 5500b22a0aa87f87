"""Draw corrections of campaigns: the effects of an edit, the versions of a plan, a corrected answer, the audit list."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Column, Table

from agentic_sales.cli.views.campaigns import clock


def edit_lines(campaign: str, done: Mapping[str, Any], *, moves: bool) -> Iterator[str]:
    """Tell the effects of an edit of a plan, also of a preview."""
    does = "is the plan now" if done["is_done"] else "would be the plan"
    yield f"campaign `{campaign}`: version {done['version']} {does}"
    yield f"{done['not_begun']} people have not begun, and go by it"
    if moves:
        yield f"{done['moved']} people under way go by it; {done['ending']} of them are beyond its last step and end"
    again = "waiting messages are written and asked about again"
    yield f"{done['rewritten']} {again}, of which {done['unapproved']} were approved"
    if done["staying"]:
        why = f"; {done['held']} of them because a message may be on its way" if done["held"] else ""
        hint = "" if moves else "; --move lets them go by this one"
        yield f"{done['staying']} people under way stay on their version{why}{hint}"
    if not done["is_done"]:
        yield "nothing was changed; leave --preview out to do it"


def versions_as_table(versions: Sequence[Mapping[str, Any]]) -> Table:
    """Lay the versions of a plan out."""
    table = Table("version", "steps", "until")
    for version in versions:
        until = clock(version["replaced_at"]) if version["replaced_at"] else "now"
        table.add_row(str(version["version"]), str(len(version["plan"]["steps"])), until)
    return table


def reclassified_lines(done: Mapping[str, Any]) -> Iterator[str]:
    """Tell the consequences of a corrected class of an answer."""
    yield f"the answer was `{done['before'] or 'unread'}`, and is `{done['reply_class']}` now"
    if done["stopped"]:
        yield f"the person is stopped in {', '.join(done['stopped'])}"
    if done["resumed"]:
        yield f"the person goes on in {', '.join(done['resumed'])}"
    if done["still_stopped_by"]:
        yield f"nothing is sent to the person: {', '.join(done['still_stopped_by'])}"


def audit_as_table(entries: Sequence[Mapping[str, Any]]) -> Table:
    """Lay the audit list out."""
    table = Table("when", "by", "what", "campaign", Column("person", overflow="fold"), "told", "why")
    for entry in entries:
        told = ", ".join(f"{name}: {value}" for name, value in entry["told"].items() if value not in ([], None))
        of = entry["campaign_id"] or "-", entry["contact_id"] or "-"
        table.add_row(clock(entry["at"]), entry["by"], entry["act"], *of, told, entry["note"])
    return table
