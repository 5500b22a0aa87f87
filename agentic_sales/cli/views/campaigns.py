"""Ask for campaigns over HTTP and draw their state."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from agentic_sales.cli.views import asking
from agentic_sales.cli.views.asking import ask_facade, follow_import

BAR_COLUMNS = 40
SHOWN_ID_CHARS = 12
"""Characters of a message's id in a table. They name it as the whole id does."""
LINES_BETWEEN_PROGRESS = 10_000
NOBODY_TAKEN = (
    "every line was refused, so nobody joined the campaign. Where lines name no lawful basis, or not its source, give "
    "both for all of them: --basis legitimate_interest --source 'their web sites'"
)


def ask(method: str, path: str, url: str | None, body: Any = None, **query: object) -> Any:
    """Ask the facade about campaigns.

    Raises:
        LangGraphError: The facade refused or was not reachable.
    """
    return ask_facade(method, f"/campaigns{path}", url, body, **query)


def as_table(campaigns: Sequence[Mapping[str, Any]]) -> Table:
    """Lay campaigns out for people."""
    table = Table("campaign", "name", "state", "made")
    for campaign in campaigns:
        table.add_row(campaign["campaign_id"], campaign["name"], campaign["state"], clock(campaign["created_at"]))
    return table


def mailboxes_as_table(mailboxes: Sequence[Mapping[str, Any]]) -> Table:
    """Lay mailboxes out for people, each with whether it sends."""
    table = Table("mailbox", "address", "a day", "sends")
    for mailbox in mailboxes:
        table.add_row(mailbox["mailbox_id"], mailbox["address"], str(mailbox["daily_cap"]), _sends(mailbox))
    return table


def mailbox_as_table(mailbox: Mapping[str, Any]) -> Table:
    """Lay one mailbox out for people, a value a line. No secret is in it, but its place."""
    table = Table(box=None, show_header=False, pad_edge=False)
    hours = mailbox["window"]
    window = f"{hours['starts'][:5]}-{hours['ends'][:5]}, days {hours['days']}" if hours else "those of the plan"
    ramp = f"{mailbox['ramp_start']} on the first day, then {mailbox['ramp_per_day']} more each day"
    told = {
        "mailbox": mailbox["mailbox_id"],
        "address": mailbox["address"],
        "sends": _sends(mailbox),
        "is read": f"no: {mailbox['inbox_why']}" if mailbox["inbox_why"] else "",
        "name": mailbox["display_name"],
        "role": mailbox["sender_role"],
        "signature": mailbox["signature"],
        "postal address": mailbox["postal_address"],
        "replies to": mailbox["reply_to"] or mailbox["address"],
        "booking page": mailbox["booking_link"],
        "login": mailbox["login"] or "that of the deployment",
        "SMTP": mailbox["smtp_url"],
        "IMAP": mailbox["imap_url"],
        "secret": mailbox["secret"],
        "a day": str(mailbox["daily_cap"]),
        "ramp-up": ramp if mailbox["ramp_start"] else "",
        "between two": f"{mailbox['spacing_s']:g} s",
        "hours": window,
        "time zone": mailbox["time_zone"],
    }
    for name, value in told.items():
        if value:
            table.add_row(name, Text(value))
    return table


def _sends(mailbox: Mapping[str, Any]) -> str:
    if not mailbox["is_active"]:
        return "no: it is held until somebody releases it"
    if mailbox["held_why"]:
        return f"not before {clock(mailbox['held_until_at'])}: its server refused it: {mailbox['held_why']}"
    return "yes"


def import_events(
    campaign: str, file: Path | bytes, url: str | None, *, basis: str | None, source: str
) -> Iterator[dict[str, Any]]:
    """Import people from a file and yield the facade's report, transaction by transaction.

    Raises:
        LangGraphError: The facade refused, was not reachable or broke off.
    """
    yield from follow_import(f"/campaigns{asking.path_of(campaign, 'import')}", file, url, basis=basis, source=source)


