"""What becomes of a campaign's messages reaches LangSmith, on the very runs that wrote them, whatever dies."""

import json
import os
import re
import signal
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from standardwebhooks import Webhook

from tests.support.fleet import WEB, Fleet, fleet_of
from tests.support.langsmith_server import LangSmith, langsmith_server
from tests.support.services import redis_server
from tests.support.small_campaign import parsed
from tests.support.waiting import eventually
from tests.support.web_server import Answer, WebServer, web_server

SECRET = f"whsec_{b64encode(b'learn' * 5).decode()}"
ALWAYS = {"starts": "00:00:00", "ends": "23:59:59", "days": [1, 2, 3, 4, 5, 6, 7]}
VARIANTS = [{"name": "short", "input": {"tone": "short"}}, {"name": "warm", "input": {"tone": "warm"}}]
PLAN = {
    "mailboxes": ["sales"],
    "steps": [{"variants": VARIANTS}, {"delay_days": 30}],
    "window": ALWAYS,
    "answers": False,
}
EXPECTED = {
    "noted": {"approval": (1.0, "approved: good, ask [email] too")},
    "edited": {"approval": (0.5, "edited: too long; now it is fine")},
    "rejected": {"approval": (0.0, "rejected")},
    "interested": {"approval": (1.0, "approved"), "answer": (1.0, "interested")},
    "leaving": {"approval": (1.0, "approved"), "answer": (0.0, "unsubscribed")},
    "bounced": {"approval": (1.0, "approved"), "delivery": (0.0, "bounced")},
}
"""Whom each message goes to, and what LangSmith has of it in the end: key to score and comment."""
NAMES = (*EXPECTED, "forgotten")
KILLS = 4


@dataclass
class Team:
    """A fleet, and what is around it."""

    fleet: Fleet
    """The fleet."""
    langsmith: LangSmith
    """Where it traces to."""
    resend: WebServer
    """Where mails lie that Resend has received."""

    def post(self, path: str, body: Any = None) -> Any:
        """Ask the facade; it must agree."""
        answer = self.fleet.http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def touches(self) -> dict[str, dict[str, Any]]:
        """Return the messages, by the name of their recipient."""
        found = self.fleet.get("/campaigns/learning/touches").json()
        return {touch["to_email"].partition("@")[0]: touch for touch in found}

    def questions(self) -> dict[str, dict[str, Any]]:
        """Return the questions that nobody has answered, by the name of the recipient."""
        found = self.fleet.get("/campaigns/approvals").json()
        return {question["message"]["to_email"].partition("@")[0]: question for question in found}

    def answer(self, question: dict[str, Any], decision: str, **more: str) -> dict[str, Any]:
        """Answer a question about a message."""
        body = {"decision": decision, "digest": question["digest"], "by": "Ann", **more}
        answered: dict[str, Any] = self.post(f"/campaigns/approvals/{question['approval_id']}", body)
        return answered

    def tell(self, event_id: str, kind: str, *, status: str, **data: Any) -> None:
        """Send an event as Resend does, and see what is done with it."""
        body, sent_at = json.dumps({"type": kind, "data": data}), datetime.now(UTC)
        headers = {
            "svix-id": event_id,
            "svix-timestamp": str(int(sent_at.timestamp())),
            "svix-signature": Webhook(SECRET).sign(event_id, sent_at, body),
        }
        answer = self.fleet.http.post("/webhooks/resend", content=body, headers=headers)
        assert answer.json() == {"status": status}, answer.text

    def heard(self) -> dict[str, dict[str, tuple[float, str]]]:
        """Return what LangSmith has of each message: it is found by the run that wrote the message."""
        by_run = {touch["langsmith_run_id"]: name for name, touch in self.touches().items()}
        found: dict[str, dict[str, tuple[float, str]]] = {}
        for feedback in list(self.langsmith.feedback):
            of_message = found.setdefault(by_run[feedback["run_id"]], {})
            assert feedback["key"] not in of_message, "two scores under one key"
            of_message[feedback["key"]] = (feedback["score"], feedback["comment"])
        return found


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A fleet with beat that traces to LangSmith and has Resend's events."""
    directory = tmp_path_factory.mktemp("learning")
    names = (WEB, "worker-core", "worker-email", "worker-classify", "beat")
    with langsmith_server() as langsmith, web_server({}) as resend, redis_server(directory) as redis:
        environment = {
            **langsmith.environment,
            "AGENTIC_SALES_TRACE_PAYLOADS": "email_outreach",
            "AGENTIC_SALES_CAMPAIGN_TICK_S": "0.5",
            "AGENTIC_SALES_RESEND_URL": resend.url,
            "RESEND_API_KEY": "re_of_the_tests",
            "RESEND_WEBHOOK_SECRET": SECRET,
            "DISCOVERY_WORKER_QUEUE": "",
        }
        with fleet_of(directory, redis, environment, names=names) as fleet:
            fleet.wait_until_ready()
            team = Team(fleet, langsmith, resend)
            begin(team)
            yield team
            fleet.stop()


