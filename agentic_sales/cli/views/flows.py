"""Draw flows and their steps."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from agentic_sales.control import ControlPlane
from agentic_sales.flows import IMPORT, Flow
from agentic_sales.rules.flow_report import KIND_WORDS, allow_command


def flow_as_data(flow: Flow) -> dict[str, Any]:
    """Return a flow as plain data."""
    return asdict(flow)


def flows_as_table(flows: Iterable[Flow]) -> Table:
    """Lay out flows, one to a line."""
    table = Table(Column("flow", no_wrap=True), "looks for", "begins with", Column("keeps a lead from", no_wrap=True))
    for flow in flows:
        table.add_row(flow.flow_id, flow.looks_for, flow.discover.assistant_id, f"{flow.score.threshold:g}")
    return table


def flow_as_picture(
    flow: Flow, control: ControlPlane, stopped: Sequence[Mapping[str, Any]] | None = None
) -> RenderableType:
    """Draw the way of a lead through a flow, its limits, and its stopped arms. None: nobody could tell them."""
    head = Text.assemble((flow.flow_id, "bold"), f"  {flow.looks_for}\n")
    steps = Table("stage", Column("workflow", no_wrap=True), "pool", "what it does", box=None, header_style="bold")
    for stage, assistant_id, what in _stages(flow):
        pool = "" if assistant_id == IMPORT else control.decide(assistant_id).queue
        steps.add_row(stage, assistant_id, pool, what)
    limits = flow.limits
    told = f"at most {limits.leads} leads, {limits.at_once} at a time and {limits.budget_usd:g} USD a round\n"
    basis = f"{flow.outreach.basis}: {flow.outreach.basis_source}"
    learns = f"learns from {', '.join(flow.learns_from)}"
    return Group(head, steps, Text(f"\n{told}{basis}\n{learns}\n{_stops_told(flow.flow_id, stopped)}"))


def _stops_told(flow_id: str, stopped: Sequence[Mapping[str, Any]] | None) -> str:
    if stopped is None:
        return "stopped arms: no facade tells them"
    arms = [
        f"{KIND_WORDS[one['kind']]} `{one['arm']}` is stopped: {one['why']}; "
        f"{allow_command(flow_id, one['kind'], one['arm'])}"
        for one in stopped
    ]
    return "\n".join(arms) or "no arm is stopped"


def _stages(flow: Flow) -> Iterator[tuple[str, str, str]]:
    yield "discover", flow.discover.assistant_id, f"finds {flow.discover.finds}"
    for step in flow.steps:
        if step is flow.score:
            yield "score", step.assistant_id, f"keeps a lead from {flow.score.threshold:g}"
        else:
            yield "enrich", step.assistant_id, f"is asked about the {step.takes.replace('_', ' ')}"
    for mail in flow.outreach.mails:
        when = f"after {mail.delay_days:g} working days" if mail.delay_days else "first mail"
        yield "outreach", mail.workflow, f"{when}; {mail.instructions}".strip("; ")


def report_as_picture(report: Mapping[str, Any]) -> RenderableType:
    """Draw how far the leads of a flow or a round are, and their results per arm."""
    name = report.get("round_id") or report["flow_id"]
    state = f"  {report['state']}: {report['reason']}" if report.get("state") else f"  {report.get('rounds', 0)} rounds"
    head = Text.assemble((name, "bold"), f"{state}\n")
    stages = ", ".join(f"{count} {stage}" for stage, count in report["leads"].items()) or "no lead yet"
    head.append(f"{stages}; {report['spent_usd']:.2f} USD\n")
    columns = ("kind", "arm", "found", "kept", "contacted", "answered", "interested", "contacts")
    table = Table(*columns, box=None, header_style="bold")
    for told in report["arms"]:
        counts = [str(told[column]) for column in ("found", "kept", "contacted")]
        shares = [_share(told[f"{column}_share"]) for column in ("answered", "interested")]
        table.add_row(KIND_WORDS[told["kind"]], told["arm"], *counts, *shares, _contacts(told, report))
    sentences = report.get("sentences") or []
    threshold = report.get("threshold")
    if threshold is not None and not sentences:
        sentences = [f"Leads are kept from a score of {threshold:g} on. {report['threshold_why']}"]
    return Group(head, table, Text("\n" + "\n".join(sentences)) if sentences else Text(""))


def _contacts(told: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """Return the contacts of an arm: those of the round, or those of the last round and of the next one."""
    if told["stopped"]:
        return "stopped"
    if "contacts_next" in told:
        before, then = told["contacts_before"], told["contacts_next"]
        return f"{before} → {then}" if before or then else ""
    return str(report.get("dealt", {}).get(told["kind"], {}).get(told["arm"], ""))


def leads_as_table(leads: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out leads, one to a line."""
    table = Table("lead", Column("score", no_wrap=True), Column("stage", no_wrap=True), "outcome", "why")
    for lead in leads:
        score = "" if lead["score"] is None else f"{lead['score']:.2f}"
        table.add_row(lead["name"], score, lead["stage"], lead["outcome"], lead["reason"])
    return table


def _share(share: Mapping[str, Any]) -> str:
    if share["low_ratio"] is None:
        return "0"
    return f"{share['count']} ({share['low_ratio']:.0%} to {share['high_ratio']:.0%})"
