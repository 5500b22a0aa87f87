"""A provider's pause is everybody's: nobody calls before it is over, and no child waits for it."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.fleet import ONLY_CORE, WEB, Fleet, fleet_of
from tests.support.model_server import ModelRequest, ModelServer, Reply, answer, failure, model_server
from tests.support.services import redis_server
from tests.support.waiting import eventually

PAUSE_S = 6.0
BATCH_RUNS = 4
GOOD = answer({"reply_class": "interested", "confidence": 0.9, "until": None, "reasons": ["asks for prices"]})
VALUES = {"subject": "Re: Regression testing", "body": "Thanks, sounds useful. Could you send me the pricing?"}


class Limiting:
    """A provider that asks for one pause, and then answers."""

    def __init__(self) -> None:
        self.limited_at_s = 0.0

    def __call__(self, request: ModelRequest) -> Reply:
        if self.limited_at_s:
            return GOOD
        self.limited_at_s = request.received_at_s
        return failure(429, retry_after=f"{PAUSE_S:g}")


@pytest.fixture
def provider() -> Iterator[ModelServer]:
    """A model server that limits the first who asks."""
    with model_server(Limiting()) as server:
        yield server


@pytest.fixture
def small_fleet(tmp_path_factory: pytest.TempPathFactory, provider: ModelServer) -> Iterator[Fleet]:
    """A facade and one core worker that ask this provider."""
    directory = tmp_path_factory.mktemp("pauses")
    environment = {**ONLY_CORE, **provider.env}
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=(WEB, "worker-core")) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


def start(fleet: Fleet, **options: Any) -> str:
    """Start a run that asks the model once; return its id."""
    body = {"assistant_id": "classify_reply", "input": VALUES, **options}
    run_id: str = fleet.http.post("/runs", json=body).json()["run_id"]
    return run_id


def test_a_pause_is_kept_by_all_waited_for_by_no_child_and_waited_out_by_batch_runs(
    small_fleet: Fleet, provider: ModelServer
) -> None:
    batch = [start(small_fleet, priority="batch") for _ in range(BATCH_RUNS)]
    eventually(
        "every batch run was put back",
        lambda: small_fleet.log("worker-core").count("run_put_back"),
        lambda count: count >= BATCH_RUNS,
    )
    [limited] = provider.requests
    began_at_s = time.monotonic()
    interactive = small_fleet.call("classify_reply", VALUES).json()
    assert small_fleet.call("echo", {"x": 1}).status_code == 200
    assert interactive["source"] == "rules", "an interactive run takes the rules at once"
    assert time.monotonic() - began_at_s < PAUSE_S / 2
    assert {small_fleet.run(run_id)["status"] for run_id in batch} == {"pending"}
    answers = [small_fleet.get(f"/runs/{run_id}/join").json() for run_id in batch]
    assert [told["source"] for told in answers] == ["llm"] * BATCH_RUNS
    assert len(provider.requests) == 1 + BATCH_RUNS
    assert all(request.received_at_s - limited.received_at_s >= PAUSE_S - 0.1 for request in provider.requests[1:])
    assert {small_fleet.run(run_id)["losses"] for run_id in batch} == {"0"}
