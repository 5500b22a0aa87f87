"""Each of the ten flows, on one real fleet: a lead goes from the source to an approved mail, its reply and its outcome.

The last test forgets one of the people. So it stands last.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import Inbound
from agentic_sales.campaigns.leads.desk import campaign_plan
from agentic_sales.campaigns.visits.clock import ClockFile
from agentic_sales.flows import BY_FLOW, IMPORT
from agentic_sales.local.world.server import serve_world
from agentic_sales.settings import Settings
from agentic_sales.store.database import open_database
from tests.acceptance.remembering import Remembering
from tests.support.fleet import WEB, Fleet, fleet_of
from tests.support.processes import run_command
from tests.support.services import redis_server
from tests.support.waiting import eventually

T = TypeVar("T")
NOW = datetime(2026, 11, 30, 11, tzinfo=UTC)
"""A Monday, in the working hours of Europe. The clock of the campaigns begins there."""
ALWAYS = {"starts": "00:00:00", "ends": "23:59:59", "days": [1, 2, 3, 4, 5, 6, 7]}
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
ROUND = "first"
FEW = {"AGENTIC_SALES_CAMPAIGN_TICK_S": "2.0", "AGENTIC_SALES_WORKER_CONCURRENCY": "1"}
"""One child a pool: a child that waited would be missed at once."""
LISTED = [{"domain": "northwind-signals.example", "person": "Ailsa Vanterpool", "title": "Chief Executive Officer"}]
ORDERS: Mapping[str, Mapping[str, Any]] = {
    # These leave out companies that the book has, or people with an open message. So they look before the others.
    "sales_tech": {"limit": 12, "input": {"seed_query": "sales technology software"}},
    "topic": {"limit": 3},
    "segments": {"limit": 1},
    "consultancies": {"limit": 1},
    "open_source": {"limit": 3},
    "hiring": {"limit": 2},
    "creators": {"limit": 3},
    "research": {"limit": 2},
    "code": {"limit": 3},
    "list": {"input": {"leads": LISTED}},
}
"""By flow: settings of its round. The limits are small, so that ten flows take seconds."""
OWN = ("sales_tech", "open_source", "list")
"""Flows that write by their own campaigns. The sample world is small, and its people are in one of these at a time."""
FIRST = 3
A_WHILE = timedelta(seconds=5)
"""By so much the clock is put forward at each look, so that a back-off ends."""
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def flowing(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Fleet]:
    """A fleet with beat in the sample world. Core does the work of the pools that are off."""
    directory = tmp_path_factory.mktemp("flows")
    shutil.copy(sqlite_template, directory / sqlite_template.name)
    clock = ClockFile(directory / "clock")
    clock.forward_to(NOW)
    pools = {"EMAIL_WORKER_QUEUE": "", "CLASSIFY_WORKER_QUEUE": "", "AGENTIC_SALES_VIRTUAL_CLOCK": str(clock.path)}
    names = (WEB, "worker-core", "worker-discovery", "beat")
    with (
        serve_world() as world,
        redis_server(directory) as redis,
        fleet_of(directory, redis, {**world.environment(), **pools, **FEW}, names=names) as fleet,
    ):
        fleet.wait_until_ready()
        mailbox = {"mailbox_id": "sales", "address": "ann@sales.example", "postal_address": "1 Main Street"}
        posted(fleet, "/campaigns/mailboxes", mailbox)
        yield fleet
        fleet.stop()


def command(fleet: Fleet, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `agentic-sales …` against a fleet. It must end well."""
    environment = {**fleet.environment, "LANGGRAPH_URL": fleet.url, "COLUMNS": "200"}
    ended = run_command("agentic-sales", *arguments, environment=environment)
    assert ended.returncode == 0, ended.stderr
    return ended