def import_report(events: Iterable[Mapping[str, Any]], *, tell_line: Callable[[str], None] | None) -> dict[str, Any]:
    """Return the report of a file. Programs get every line of it, and people see the lines as they come."""
    report: dict[str, Any] = {"lines": []}
    told = 0
    for event in events:
        report |= {name: value for name, value in event.items() if name not in {"event", "lines"}}
        if tell_line is None:
            report["lines"] += event.get("lines", [])
            continue
        for line in event.get("lines", []):
            _tell_import_line(line, tell_line)
        if (count := sum(report.get("counts", {}).values())) >= told + LINES_BETWEEN_PROGRESS:
            told = count
            tell_line(f"{count} lines so far")
    return report


def import_sum(report: Mapping[str, Any]) -> str:
    """Count the lines of each kind in a sentence."""
    joined = report["enrolled"]
    return f"{counts_told(report)}; {joined} {'person' if joined == 1 else 'people'} joined the campaign"


def counts_told(report: Mapping[str, Any]) -> str:
    """Say how many lines of a file had which result."""
    counts = report["counts"]
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count or status != "suppressed")
    count = sum(counts.values())
    return f"{count} {'line' if count == 1 else 'lines'}: {told}"


def is_nobody_taken(report: Mapping[str, Any]) -> bool:
    """Tell whether every line of a file was refused."""
    refused: int = report["counts"]["refused"]
    total: int = sum(report["counts"].values())
    return 0 < refused == total


def _tell_import_line(line: Mapping[str, Any], tell: Callable[[str], None]) -> None:
    problems = "; ".join(f"{p['column']}: {p['reason']}" if p["column"] else p["reason"] for p in line["problems"])
    if problems or line["status"] != "added":
        tell(f"line {line['line']}: {line['status']}{f' ({problems})' if problems else ''}")


def forgotten_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """Say which data of a person were erased and which could not be."""
    if not told["known"]:
        yield "nobody of this address is known; nothing will ever be sent to it"
        return
    for kind, count in told["erased"].items():
        yield f"{kind.replace('_', ' ')}: {count} erased"
    yield "a digest of the address stays, so that nothing is sent to it"
    yield f"not erased: {told['left']}"


