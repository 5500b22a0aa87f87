"""What a real fleet writes: one JSON object a line, joined by ids, and never a word of what a run was given."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.fleet import ONLY_CORE, WEB, Fleet, fleet_of
from tests.support.model_server import answer, completion, failure, model_server
from tests.support.services import redis_server
from tests.support.waiting import eventually

PLANTED = "zanzibar"
"""Stands in everything that the runs of this module are given, answer and fail with."""
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
REPLIES = (
    answer({"subject": PLANTED, "body": PLANTED}),
    answer(f"no JSON, {PLANTED}"),
    completion(message={"role": "assistant", "content": f'{{"{PLANTED}": 1}}'}),
    failure(400, message=f"your prompt about {PLANTED} is refused"),
    failure(401, message="a wrong key"),
)


@pytest.fixture(scope="module", params=["json", "text"])
def talking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet that writes all that it can, after runs of every kind were given the planted word."""
    directory = tmp_path_factory.mktemp(f"talking-{request.param}")
    asked = iter(range(10_000))
    with model_server(lambda _: REPLIES[next(asked) % len(REPLIES)]) as model, redis_server(directory) as redis:
        environment = {
            **ONLY_CORE,
            **model.env,
            "AGENTIC_SALES_LOG_LEVEL": "debug",
            "AGENTIC_SALES_LOG_FORMAT": request.param,
        }
        with fleet_of(directory, redis, environment, names=(WEB, "worker-core")) as fleet:
            fleet.wait_until_ready()
            keep_busy(fleet)
            yield fleet
            fleet.stop()


def keep_busy(fleet: Fleet) -> None:
    """Run workflows in every way that a run can end, with the planted word in all that they are given."""
    compose = {"recipient_name": PLANTED, "company_name": f"{PLANTED} Ltd", "instructions": f"mention {PLANTED}"}
    metadata = {"note": PLANTED}
    for _ in range(2 * len(REPLIES)):
        fleet.call("email_compose", compose, metadata=metadata, config={"tags": [PLANTED]})
    fleet.call("boom", {"message": f"the graph fails of {PLANTED}"}, metadata=metadata)
    fleet.call("echo", {"x": 1, "text": PLANTED})
    fleet.call("ask_core", {"assistant_id": "boom", "values": {"message": PLANTED}})
    fleet.call("deep_scrape", {"url": f"http://127.0.0.1:1/{PLANTED}?q={PLANTED}"})
    fleet.call("company_enrichment", {"url": f"http://{PLANTED}.invalid/{PLANTED}"})
    fleet.call("email_compose", {PLANTED: PLANTED})
    fleet.http.post("/runs/wait", content=f'{{"assistant_id": "{PLANTED}", "input": {{}}}}')
    fleet.http.post("/runs/wait", content=f'{{"assistant_id": 7, "input": "{PLANTED}"')
    fleet.http.post("/runs/stream", json={"assistant_id": "boom", "input": {"message": PLANTED}})
    traceparent = {"traceparent": f"00-{TRACE_ID}-{'1' * 16}-01", "x-request-id": "the-request"}
    fleet.http.post("/runs/wait", json={"assistant_id": "boom", "input": {"message": PLANTED}}, headers=traceparent)


def events(fleet: Fleet) -> list[dict[str, Any]]:
    """Return what the worker wrote after Celery's banner; fail when a line is no JSON."""
    lines = fleet.log("worker-core").splitlines()
    connected = next(n for n, line in enumerate(lines) if "Connected to" in line)
    return [json.loads(line) for line in lines[connected:]]


def is_json(fleet: Fleet) -> bool:
    """Tell whether the fleet writes for machines."""
    return fleet.environment["AGENTIC_SALES_LOG_FORMAT"] == "json"


def test_no_line_has_a_word_of_what_a_run_was_given(talking: Fleet) -> None:
    for name in (WEB, "worker-core"):
        lines = [line for line in talking.log(name).splitlines() if PLANTED in line.lower()]
        assert lines == [], name
    assert "run_failed" in talking.log("worker-core")
    assert "ExplosionError" in talking.log("worker-core")
    assert "explode" in talking.log("worker-core"), "the frames of a bug are told"


def test_what_is_logged_during_a_run_carries_its_ids(talking: Fleet) -> None:
    if not is_json(talking):
        assert TRACE_ID in talking.log("worker-core")
        return
    [failed] = [e for e in events(talking) if e["event"] == "run_failed" and e["trace_id"] == TRACE_ID]
    run = talking.record(TRACE_ID)
    assert (failed["run_id"], failed["assistant_id"]) == (run["run_id"], "boom")
    fell_back = [e for e in events(talking) if e["event"] == "model_fell_back"]
    assert fell_back
    assert all(talking.run(e["run_id"])["trace_id"] == e["trace_id"] for e in fell_back)


def test_a_request_that_cannot_be_served_is_logged_with_its_id(talking: Fleet) -> None:
    talking.kill("worker-core")
    body = {"assistant_id": "echo", "input": {"x": 1}}
    answered = eventually(
        "the pool is known to be dead",
        lambda: talking.http.post("/runs", json=body, headers={"x-request-id": "the-refused"}).status_code,
        lambda status: status == 503,
        within_s=20,
    )
    assert answered == 503
    line = next(line for line in talking.log(WEB).splitlines() if "request_not_served" in line)
    assert {"pool_unavailable", "the-refused"} <= set(re.findall(r"[\w-]+", line))
    talking.revive("worker-core")


def test_nobody_is_told_of_the_addresses_that_are_asked(talking: Fleet) -> None:
    assert "HTTP Request" not in talking.log("worker-core")