def posted(fleet: Fleet, path: str, body: Any, **headers: str) -> Any:
    """Post something to a fleet."""
    answer = fleet.http.post(path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer.json()


def soon(fleet: Fleet, what: str, probe: Callable[[], T], is_reached: Callable[[T], object] = bool) -> T:
    """Wait for something in a fleet while the clock of its campaigns goes on."""
    clock = ClockFile(fleet.directory / "clock")

    def look() -> T:
        clock.forward_to(clock.now() + A_WHILE)
        return probe()

    return eventually(what, look, is_reached, within_s=240)


def lead_that(fleet: Fleet, what: str, **wanted: str) -> dict[str, Any]:
    """Wait for a lead of the round with some values."""
    found = soon(
        fleet,
        f"a lead {what}",
        lambda: fleet.get(f"/flows/{ROUND}/leads").json(),
        lambda leads: any(wanted.items() <= lead.items() for lead in leads),
    )
    return next(lead for lead in found if wanted.items() <= lead.items())


async def reply_to(directory: Path, *message_ids: str) -> None:
    """Let the answers of the recipients arrive."""
    now = ClockFile(directory / "clock").now()
    async with open_database(Settings(state_dir=directory)) as database:
        for message_id in message_ids:
            event = Inbound(
                f"to {message_id}",
                "test",
                "reply",
                now,
                about_ids=(message_id,),
                subject="Re: hello",
                text="Sounds good, can we have a call next week?",
            )
            async with database.writing() as connection:
                assert await record(connection, event, now=now) == "recorded"


def test_a_lead_goes_from_the_source_to_an_approved_mail_a_reply_and_its_outcome(flowing: Fleet) -> None:
    # A second message is due later, so that the answer meets somebody who is still on the way.
    plan = {"mailboxes": ["sales"], "steps": [{}, {"delay_days": 9}], "window": ALWAYS}
    posted(flowing, "/campaigns", {"campaign_id": "spring", "plan": plan})
    posted(flowing, "/campaigns/spring/start", None)
    order = {"round": ROUND, "limit": 1, "campaign_id": "spring", "input": {"topics": ["llm"], "per_topic_limit": 5}}
    posted(flowing, "/flows/open_source/run", order, traceparent=f"00-{TRACE_ID}-b7ad6b7169203331-01")

    waiting = lead_that(flowing, "waits for a person's word", stage="waiting")
    assert waiting["score"] >= 0.6
    assert "is no contact; agentic-sales people promote" in waiting["reason"]
    assert flowing.get("/campaigns/approvals").json() == []
    grounds = ("--basis", "legitimate_interest", "--source", "their public page", "--by", "Ann")
    address = ("--email", "owner@glassotter.example", "--checked", "they told me")
    command(flowing, "people", "promote", waiting["person_id"], *grounds, *address)

    assert lead_that(flowing, "joins the campaign", stage="enrolled")["lead_id"] == waiting["lead_id"]
    [question] = soon(flowing, "the mail waits for a word", lambda: flowing.get("/campaigns/approvals").json())
    assert flowing.get("/campaigns/spring/touches?state=sent").json() == []
    command(flowing, "campaigns", "approve", question["approval_id"], "--by", "Ann")
    [sent] = soon(flowing, "the mail is sent", lambda: flowing.get("/campaigns/spring/touches?state=sent").json())
    asyncio.run(reply_to(flowing.directory, sent["message_id"]))
    assert lead_that(flowing, "is interested", outcome="interested")["contact_id"] == sent["contact_id"]

    told = json.loads(command(flowing, "flows", "report", "open_source", "--json").stdout)
    assert {"score_band"} <= {arm["kind"] for arm in told["arms"]}
    for arm in told["arms"]:
        assert [arm[name] for name in ("found", "kept", "contacted", "answered", "interested")] == [1] * 5
    assert "1 leads found, 1 kept, 1 written to; 1 answered and 1 were interested." in told["sentences"]
    assert command(flowing, "flows", "leads", ROUND).stdout.count("interested") == 1


def test_every_run_about_the_lead_is_in_the_trace_of_the_person_who_began_the_round(flowing: Fleet) -> None:
    ran = soon(
        flowing, "the answer is drafted", lambda: ran_in(flowing, TRACE_ID), lambda found: "email_reply" in found
    )
    assert ran == {
        "lead_flow": {"core"},
        "gh_ai_repos": {"discovery"},
        "gh_lead_research": {"discovery"},
        "contact_enrich": {"discovery"},
        "campaign": {"core"},
        "email_outreach": {"core"},
        "classify_reply": {"core"},
        "email_reply": {"core"},
    }


@dataclass(frozen=True)
class Story:
    """What became of the rounds of all flows."""

    leads: Mapping[str, list[dict[str, Any]]]
    """By flow: the leads of its round."""
    reports: Mapping[str, dict[str, Any]]
    """By flow: the report on it."""


def trace_of(flow_id: str) -> str:
    """Return the trace in which the round of a flow is begun."""
    return md5(flow_id.encode(), usedforsecurity=False).hexdigest()


def ran_in(fleet: Fleet, trace_id: str) -> dict[str, set[str]]:
    """Return the workflows that ran in a trace, with their queues."""
    ran: dict[str, set[str]] = defaultdict(set)
    for run in runs_of(fleet).values():
        if run.get("trace_id") == trace_id:
            ran[run["assistant_id"]].add(run["queue"])
    return dict(ran)


def runs_of(fleet: Fleet) -> dict[str, dict[str, Any]]:
    """Return the record of every run."""
    ids = [str(key).rpartition(":")[2] for key in fleet.redis.scan_iter("agentic:run:*", count=1000)]
    return {run_id: fleet.run(run_id) for run_id in ids}


@pytest.fixture(scope="module")
def story(flowing: Fleet) -> Story:
    """Let a round of each flow come to its end: the mails are approved, sent and answered."""
    for number, (flow_id, order) in enumerate(ORDERS.items()):
        if 0 < number <= FIRST:
            wait_for_all(flowing, list(ORDERS)[:number], "have looked", lambda report: report["found"] is not None)
        told = {"mailbox_id": "sales"} if flow_id in OWN else {"campaign_id": begun_campaign(flowing, flow_id)}
        body = {"round": f"r-{flow_id}", "promote_by": "Ann", **told, **order}
        posted(flowing, f"/flows/{flow_id}/run", body, traceparent=f"00-{trace_of(flow_id)}-b7ad6b7169203331-01")
    wait_for_all(flowing, ORDERS, "are through", lambda report: report["state"] == "finished")
    leads = {flow_id: flowing.get(f"/flows/r-{flow_id}/leads").json() for flow_id in ORDERS}
    joined = [lead for found in leads.values() for lead in found if lead["stage"] == "enrolled"]
    questions = soon(
        flowing,
        f"{len(joined)} mails wait for a word",
        lambda: [one for one in flowing.get("/campaigns/approvals?limit=200").json() if is_of_a_flow(one)],
        lambda found: len(found) == len(joined),
    )
    for question in questions:
        word = {"decision": "approve", "digest": question["digest"], "by": "Ann"}
        posted(flowing, f"/campaigns/approvals/{question['approval_id']}", word)
    sent = soon(
        flowing, "the mails are sent", lambda: sent_to(flowing, joined), lambda found: len(found) == len(joined)
    )
    asyncio.run(reply_to(flowing.directory, *sent))
    leads = soon(
        flowing,
        "every answer is the outcome of its lead",
        lambda: {flow_id: flowing.get(f"/flows/r-{flow_id}/leads").json() for flow_id in ORDERS},
        lambda told: all(
            lead["outcome"] == "interested" for found in told.values() for lead in found if lead["stage"] == "enrolled"
        ),
    )
    return Story(leads, {flow_id: flowing.get(f"/flows/{flow_id}/report").json() for flow_id in ORDERS})


def begun_campaign(fleet: Fleet, flow_id: str) -> str:
    """Begin a campaign for a round of a flow, with the plan of the flow's own ones. Return its id."""
    campaign_id = f"for-{flow_id}"
    plan = campaign_plan(BY_FLOW[flow_id], "sales").model_dump(mode="json")
    posted(fleet, "/campaigns", {"campaign_id": campaign_id, "plan": plan})
    posted(fleet, f"/campaigns/{campaign_id}/start", None)
    return campaign_id


def is_of_a_flow(question: dict[str, Any]) -> bool:
    """Tell whether a question is about a message of a flow, and not about the answer that waits in `spring`."""
    return bool(question["message"]["campaign_id"] != "spring")


def wait_for_all(fleet: Fleet, flows: Any, what: str, is_reached: Any) -> None:
    """Wait until the reports on the rounds of flows are as wanted."""

    def left() -> dict[str, Any]:
        reports = {flow_id: fleet.get(f"/flows/r-{flow_id}/report").json() for flow_id in flows}
        return {flow_id: report for flow_id, report in reports.items() if not is_reached(report)}

    soon(fleet, f"the rounds {what}", left, lambda found: not found)


def sent_to(fleet: Fleet, leads: list[dict[str, Any]]) -> list[str]:
    """Return the message ids of the sent messages to leads."""
    touches = [
        touch
        for campaign in sorted({lead["campaign_id"] for lead in leads})
        for touch in fleet.get(f"/campaigns/{campaign}/touches?state=sent").json()
    ]
    return [touch["message_id"] for touch in touches]


@pytest.mark.parametrize("flow_id", ORDERS)
def test_a_lead_of_each_flow_is_found_kept_written_to_and_interested(story: Story, flow_id: str) -> None:
    counts = story.reports[flow_id]["counts"]
    assert all(counts[name] > 0 for name in ("found", "kept", "contacted", "answered", "interested")), counts
    [answer] = {lead["outcome"] for lead in story.leads[flow_id] if lead["outcome"]}
    assert answer == "interested"


@pytest.mark.parametrize("flow_id", ORDERS)
def test_a_lead_of_each_flow_goes_from_the_source_to_the_outcome_in_one_trace(
    flowing: Fleet, story: Story, flow_id: str
) -> None:
    trace_id, flow = trace_of(flow_id), BY_FLOW[flow_id]
    assert {assistant_id for _, assistant_id in flow.assistants()} - {IMPORT} <= ran_in(flowing, trace_id).keys()
    threads = {f"flow-r-{flow_id}"} | {
        f"campaign-{lead['campaign_id']}-{lead['contact_id']}"
        for lead in story.leads[flow_id]
        if lead["stage"] == "enrolled"
    }
    every = runs_of(flowing)
    mine = {run_id: run for run_id, run in every.items() if run["thread_id"] in threads}
    assert {run["assistant_id"] for run in mine.values()} == {"lead_flow", "campaign"}
    assert {run["trace_id"] for run in mine.values()} == {trace_id}
    asked = [run for run in every.values() if run["parent_run_id"] in mine]
    assert "email_outreach" in {run["assistant_id"] for run in asked}
    assert {run["trace_id"] for run in asked} == {trace_id}
    # A person may be in several campaigns. The first visit to one of them reads the answer, in the trace of that one.
    people = contacts_of(story, flow_id)
    sharing = {trace_of(other) for other in story.leads if people & contacts_of(story, other)}
    assert sharing & {run["trace_id"] for run in every.values() if run["assistant_id"] == "classify_reply"}


def contacts_of(story: Story, flow_id: str) -> set[str]:
    """Return the people of a flow that joined its campaign."""
    return {lead["contact_id"] for lead in story.leads[flow_id] if lead["stage"] == "enrolled"}


def test_ten_rounds_that_wait_for_their_sources_hold_no_child_of_core(flowing: Fleet, story: Story) -> None:
    """The pool that looks is frozen, so every round waits. Its visits end all the same, and a campaign goes on."""
    assert story.leads
    waiting = [f"waiting-{number}" for number in range(10)]
    freeze(flowing, signal.SIGSTOP)
    try:
        for round_id in waiting:
            posted(flowing, "/flows/open_source/run", {"round": round_id, "limit": 1, "dry_run": True})
        threads = {f"flow-{round_id}" for round_id in waiting}
        soon(flowing, "each round was visited", lambda: threads - visited(flowing), lambda left: not left)
        lines = b"email,first name\nleocadia.esterhold@brassfield-talent.example,Leocadia\n"
        plan = {"mailboxes": ["sales"], "steps": [{}], "window": ALWAYS}
        posted(flowing, "/campaigns", {"campaign_id": "meanwhile", "plan": plan})
        posted(flowing, "/campaigns/meanwhile/start", None)
        imported = flowing.http.post(
            "/campaigns/meanwhile/import?basis=consent&source=a%20fair", content=lines, headers={"accept": "*/*"}
        )
        assert imported.is_success, imported.text
        [question] = soon(
            flowing, "the campaign writes", lambda: flowing.get("/campaigns/approvals?campaign_id=meanwhile").json()
        )
        assert question["message"]["to_email"] == "leocadia.esterhold@brassfield-talent.example"
        states = {round_id: flowing.get(f"/flows/{round_id}/report").json() for round_id in waiting}
        assert {(told["state"], told["found"]) for told in states.values()} == {("running", None)}
    finally:
        for round_id in waiting:
            posted(flowing, f"/flows/{round_id}/pause", None)
        freeze(flowing, signal.SIGCONT)


def visited(fleet: Fleet) -> set[str]:
    """Return the threads of rounds to which a visit has ended."""
    runs = runs_of(fleet).values()
    return {run["thread_id"] for run in runs if run["assistant_id"] == "lead_flow" and run.get("ended_at")}


def freeze(fleet: Fleet, how: signal.Signals) -> None:
    """Freeze the processes that look for leads, or let them go on. Their worker lives all the same."""
    for pid in fleet.children("worker-discovery"):
        os.kill(pid, how)


def test_nothing_of_a_forgotten_person_is_left_in_the_store_or_in_redis(flowing: Fleet, story: Story) -> None:
    remembering = Remembering(flowing, Settings(state_dir=flowing.directory))
    person = "Wiebke Sedgewarren", "wiebke.sedgewarren@fernhollow-ai.example"
    assert {"code", "creators", "topic"} <= {
        flow_id
        for flow_id, leads in story.leads.items()
        if any(lead["name"] in {"Fernhollow AI", person[0]} for lead in leads)
    }
    before = {word: in_stores(remembering, word) for word in person}
    assert all(len(places) > 10 for places in before.values()), before
    told = posted(flowing, "/people/forget", {"email": person[1]})
    assert told["erased"]["step_runs"] > 3
    assert {word: in_stores(remembering, word) for word in person} == {word: [] for word in person}


def in_stores(remembering: Remembering, word: str) -> list[str]:
    """Return where a word stands in Redis and in the databases. Logs of processes are no store."""
    return [place for place in remembering.places_with(word) if not place.endswith(".log")]
