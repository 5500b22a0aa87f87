"""A lead of the flow `open_source`, on a real fleet, from the source to an approved mail, its reply and its outcome."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import Inbound
from agentic_sales.local.world.server import serve_world
from agentic_sales.settings import Settings
from agentic_sales.store.database import open_database
from tests.support.fleet import WEB, Fleet, fleet_of
from tests.support.services import redis_server
from tests.support.waiting import eventually

ALWAYS = {"starts": "00:00:00", "ends": "23:59:59", "days": [1, 2, 3, 4, 5, 6, 7]}
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
ROUND = "first"
TICK = {"AGENTIC_SALES_CAMPAIGN_TICK_S": "0.5"}


@pytest.fixture(scope="module")
def flowing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet with beat in the sample world. Core does the work of the pools that are off."""
    directory = tmp_path_factory.mktemp("flows")
    pools = {"EMAIL_WORKER_QUEUE": "", "CLASSIFY_WORKER_QUEUE": ""}
    names = (WEB, "worker-core", "worker-discovery", "beat")
    with (
        serve_world() as world,
        redis_server(directory) as redis,
        fleet_of(directory, redis, {**world.environment(), **pools, **TICK}, names=names) as fleet,
    ):
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


def command(fleet: Fleet, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `agentic-sales …` against a fleet. It must end well."""
    environment = {**fleet.environment, "LANGGRAPH_URL": fleet.url, "COLUMNS": "200"}
    program = Path(sys.executable).with_name("agentic-sales")
    ended = subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    return ended


def posted(fleet: Fleet, path: str, body: Any, **headers: str) -> Any:
    """Post something to a fleet."""
    answer = fleet.http.post(path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer.json()


def lead_that(fleet: Fleet, what: str, **wanted: str) -> dict[str, Any]:
    """Wait for a lead of the round with some values."""
    found = eventually(
        f"a lead {what}",
        lambda: fleet.get(f"/flows/{ROUND}/leads").json(),
        lambda leads: any(wanted.items() <= lead.items() for lead in leads),
        within_s=90,
    )
    return next(lead for lead in found if wanted.items() <= lead.items())


async def reply_to(directory: Path, message_id: str) -> None:
    """Let the answer of the recipient arrive."""
    now = datetime.now(UTC)
    text = "Sounds good, can we have a call next week?"
    event = Inbound("a-reply", "test", "reply", now, about_ids=(message_id,), subject="Re: hello", text=text)
    async with open_database(Settings(state_dir=directory)) as database, database.writing() as connection:
        assert await record(connection, event, now=now) == "recorded"


def test_a_lead_goes_from_the_source_to_an_approved_mail_a_reply_and_its_outcome(flowing: Fleet) -> None:
    mailbox = {"mailbox_id": "sales", "address": "ann@sales.example", "postal_address": "1 Main Street"}
    posted(flowing, "/campaigns/mailboxes", mailbox)
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
    [question] = eventually(
        "the mail waits for a word", lambda: flowing.get("/campaigns/approvals").json(), bool, within_s=60
    )
    assert flowing.get("/campaigns/spring/touches?state=sent").json() == []
    command(flowing, "campaigns", "approve", question["approval_id"], "--by", "Ann")
    [sent] = eventually(
        "the mail is sent", lambda: flowing.get("/campaigns/spring/touches?state=sent").json(), bool, within_s=60
    )
    asyncio.run(reply_to(flowing.directory, sent["message_id"]))
    assert lead_that(flowing, "is interested", outcome="interested")["contact_id"] == sent["contact_id"]

    told = json.loads(command(flowing, "flows", "report", "open_source", "--json").stdout)
    assert {"score_band"} <= {arm["kind"] for arm in told["arms"]}
    for arm in told["arms"]:
        assert [arm[name] for name in ("found", "kept", "contacted", "answered", "interested")] == [1] * 5
    assert "1 leads found, 1 kept, 1 written to; 1 answered and 1 were interested." in told["sentences"]
    assert command(flowing, "flows", "leads", ROUND).stdout.count("interested") == 1


def test_every_run_of_the_round_is_in_the_trace_of_the_person_who_began_it(flowing: Fleet) -> None:
    ran: dict[str, set[str]] = {}
    for key in flowing.redis.scan_iter("agentic:run:*", count=1000):
        found = flowing.run(str(key).rpartition(":")[2])
        if found.get("trace_id") == TRACE_ID:
            ran.setdefault(found["assistant_id"], set()).add(found["queue"])
    assert ran == {
        "lead_flow": {"core"},
        "gh_ai_repos": {"discovery"},
        "gh_lead_research": {"discovery"},
        "contact_enrich": {"discovery"},
    }
