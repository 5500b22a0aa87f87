"""Webhooks: every end is told once it happened, signed, whatever happens to receivers and workers in between."""

import base64
import hmac
import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from langgraph_sdk import get_sync_client
from standardwebhooks import Webhook

from tests.support.fleet import ONLY_CORE, TOKEN, WEB, Fleet, fleet_of
from tests.support.receiver import Receiver, receiver
from tests.support.services import redis_server
from tests.support.waiting import eventually

SECRET = f"whsec_{base64.b64encode(b'a secret of twenty-four').decode()}"
TOLD_WITHIN_S = 90.0
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def listener() -> Iterator[Receiver]:
    """The receiver of this module."""
    with receiver() as running:
        yield running


@pytest.fixture(scope="module")
def small_fleet(tmp_path_factory: pytest.TempPathFactory, listener: Receiver) -> Iterator[Fleet]:
    """A facade and one core worker that may tell the receiver although it is on loopback."""
    directory = tmp_path_factory.mktemp("webhooks")
    environment = {
        **ONLY_CORE,
        "AGENTIC_SALES_WEBHOOK_SECRET": SECRET,
        "AGENTIC_SALES_ALLOW_PRIVATE_HOSTS": listener.netloc,
    }
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=(WEB, "worker-core")) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


def start(fleet: Fleet, url: str, assistant_id: str = "echo", **values: Any) -> str:
    """Start a run with a webhook; return its id."""
    body = {"assistant_id": assistant_id, "input": values, "webhook": url, "metadata": {"lead": "7"}}
    headers = {"traceparent": f"00-{TRACE_ID}-{'1' * 16}-01", "tracestate": "who=us"}
    answer = fleet.http.post("/runs", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    run_id: str = answer.json()["run_id"]
    return run_id


def webhook_of(fleet: Fleet, run_id: str) -> dict[str, Any]:
    """Return what the run says of its webhook."""
    webhook: dict[str, Any] = fleet.get(f"/runs/{run_id}").json()["webhook"]
    return webhook


def wait_for_delivery(fleet: Fleet, run_id: str) -> dict[str, Any]:
    """Wait until the webhook of a run has been told."""
    return eventually(
        "the webhook is told",
        lambda: webhook_of(fleet, run_id),
        lambda webhook: webhook["status"] == "delivered",
        within_s=TOLD_WITHIN_S,
    )


def test_an_end_is_told_once_although_the_receiver_fails_twice_and_the_worker_dies_in_between(
    small_fleet: Fleet, listener: Receiver
) -> None:
    listener.statuses += [500, 503]
    run_id = start(small_fleet, listener.url, x=1)
    eventually("the first try has failed", lambda: webhook_of(small_fleet, run_id)["error"])
    small_fleet.kill("worker-core")
    small_fleet.restart("worker-core")
    assert wait_for_delivery(small_fleet, run_id)["attempts"] == 3
    [told] = listener.accepted(run_id)
    body = Webhook(SECRET).verify(told.body, dict(told.headers))
    assert (body["run_id"], body["status"], body["values"]) == (run_id, "success", {"x": 1, "y": 1})
    assert body["metadata"] == {"lead": "7"}
    assert all(body[moment] for moment in ("created_at", "run_started_at", "run_ended_at", "webhook_sent_at"))
    assert told.headers["traceparent"][3:35] == TRACE_ID
    assert told.headers["tracestate"] == "who=us"
    assert "error" not in body


def test_a_failure_and_a_cancellation_are_told_too(small_fleet: Fleet, listener: Receiver) -> None:
    failed = start(small_fleet, listener.url, "boom")
    cancelled = start(small_fleet, listener.url, "sleepy", wait_s=60.0)
    small_fleet.http.post(f"/runs/{cancelled}/cancel", params={"wait": True})
    for run_id, status in ((failed, "error"), (cancelled, "interrupted")):
        wait_for_delivery(small_fleet, run_id)
        [told] = listener.accepted(run_id)
        body = json.loads(told.body)
        assert (body["status"], body["values"]) == (status, None)
        assert set(body["error"]) == {"error", "message"}


def test_a_redirect_is_not_followed_and_a_receiver_that_is_gone_is_not_asked_again(
    small_fleet: Fleet, listener: Receiver
) -> None:
    listener.statuses += [302, 410]
    run_id = start(small_fleet, listener.url, x=2)
    webhook = eventually(
        "the webhook is dead",
        lambda: webhook_of(small_fleet, run_id),
        lambda told: told["status"] == "dead",
        within_s=30,
    )
    assert (webhook["attempts"], webhook["error"]) == (2, "the receiver answered 410")
    assert "webhook_dead" in small_fleet.log("worker-core")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/elsewhere",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://localhost/",
        "ftp://example.com/",
        "https://user:key@example.com/",
        "nonsense",
    ],
)
def test_a_webhook_that_leads_inside_or_nowhere_is_refused_before_the_run(small_fleet: Fleet, url: str) -> None:
    answer = small_fleet.http.post("/runs", json={"assistant_id": "echo", "input": {"x": 1}, "webhook": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "webhook" in answer.json()["detail"]


def test_the_sdk_gives_a_run_its_webhook(small_fleet: Fleet, listener: Receiver) -> None:
    with get_sync_client(url=small_fleet.url, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        run = client.runs.create(None, "echo", input={"x": 3}, webhook=listener.url)
    wait_for_delivery(small_fleet, run["run_id"])
    assert len(listener.accepted(run["run_id"])) == 1


def test_the_callback_of_an_existing_caller_gets_the_output_of_its_kind_and_its_secret_stays_nowhere(
    small_fleet: Fleet, listener: Receiver
) -> None:
    trio = {"webhook_url": listener.url, "webhook_secret": "hush-hush", "app_run_id": "app-7"}
    given = {"product": {"name": "Quillmark", "description": "Call notes. $29 per seat a month."}, **trio}
    answer = small_fleet.http.post("/runs", json={"assistant_id": "pricing", "input": given})
    assert answer.status_code == 200, answer.text
    run_id = answer.json()["run_id"]
    wait_for_delivery(small_fleet, run_id)
    [told] = listener.accepted(run_id)
    body = json.loads(told.body)
    assert (body["appRunId"], body["status"], list(body["output"])) == ("app-7", "success", ["pricing"])
    assert told.headers["x-signature"] == hmac.new(SECRET.encode(), told.body, sha256).hexdigest()
    Webhook(SECRET).verify(told.body, dict(told.headers))
    assert "hush-hush" not in small_fleet.http.get(f"/runs/{run_id}").text + told.body.decode()
