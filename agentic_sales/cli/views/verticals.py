"""Draw verticals, their activations and the companies of a sample."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text


def verticals_as_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out verticals, one to a line."""
    table = Table(Column("vertical", no_wrap=True), "what it is", Column("state", no_wrap=True), "next")
    for vertical in found:
        told = vertical["activation"] or {"state": "not activated", "next": _first_command(vertical)}
        table.add_row(*map(Text, (vertical["slug"], vertical["title"], told["state"], told["next"])))
    return table


def vertical_as_picture(vertical: Mapping[str, Any]) -> RenderableType:
    """Draw how the activation of a vertical stands, with the sample."""
    head = Text.assemble((vertical["slug"], "bold"), f"  {vertical['title']}\n")
    told = vertical["activation"]
    if told is None:
        head.append(f"not activated: {_first_command(vertical)}")
        return head
    dry = ", a dry run" if told["is_dry"] else ""
    why = f": {told['reason']}" if told["reason"] else ""
    head.append(f"{told['state']} in stage {told['stage']}{dry}{why}\n")
    if told["found"] is not None:
        head.append(f"{told['found']} companies found by their code\n")
    if told["round_id"]:
        leads = ", ".join(f"{count} {stage}" for stage, count in vertical["leads"].items()) or "no lead yet"
        head.append(f"round {told['round_id']}: {leads}\n")
    return Group(head, *_sample(vertical["sample"]), Text(f"next: {told['next']}"))


def _sample(companies: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    if not companies:
        return
    table = Table("company", "site", Column("code", no_wrap=True), Column("site fits", no_wrap=True), "why", box=None)
    for one in companies:
        fit = "" if one["fit"] is None else f"{one['fit']:.2f}"
        table.add_row(*map(Text, (one["name"], one["domain"], f"{one['score']:.2f}", fit, _why(one))))
    yield table


def _why(company: Mapping[str, Any]) -> str:
    against = [f"against it: {one['text']} (“{one['quote']}”)" for one in company["disqualifiers"]]
    reasons = [f"{one['text']} (“{one['quote']}”)" for one in company["reasons"]]
    return company["why_not"] or "; ".join([*against, *reasons]) or ("" if company["fit"] is None else "no sign of it")


def _first_command(vertical: Mapping[str, Any]) -> str:
    return f"agentic-sales verticals activate {vertical['slug']} --dry-run"
