"""Many runs at once, over HTTP and by the official SDK: start several, cancel several, list them."""

from collections.abc import Iterator
from typing import Any

import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient
from langgraph_sdk.errors import NotFoundError

from agentic_sales.outbound.http import httpx
from tests.support.fleet import ONLY_CORE, TOKEN, WEB, Fleet, fleet_of
from tests.support.services import redis_server
from tests.support.waiting import eventually

CHILDREN = 2
CAP = 4


@pytest.fixture(scope="module")
def small_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A facade and one core worker on whose queue few runs may wait."""
    directory = tmp_path_factory.mktemp("many")
    environment = {**ONLY_CORE, "AGENTIC_SALES_QUEUE_CAP": str(CAP)}
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=(WEB, "worker-core")) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


@pytest.fixture(scope="module")
def client(small_fleet: Fleet) -> Iterator[SyncLangGraphClient]:
    """The official client of this fleet."""
    with get_sync_client(url=small_fleet.url, headers={"authorization": f"Bearer {TOKEN}"}) as connected:
        yield connected


@pytest.fixture
def busy(small_fleet: Fleet) -> Iterator[None]:
    """Every child has a long run; they are cancelled afterwards."""
    calls = [small_fleet.begun("sleepy", {"wait_s": 60.0}) for _ in range(CHILDREN)]
    yield
    small_fleet.http.post("/runs/cancel", json={"status": "all"})
    assert [call.response().status_code for call in calls] == [409] * CHILDREN


def echo(x: object, **options: Any) -> dict[str, Any]:
    """Return the request of a run."""
    return {"assistant_id": "echo", "input": {"x": x}, **options}


def batch(fleet: Fleet, *bodies: dict[str, Any], key: str | None = None) -> httpx.Response:
    """Start runs."""
    return fleet.http.post("/runs/batch", json=bodies, headers={"idempotency-key": key} if key else {})


def listed(fleet: Fleet, **filters: Any) -> list[str]:
    """Return the ids of a list."""
    return [run["run_id"] for run in fleet.http.get("/runs", params=filters).json()]


def test_several_runs_are_started_in_one_call_and_answered_in_its_order(
    small_fleet: Fleet, client: SyncLangGraphClient
) -> None:
    payloads: list[Any] = [echo(x) for x in range(3)]
    runs = client.runs.create_batch(payloads)
    answers = [client.runs.join(run["thread_id"], run["run_id"]) for run in runs]
    assert answers == [{"x": x, "y": x} for x in range(3)]
    assert listed(small_fleet, limit=3) == [run["run_id"] for run in reversed(runs)]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"assistant_id": "nobody"}, 404),
        (echo("one"), 422),
        (echo(1, priority="urgent"), 422),
        (echo(1, webhook="x"), 422),
    ],
    ids=["unknown assistant", "input", "field", "webhook"],
)
def test_a_batch_with_a_wrong_run_starts_nothing(small_fleet: Fleet, wrong: dict[str, Any], status: int) -> None:
    before = listed(small_fleet, limit=1)
    assert batch(small_fleet, echo(1), wrong).status_code == status
    assert listed(small_fleet, limit=1) == before


@pytest.mark.parametrize("body", [[], {}, "x", [1]], ids=str)
def test_what_is_no_list_of_runs_is_refused(small_fleet: Fleet, body: Any) -> None:
    answer = small_fleet.http.post("/runs/batch", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.usefixtures("busy")
def test_runs_that_find_no_place_are_refused_one_by_one(small_fleet: Fleet) -> None:
    told = batch(small_fleet, *(echo(x) for x in range(CAP + 2))).json()
    assert [one.get("status") for one in told[:CAP]] == ["pending"] * CAP
    assert [one.get("code") for one in told[CAP:]] == ["queue_full"] * 2
    assert batch(small_fleet, echo(1)).status_code == 429


def test_a_key_joins_the_whole_batch(small_fleet: Fleet) -> None:
    first, second = (batch(small_fleet, echo(1), echo(1), key="a-batch").json() for _ in range(2))
    assert [run["run_id"] for run in first] == [run["run_id"] for run in second]
    assert first[0]["run_id"] != first[1]["run_id"]


@pytest.mark.usefixtures("busy")
def test_runs_are_cancelled_by_their_ids_and_by_their_status(small_fleet: Fleet, client: SyncLangGraphClient) -> None:
    named, other, last = (client.runs.create(None, "echo", input={"x": 1})["run_id"] for _ in range(3))
    client.runs.cancel_many(run_ids=[named])
    assert [small_fleet.run(i)["status"] for i in (named, other, last)] == ["interrupted", "pending", "pending"]
    client.runs.cancel_many(status="pending")
    assert {small_fleet.run(run_id)["status"] for run_id in (other, last)} == {"interrupted"}
    assert len(listed(small_fleet, status="running")) == CHILDREN
    client.runs.cancel_many(status="running")
    eventually("nothing runs", lambda: listed(small_fleet, status="running"), lambda found: not found)


def test_cancelling_what_is_not_there_is_404(small_fleet: Fleet, client: SyncLangGraphClient) -> None:
    ended = small_fleet.call("echo", {"x": 1}).headers["x-run-id"]
    with pytest.raises(NotFoundError):
        client.runs.cancel_many(run_ids=[ended])
    with pytest.raises(NotFoundError):
        client.runs.cancel_many(status="pending")
    answer = small_fleet.http.post("/runs/cancel", json={})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_list_is_filtered_and_paged(small_fleet: Fleet) -> None:
    failed = small_fleet.call("boom").json()["run_id"]
    echoed = [small_fleet.call("echo", {"x": x}).headers["x-run-id"] for x in range(3)]
    assert listed(small_fleet, assistant_id="boom", limit=1) == [failed]
    assert listed(small_fleet, status="error", limit=1) == [failed]
    first = small_fleet.http.get("/runs", params={"assistant_id": "echo", "status": "success", "limit": 2})
    assert first.headers["x-pagination-next"] == "2"
    second = listed(small_fleet, assistant_id="echo", status="success", limit=1, offset=2)
    assert [run["run_id"] for run in first.json()] + second == echoed[::-1]
    assert small_fleet.http.get("/runs", params={"assistant_id": "nobody"}).status_code == 404