def test_every_outcome_is_told_once_of_the_run_that_wrote_whatever_dies_meanwhile(team: Team) -> None:
    fleet, langsmith = team.fleet, team.langsmith
    questions = eventually(
        "all messages wait for a word", team.questions, lambda found: set(found) == set(NAMES), within_s=60
    )
    written = team.touches()
    assert {touch["variant"] for touch in written.values()} <= {"short", "warm"}
    for touch in written.values():
        run = langsmith.wait_for(touch["langsmith_run_id"])
        assert (run["name"], run["outputs"]["subject"]) == ("email_outreach", touch["subject"])

    # Nobody ticks while people answer, and LangSmith is away: nothing of it may be lost.
    fleet.kill("beat")
    fleet.kill("worker-core")
    langsmith.is_away = True
    answer_all(team, questions)
    assert langsmith.feedback == []
    fleet.revive("beat", "worker-core")
    eventually("feedback waits for LangSmith", lambda: fleet.redis.zcard("agentic:feedback"), within_s=30)
    tried = len(langsmith.bodies)
    eventually("LangSmith was tried", lambda: len(langsmith.bodies) - tried, lambda count: count > 2, within_s=30)

    # It is back, and takes what it is told, but its answers are lost: everything is told again.
    langsmith.is_lossy, langsmith.is_away = True, False
    eventually("it was told something", lambda: langsmith.feedback, within_s=60)
    langsmith.is_lossy = False
    sent = eventually(
        "five messages are sent",
        team.touches,
        lambda found: sum(touch["state"] == "sent" for touch in found.values()) == len(EXPECTED) - 1,
        within_s=90,
    )
    react(team, sent)
    for _ in range(KILLS):
        kill_a_child(fleet)
    heard = eventually("LangSmith has everything", team.heard, lambda found: found == EXPECTED, within_s=120)
    assert heard == EXPECTED
    eventually("nothing waits", lambda: fleet.redis.exists("agentic:feedback", "agentic:feedback:entries") == 0)
    ids = [feedback["id"] for feedback in langsmith.feedback]
    assert len(ids) == len(set(ids))


def test_what_waits_for_langsmith_is_forgotten_with_the_person(team: Team) -> None:
    waiting = eventually("it waits for a word", team.questions, lambda found: "forgotten" in found, within_s=60)
    team.langsmith.is_away = True
    team.answer(waiting["forgotten"], "approve", note="Wilhelmina likes it")
    entries = "agentic:feedback:entries"
    kept = eventually("the note waits for LangSmith", lambda: team.fleet.redis.hvals(entries), within_s=30)
    assert "Wilhelmina" in str(kept)
    team.post("/campaigns/forget", {"email": "forgotten@people.example"})
    assert team.fleet.redis.exists("agentic:feedback", entries) == 0


def begin(team: Team) -> None:
    """Start a campaign to everybody."""
    mailbox = {"mailbox_id": "sales", "address": "ann@acme.example", "postal_address": "1 Main Street"}
    team.post("/campaigns/mailboxes", mailbox)
    team.post("/campaigns", {"campaign_id": "learning", "plan": PLAN})
    people = "email,first name\n" + "".join(f"{name}@people.example,{name.title()}\n" for name in NAMES)
    where = "/campaigns/learning/import?basis=consent&source=a+fair"
    assert team.fleet.http.post(where, content=people).json()["enrolled"] == len(NAMES)
    team.post("/campaigns/learning/start")


def answer_all(team: Team, questions: dict[str, dict[str, Any]]) -> None:
    """Say what people say of the messages: all are approved but one."""
    changed = team.answer(questions["edited"], "edit", subject="Shorter", text="Hello!", note="too long")
    team.answer(changed, "approve", note="now it is fine")
    team.answer(questions["noted"], "approve", note="good, ask noted@people.example too")
    team.answer(questions["rejected"], "reject")
    for name in ("interested", "leaving", "bounced"):
        team.answer(questions[name], "approve")


def react(team: Team, sent: dict[str, dict[str, Any]]) -> None:
    """Let one recipient answer, one leave by the link in the mail, and one not exist."""
    mail = {"headers": {"In-Reply-To": sent["interested"]["message_id"]}, "text": "Sounds good, can we have a call?"}
    team.resend.answers["/emails/receiving/in-1"] = Answer(json.dumps(mail).encode())
    team.tell("msg_1", "email.received", status="queued", email_id="in-1", **{"from": "interested@people.example"})
    folder = team.fleet.directory / "mail" / "new"
    raw = (folder / f"{sent['leaving']['touch_id']}.agentic-sales").read_bytes()
    link = re.sub(r"[<>\s]", "", parsed(raw)["List-Unsubscribe"])
    assert team.fleet.http.post(urlsplit(link).path).is_success
    bounced = {"tags": {"touch": sent["bounced"]["touch_id"]}, "bounce": {"type": "Permanent"}}
    team.tell("msg_2", "email.bounced", status="recorded", email_id="re_1", to=["bounced@people.example"], **bounced)


def kill_a_child(fleet: Fleet) -> None:
    """Kill one child of core, which ticks, and wait until another one has taken its place."""
    children = fleet.children("worker-core")
    os.kill(children[0], signal.SIGKILL)
    eventually(
        "the child has been replaced",
        lambda: fleet.children("worker-core"),
        lambda found: len(found) == len(children) and children[0] not in found,
        within_s=30,
    )
