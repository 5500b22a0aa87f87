"""Answers to one question over HTTP: of many at once one counts; who is late, or saw another message, is told so."""

import asyncio
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentic_sales.campaigns.sending.approval import ask_approval
from agentic_sales.outbound.http import httpx
from agentic_sales.settings import Settings
from agentic_sales.store.approvals import ApprovalRow
from tests.support.fleet import WEB, fleet_of
from tests.support.processes import run_command
from tests.support.services import redis_server
from tests.support.small_campaign import small_campaign

ANSWERS = 50
NEEDS_APPROVAL = {"needs_approval": True}


@dataclass(frozen=True)
class Desk:
    """A facade, and one question that it can be asked to answer."""

    http: httpx.Client
    """Speaks to the facade."""
    environment: Mapping[str, str]
    """What the command line needs to speak to it."""
    question: ApprovalRow
    """The question."""

    def answer(self, decision: str, by: str, **body: Any) -> httpx.Response:
        """Answer it."""
        told = {"decision": decision, "digest": self.question.digest, "by": by, **body}
        return self.http.post(f"/campaigns/approvals/{self.question.approval_id}", json=told)

    def standing(self) -> dict[str, Any]:
        """Return the question's message as the facade lists it."""
        [found] = self.http.get("/campaigns/spring/touches").json()
        return dict(found)

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `agentic-sales campaigns …`."""
        return run_command("agentic-sales", "campaigns", *arguments, environment=self.environment)


@pytest.fixture
def desk(migrated: Settings) -> Iterator[Desk]:
    """A facade on each kind of database, with one question that was asked now, for a day."""
    question = asyncio.run(_asked(migrated, timedelta(days=1)))
    environment = {"DATABASE_URL": migrated.database_url} if migrated.database_url else {}
    directory = migrated.state_dir
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=()) as fleet:
        url = fleet.start_facade(WEB, {})
        with fleet.client(url) as http:
            yield Desk(http, {**fleet.environment, "LANGGRAPH_URL": url}, question)


async def _asked(configuration: Settings, for_: timedelta) -> ApprovalRow:
    now = datetime.now(UTC)
    async with small_campaign(configuration, plan=NEEDS_APPROVAL) as campaign:
        row = await campaign.row(await campaign.message())
        async with campaign.database.writing() as connection:
            return await ask_approval(connection, row, expires_at=now + for_, now=now)


def test_of_fifty_answers_at_once_exactly_one_counts_and_every_other_is_a_conflict(desk: Desk) -> None:
    decisions = ["approve" if number % 2 else "reject" for number in range(ANSWERS)]
    with ThreadPoolExecutor(ANSWERS) as threads:
        answers = list(threads.map(desk.answer, decisions, [f"person {number}" for number in range(ANSWERS)]))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: ANSWERS - 1}
    [counted] = [answer.json() for answer in answers if answer.is_success]
    states = {answer.json()["detail"].split("`")[3] for answer in answers if not answer.is_success}
    assert states == {counted["state"]}, "the others are told what it is by now"
    expected = {"approved": "pending", "rejected": "suppressed"}
    assert desk.standing()["state"] == expected[counted["state"]]
    late = desk.command("approve", desk.question.approval_id, "--by", "Zoe")
    assert late.returncode != 0
    assert "was answered, or has expired" in late.stderr


def test_an_answer_to_a_message_that_was_edited_meanwhile_is_a_conflict(desk: Desk) -> None:
    edited = desk.answer("edit", "Ann", subject="Another subject", text="Another text")
    assert (edited.status_code, edited.json()["message"]["subject"]) == (200, "Another subject")
    late = desk.answer("approve", "Bob")
    assert (late.status_code, late.json()["code"]) == (409, "state_conflict")
    old = desk.http.post(
        f"/campaigns/approvals/{edited.json()['approval_id']}",
        json={"decision": "approve", "digest": desk.question.digest, "by": "Bob"},
    )
    assert old.status_code == 409
    assert "another message than the one that you saw" in old.json()["detail"]
    assert desk.standing()["state"] == "pending"