def approvals_as_text(questions: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Lay out the messages that wait for approval, each whole."""
    blocks = []
    for question in questions:
        message = question["message"]
        until = f" until {clock(question['expires_at'])}\n"
        about = f"{message['campaign_id']} step {message['step']} to {message['to_email']}\n"
        mail = f"\nSubject: {message['subject']}\n\n{message['text']}\n"
        blocks.append(Text.assemble((question["approval_id"], "bold"), until, about, mail))
    return Group(*blocks)


def as_picture(campaign: Mapping[str, Any]) -> RenderableType:
    """Draw a campaign with its funnel, the results of its messages and the comparison of its variants."""
    reason = f" ({campaign['reason']})" if campaign["reason"] else ""
    name = f" {campaign['name']}" if campaign["name"] != campaign["campaign_id"] else ""
    head = Text.assemble((campaign["campaign_id"], "bold"), f"{name}: {campaign['state']}{reason}\n")
    variants = [_variants(campaign)] if campaign["variants"] else []
    return Group(head, _funnel(campaign), _steps(campaign), *variants, *_reasons(campaign))


def _funnel(campaign: Mapping[str, Any]) -> Table:
    stages = [("enrolled", sum(campaign["people"].values()))]
    stages += [(f"step {n} sent", step.get("sent", 0)) for n, step in enumerate(campaign["steps"])]
    for answer in ("replied", "interested"):
        stages.append((answer, sum(variant["shares"][answer]["count"] for variant in campaign["variants"])))
    most = max((count for _, count in stages), default=0) or 1
    table = Table("stage", "people", "", box=None)
    for name, count in stages:
        table.add_row(name, str(count), "█" * round(BAR_COLUMNS * count / most))
    return table


def _steps(campaign: Mapping[str, Any]) -> Table:
    states = sorted({state for step in campaign["steps"] for state in step})
    table = Table("step", "workflow", "after", *states, title="messages")
    for number, (step, plan) in enumerate(zip(campaign["steps"], campaign["plan"]["steps"], strict=True)):
        after = f"{plan['delay_days']:g} {plan['counts'].replace('_', ' ')}"
        table.add_row(str(number), plan["workflow"], after, *(str(step.get(state, 0)) for state in states))
    return table


def _variants(campaign: Mapping[str, Any]) -> RenderableType:
    """Lay out the results of each variant in two tables that are readable at 80 columns."""
    drafts = {"edited": "edited", "rejected": "rejected"}
    mails = {"replied": "replied", "interested": "interested", "bounced": "bounced"}
    mails |= {"unsubscribed": "opted out", "complained": "complained"}
    head = f"results of each variant, with {campaign['confidence_ratio']:.0%} intervals"
    parts = (_shares(campaign, part, judged) for part, judged in (("decided", drafts), ("sent", mails)))
    return Group(Text(head, style="italic"), *parts)


def _shares(campaign: Mapping[str, Any], counted: str, judged: Mapping[str, str]) -> Table:
    figures = (Column(name, no_wrap=True) for name in (counted, *judged.values()))
    table = Table("step", Column("variant", overflow="fold"), *figures, box=None, pad_edge=False, collapse_padding=True)
    for variant in campaign["variants"]:
        shares = (_share(variant["shares"][name]) for name in judged)
        table.add_row(str(variant["step"]), variant["variant"] or "-", str(variant[counted]), *shares)
    return table


def _share(share: Mapping[str, Any]) -> str:
    if share["of"] == 0:
        return "-"
    return f"{share['count']}\n{share['low_ratio']:.0%}-{share['high_ratio']:.0%}"


def _reasons(campaign: Mapping[str, Any]) -> Iterator[Text]:
    for reason, count in sorted(campaign["reasons"].items(), key=lambda entry: -entry[1]):
        yield Text(f"{count} stopped or parked: {reason}")
    if undecided := campaign["undecided"]:
        look = f"agentic-sales campaigns inbound --campaign {campaign['campaign_id']} --class maybe_unsubscribe"
        yield Text(f"{undecided} may have opted out, and nobody has decided yet: {look}")
    if suggested := campaign["suggested"]:
        look = f"agentic-sales campaigns suggestions {campaign['campaign_id']}"
        yield Text(f"{suggested} were named in answers, and nobody has decided yet: {look}")


def touches_as_table(touches: Sequence[Mapping[str, Any]], named_by: str = "touch_id") -> Table:
    """Lay messages out in the order of time. Each has the begin of its id, for further commands, or its subject."""
    is_id = named_by == "touch_id"
    table = Table(Column("message", no_wrap=is_id, min_width=SHOWN_ID_CHARS if is_id else None), "to", "step")
    for name in ("state", "when", "why"):
        table.add_column(name)
    for touch in sorted(touches, key=_moment_of):
        when, name = clock(_moment_of(touch)), touch[named_by]
        shown = name[:SHOWN_ID_CHARS] if is_id else name
        table.add_row(shown, touch["to_email"], str(touch["step"]), touch["state"], when, touch["detail"])
    return table


def _moment_of(touch: Mapping[str, Any]) -> str:
    return str(touch["sent_at"] or touch["not_before_at"])


def forecast_line(told: Mapping[str, Any]) -> str:
    """Say when a message goes or went and why not now."""
    when = f" at {clock(told['goes_at'])}" if told["goes_at"] else ""
    why = f": {'; '.join(told['why'])}" if told["why"] else ""
    return f"message to {told['to_email']}, step {told['step']}: {told['state']}{when}{why}"


def clock(moment: str) -> str:
    """Write a moment by the clock of this machine."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"
