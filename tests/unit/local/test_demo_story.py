"""What the demo tells of its flows: sentences and tables that fit into 80 columns, and each failure by its name."""

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from agentic_sales.contracts import RunId
from agentic_sales.local.demo_flows import Killed, Story
from agentic_sales.local.demo_story import told, wrong
from agentic_sales.runs.ledger import RunRecord

ASKED, ANSWERED = "bo@beta.example", "ada@acme.example"


def lead(name: str, contact_id: str, outcome: str, **changed: Any) -> dict[str, Any]:
    """Return a lead as the facade lists it."""
    known = {"name": name, "score": 0.8, "stage": "enrolled", "reason": "joined", "campaign_id": "c"}
    return {**known, "contact_id": contact_id, "outcome": outcome, **changed}


def touch(contact_id: str, email: str, at: str) -> dict[str, Any]:
    """Return a message as the facade lists it."""
    told = {"subject": "A question about the roles that your company wants to fill", "state": "sent", "attempts": 1}
    return {"contact_id": contact_id, "to_email": email, "sent_at": f"2026-12-07T{at}:00+00:00", **told}


def run(run_id: str, assistant_id: str, queue: str, parent: str | None, **metadata: str) -> RunRecord:
    """Return the record of a run."""
    return RunRecord(
        run_id=RunId(run_id),
        assistant_id=assistant_id,
        queue=queue,
        status="success",
        attempt=1,
        losses=0,
        worker=f"host/{len(queue)}",
        thread_id="t",
        metadata=metadata,
        parent_run_id=RunId(parent) if parent else None,
        trace_id="0af7651916cd43dd8448eb211c80319c",
        langsmith_run_id=None,
        spent_usd=0.0,
        created_at_s=1.0,
        started_at_s=None,
        ended_at_s=None,
        cancelled_at_s=None,
    )


STORY = Story(
    leads={
        "hiring": [lead("Acme", "1", "interested"), lead("Dim", "", "", stage="dropped", reason="nobody " * 20)],
        "open_source": [lead("beta/kit", "2", "sent")],
    },
    reports={"hiring": {"sentences": ["2 leads found."]}, "open_source": {"sentences": ["1 leads found."]}},
    touches=[touch(who, email, at) for who, email in (("1", ANSWERED), ("2", ASKED)) for at in ("09:00", "10:00")],
    answered=ANSWERED,
    approved=4,
    mails=4,
    killed=Killed(77, "r"),
    runs=[
        run("v1", "lead_flow", "core", None, flow_id="hiring"),
        run("v2", "lead_flow", "core", None, flow_id="hiring"),
        run("a", "ashby_discovery", "discovery", "v1"),
        run("b", "contact_discovery", "discovery", "v1"),
        run("c", "contact_discovery", "discovery", "v2"),
    ],
)


def shown(story: Story) -> str:
    """Return what a person reads who has no terminal."""
    file = io.StringIO()
    console = Console(file=file, width=80)
    for part in told(story):
        console.print(part, highlight=False)
    return file.getvalue()


def test_the_story_fits_into_80_columns_and_names_who_answered() -> None:
    text = shown(STORY)
    assert max(map(len, text.splitlines())) <= 80
    assert f"{ANSWERED} (Acme) answered:" in text
    assert "dropped: nobody" in text
    assert "Process 77 of core was killed at work." in text


def test_the_tree_counts_the_runs_below_those_that_asked_for_them() -> None:
    lines = [line.strip("├└─│ ") for line in shown(STORY).splitlines()]
    at = lines.index("lead_flow (hiring): 2 runs on core, worker 4")
    assert lines[at + 1 : at + 3] == [
        "ashby_discovery: 1 run on discovery, worker 9",
        "contact_discovery: 2 runs on discovery, worker 9",
    ]


def test_a_story_in_which_all_went_well_has_no_failure() -> None:
    assert wrong(STORY) == []


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"mails": 5}, "4 tries and 5 mails for 4 messages"),
        ({"approved": 2}, "2 approvals for 4 messages"),
        ({"killed": None}, "no process was killed at work"),
        ({"touches": STORY.touches[:3]}, "the messages that were sent are"),
        ({"leads": {**STORY.leads, "open_source": []}}, "`open_source` wrote to nobody"),
        ({"leads": {**STORY.leads, "hiring": [lead("Acme", "1", "sent")]}}, "0 leads are interested, and not one"),
    ],
)
def test_what_went_wrong_is_named(changed: dict[str, Any], reason: str) -> None:
    assert any(told.startswith(reason) for told in wrong(replace(STORY, **changed)))
