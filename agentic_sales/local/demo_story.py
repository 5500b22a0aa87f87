"""Tell the story of the demo's flows to a person in 80 columns, and say why it is not a success."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.tree import Tree

from agentic_sales.flows import BY_FLOW
from agentic_sales.local.demo_flows import ANSWER, APPROVER, INTERESTED, ROUNDS, Story
from agentic_sales.runs.ledger import RunRecord

MAILS = 2
"""Messages to a person who does not answer."""


def told(story: Story) -> Iterator[Table | Tree | str]:
    """Tell the findings of the flows, the messages, the replies, the lessons, and where all of it ran."""
    yield _leads(story)
    yield f"\nNothing is sent without a word: {APPROVER} approved each of {story.approved} messages."
    yield _calendar(story)
    who = {touch["to_email"]: touch["contact_id"] for touch in story.touches}.get(story.answered)
    lead = next((lead["name"] for lead in story.written_to if lead["contact_id"] == who), "")
    yield f"{story.answered} ({lead}) answered:\n“{ANSWER}”"
    yield f"The answer was read as {INTERESTED}: it was answered, and no follow-up went there."
    if story.killed:
        yield f"Process {story.killed.pid} of core was killed at work. Another one went on with its visit."
    count = f"{len(story.touches)} messages, {story.tries} tries, {story.mails} mails in the maildir"
    yield f"{count}: none was sent twice."
    for flow_id, report in story.reports.items():
        yield f"\nWhat `{flow_id}` has learnt: {' '.join(report['sentences'])}"
    yield ""
    yield _tree(story.runs)


def wrong(story: Story) -> list[str]:
    """Say why the story is not a success. An empty answer means that it is one."""
    sent = Counter(touch["to_email"] for touch in story.touches if touch["state"] == "sent")
    expected = dict.fromkeys(sent, MAILS)  # Who answered got the first mail, and the answer in the place of the second.
    interested = [lead for lead in story.written_to if lead["outcome"] == INTERESTED]
    checks = {
        **{f"`{flow_id}` wrote to nobody": _written(story, flow_id) > 0 for flow_id in ROUNDS},
        f"the messages that were sent are {dict(sent)} and not {expected}": sent == expected,
        f"{story.tries} tries and {story.mails} mails for {sent.total()} messages": (
            story.tries == story.mails == sent.total()
        ),
        f"{story.approved} approvals for {sent.total()} messages": story.approved == sent.total(),
        f"{len(interested)} leads are interested, and not one": len(interested) == 1,
        "no process was killed at work": story.killed is not None,
    }
    return [reason for reason, holds in checks.items() if not holds]


def _written(story: Story, flow_id: str) -> int:
    return sum(lead["stage"] == "enrolled" for lead in story.leads[flow_id])


def _leads(story: Story) -> Table:
    table = Table("flow", "lead", "score", "became of it", title="Leads", title_justify="left")
    for flow_id, found in story.leads.items():
        for lead in found:
            is_written_to = lead["stage"] == "enrolled"
            end = f"written to; {lead['outcome']}" if is_written_to else f"{lead['stage']}: {lead['reason']}"
            table.add_row(flow_id, lead["name"], f"{lead['score'] or 0:.2f}", end)
    return table


def _calendar(story: Story) -> Table:
    table = Table("sent (UTC)", "to", "subject", title="Their days, put forward", title_justify="left")
    for touch in sorted(story.touches, key=lambda row: str(row["sent_at"])):
        when = datetime.fromisoformat(touch["sent_at"]) if touch["sent_at"] else None
        table.add_row(f"{when:%a %d %b %H:%M}" if when else touch["state"], touch["to_email"], touch["subject"])
    return table


def _tree(runs: Sequence[RunRecord]) -> Tree:
    """Return the runs of the trace below those that asked for them. Runs of one kind are counted."""
    below: dict[str | None, list[RunRecord]] = defaultdict(list)
    known = {run.run_id for run in runs}
    for run in runs:
        below[run.parent_run_id if run.parent_run_id in known else None].append(run)
    tree = Tree(f"What ran where, in one trace ({runs[0].trace_id if runs else ''}):")
    _grow(tree, below[None], below)
    return tree


def _grow(tree: Tree, runs: Sequence[RunRecord], below: Mapping[str | None, list[RunRecord]]) -> None:
    kinds: dict[tuple[str, str, str], list[RunRecord]] = defaultdict(list)
    for run in runs:
        kinds[_flow_of(run), run.assistant_id, run.queue].append(run)
    for (flow_id, assistant_id, queue), same in kinds.items():
        workers = sorted({run.worker.rpartition("/")[2] for run in same if run.worker})
        count = f"{len(same)} run{'s' if len(same) > 1 else ''}"
        name = f"{assistant_id} ({flow_id})" if flow_id else assistant_id
        branch = tree.add(f"{name}: {count} on {queue}, worker {', '.join(workers)}", highlight=False)
        _grow(branch, [each for run in same for each in below.get(run.run_id, ())], below)


def _flow_of(run: RunRecord) -> str:
    """Return the flow that a visit belongs to. Empty: it is no visit of a flow."""
    told: Any = run.metadata.get("flow_id") or run.metadata.get("campaign_id") or ""
    return next((flow_id for flow_id in BY_FLOW if flow_id in str(told)), "")
