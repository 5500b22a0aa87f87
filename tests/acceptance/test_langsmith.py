"""One action is one run tree in LangSmith, over all pools; what people say of a run gets there too."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from agentic_sales.client import Client, LangGraphError
from agentic_sales.outbound.http import httpx
from tests.support.fleet import MISBEHAVING, WEB, WORKERS, Fleet, fleet_of
from tests.support.langsmith_server import KEY, TENANT, LangSmith, langsmith_server
from tests.support.services import redis_server
from tests.support.waiting import eventually

EMAIL, PHONE, SECRET = "jane.doe@acme.example", "+49 30 1234567", "sk-live-0123456789abcdef"
PLANTED = f"write to {EMAIL}, call {PHONE}, use {SECRET}"
SETTINGS = {
    "LANGSMITH_PROJECT": "sales",
    "EMAIL_LANGSMITH_PROJECT": "sales-mails",
    "CLASSIFY_LANGSMITH_PROJECT": "sales-verdicts",
    "AGENTIC_SALES_TRACE_SAMPLE": "sleepy=0,boom=0",
    "AGENTIC_SALES_TRACE_PAYLOADS": "echo",
}


@pytest.fixture(scope="module")
def langsmith() -> Iterator[LangSmith]:
    """The server that the fleet traces to."""
    with langsmith_server() as server:
        yield server


@pytest.fixture(scope="module")
def traced_fleet(tmp_path_factory: pytest.TempPathFactory, langsmith: LangSmith) -> Iterator[Fleet]:
    """A fleet that traces to LangSmith."""
    directory = tmp_path_factory.mktemp("langsmith")
    environment = {**MISBEHAVING, **langsmith.environment, **SETTINGS}
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=(WEB, *WORKERS)) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


@pytest.fixture
def client(traced_fleet: Fleet) -> Iterator[Client]:
    with Client(traced_fleet.url, traced_fleet.token) as client:
        yield client


def test_a_run_tree_goes_on_below_the_callers_and_each_pool_writes_to_its_own_project(
    traced_fleet: Fleet, langsmith: LangSmith
) -> None:
    started, caller = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ"), str(uuid4())
    baggage = "tenant=acme,langsmith-tags=from-the-caller,langsmith-project=elsewhere,langsmith-replicas=%5B%5D"
    headers = {"langsmith-trace": f"{started}{caller}", "baggage": baggage}
    body = {"assistant_id": "ask_core", "input": {"assistant_id": "echo", "values": {"x": 2}}}
    answer = traced_fleet.http.post("/runs/wait", json=body, headers=headers)
    asking = langsmith.wait_for(answer.headers["x-langsmith-run-id"])
    node = eventually("LangSmith has the node", lambda: langsmith.below(asking["id"]).get("ask", {}))
    asked = eventually("LangSmith has the sub-run", lambda: langsmith.below(node["id"]).get("echo", {}))
    eventually("LangSmith has its node", lambda: langsmith.below(asked["id"]).get("echo"))
    assert (asking["parent_run_id"], asking["trace_id"]) == (caller, caller)
    assert {run["trace_id"] for run in (asking, node, asked)} == {caller}
    assert [run["session_name"] for run in (asking, node, asked)] == ["sales-verdicts", "sales-verdicts", "sales-mails"]
    assert "from-the-caller" in asking["tags"]
    kept = json.loads(traced_fleet.run(answer.headers["x-run-id"])["trace"])
    assert kept["baggage"] == baggage


def test_an_answer_says_where_its_run_is_found(traced_fleet: Fleet, langsmith: LangSmith) -> None:
    project_id = eventually("the facade knows the project", lambda: langsmith.projects.get("sales-mails"))
    headers = eventually(
        "an answer has the link",
        lambda: traced_fleet.call("echo", {"x": 1}).headers,
        lambda headers: "x-langsmith-run-url" in headers,
    )
    run_id = headers["x-langsmith-run-id"]
    assert run_id == headers["x-run-id"]
    assert headers["x-langsmith-run-url"].endswith(f"/o/{TENANT}/projects/p/{project_id}/r/{run_id}?poll=true")
    assert traced_fleet.get(f"/runs/{run_id}").json()["langsmith_run_id"] == run_id


def test_of_an_assistant_that_is_not_sampled_only_failures_are_kept(traced_fleet: Fleet, langsmith: LangSmith) -> None:
    quiet, failed = traced_fleet.call("sleepy", {"wait_s": 0.0}), traced_fleet.call("boom", {"message": PLANTED})
    kept = langsmith.wait_for(failed.headers["x-langsmith-run-id"])
    assert eventually("its node is kept", lambda: langsmith.below(kept["id"]).get("explode"))
    assert "ExplosionError" in kept["error"]
    assert "x-langsmith-run-id" not in quiet.headers
    assert quiet.headers["x-run-id"] not in langsmith.runs


def test_what_people_wrote_is_hidden_and_never_leaves_unredacted(traced_fleet: Fleet, langsmith: LangSmith) -> None:
    shown = traced_fleet.call("echo", {"x": 1, "text": PLANTED}, metadata={"of": EMAIL}, config={"tags": [EMAIL]})
    hidden = traced_fleet.call("boom", {"message": PLANTED}, metadata={"of": EMAIL})
    run = langsmith.wait_for(shown.headers["x-langsmith-run-id"])
    assert run["inputs"] == {"x": 1, "text": "write to [email], call [phone], use [key]"}
    assert run["extra"]["metadata"]["of"] == "[email]"
    assert langsmith.wait_for(hidden.headers["x-langsmith-run-id"])["inputs"] == {}
    sent = b"".join(langsmith.bodies)
    assert [planted for planted in (EMAIL, PHONE, SECRET, KEY) if planted.encode() in sent] == []


def test_feedback_reaches_langsmith_once_also_when_it_was_away(
    traced_fleet: Fleet, langsmith: LangSmith, client: Client
) -> None:
    run_id = client.run("echo", {"x": 1}).run_id or ""
    langsmith.is_away = True
    try:
        first = client.submit_feedback(run_id, "user_score", 0.5, f"sent it to {EMAIL}")
        eventually("LangSmith was tried", lambda: any(first.encode() in body for body in langsmith.bodies))
    finally:
        langsmith.is_away = False
    second = client.submit_feedback(run_id, "is_useful", True)
    wanted = {first, second}
    eventually("LangSmith has both", lambda: {f["id"] for f in langsmith.feedback}, lambda ids: ids >= wanted)
    by_id = {f["id"]: f for f in langsmith.feedback}
    assert (by_id[first]["run_id"], by_id[first]["key"], by_id[first]["score"]) == (run_id, "user_score", 0.5)
    assert by_id[first]["comment"] == "sent it to [email]"
    assert by_id[second]["score"] == 1.0
    eventually("nothing waits", lambda: traced_fleet.redis.zcard("agentic:feedback"), lambda left: left == 0)
    assert len([f for f in langsmith.feedback if f["id"] in wanted]) == 2


@pytest.mark.parametrize(
    "body", [{"key": "", "score": 1}, {"key": "a b", "score": 1}, {"key": "a"}, {"key": "a", "score": "good"}, {}]
)
def test_feedback_that_is_none_is_refused(traced_fleet: Fleet, body: dict[str, object]) -> None:
    run_id = traced_fleet.call("echo", {"x": 1}).headers["x-run-id"]
    answer = traced_fleet.http.post(f"/runs/{run_id}/feedback", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_feedback_on_a_run_that_nobody_or_not_langsmith_knows_is_refused(traced_fleet: Fleet, client: Client) -> None:
    with pytest.raises(LangGraphError, match="unknown run") as unknown:
        client.submit_feedback("no-such-run", "user_score", 1)
    untraced = traced_fleet.call("sleepy", {"wait_s": 0.0}).headers["x-run-id"]
    with pytest.raises(LangGraphError, match="LangSmith does not have run") as not_traced:
        client.submit_feedback(untraced, "user_score", 1)
    assert (unknown.value.status, not_traced.value.status) == (404, 409)
    answer = httpx.post(f"{traced_fleet.url}/runs/{untraced}/feedback", json={}, trust_env=False)
    assert answer.status_code == 401
