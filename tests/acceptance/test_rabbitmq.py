"""The same fleet with RabbitMQ as its broker: quorum queues, and Redis only for the ledger."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.support.fleet import ONLY_CORE, WEB, Fleet, fleet_of
from tests.support.services import RabbitMQ, redis_server
from tests.support.waiting import eventually

SLOW_S = 1.0


@pytest.fixture(scope="module")
def on_rabbitmq(tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ) -> Iterator[Fleet]:
    """A fleet with the core pool alone, on a virtual host of its own."""
    directory = tmp_path_factory.mktemp("rabbitmq")
    environment = {**ONLY_CORE, "CELERY_BROKER_URL": rabbitmq.url}
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=(WEB, "worker-core")) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


def test_a_run_goes_through_a_quorum_queue(on_rabbitmq: Fleet, rabbitmq: RabbitMQ) -> None:
    response = on_rabbitmq.call("echo", {"x": 4})
    assert (response.status_code, response.json()) == (200, {"x": 4, "y": 4})
    assert rabbitmq.queue_types()["core"] == "quorum"
    assert not on_rabbitmq.redis.keys("agentic:queue:*"), "Redis holds no queue"


def test_a_batch_run_and_a_delayed_one_go_through_too(on_rabbitmq: Fleet) -> None:
    assert on_rabbitmq.call("echo", {"x": 5}, priority="batch").json() == {"x": 5, "y": 5}
    assert on_rabbitmq.call("echo", {"x": 6}, after_seconds=0.5).json() == {"x": 6, "y": 6}


def test_a_failed_run_and_a_run_over_its_limit_are_told(on_rabbitmq: Fleet) -> None:
    assert on_rabbitmq.call("boom").status_code == 500
    assert on_rabbitmq.call("stuck", {"block_s": 30}).json()["code"] == "timeout"


def test_a_run_whose_child_is_killed_starts_again(on_rabbitmq: Fleet) -> None:
    call = on_rabbitmq.begun("sleepy", {"wait_s": SLOW_S})
    first = on_rabbitmq.record(call.trace_id)
    os.kill(int(first["worker"].rpartition("/")[2]), signal.SIGKILL)
    assert call.response().json()["waited_s"] == SLOW_S
    second = on_rabbitmq.record(call.trace_id)
    assert (second["attempt"], second["status"]) == ("2", "success")


def test_a_run_whose_worker_is_killed_is_taken_by_the_next_one_at_once(on_rabbitmq: Fleet) -> None:
    call = on_rabbitmq.begun("sleepy", {"wait_s": SLOW_S})
    on_rabbitmq.kill("worker-core")
    on_rabbitmq.restart("worker-core")
    record = eventually(
        "the run ends", lambda: on_rabbitmq.record(call.trace_id), lambda record: "ended_at" in record, within_s=60
    )
    assert (record["attempt"], record["status"]) == ("2", "success")


def test_a_run_that_kills_its_child_is_given_up_here_too(on_rabbitmq: Fleet) -> None:
    response = on_rabbitmq.call("poison", {"lethal": True})
    assert (response.status_code, response.json()["code"]) == (500, "worker_lost")
    assert "3 time(s)" in response.json()["detail"]


def test_a_connection_that_the_broker_closes_is_opened_again_and_its_run_ends_once(
    on_rabbitmq: Fleet, rabbitmq: RabbitMQ
) -> None:
    call = on_rabbitmq.begun("sleepy", {"wait_s": 3 * SLOW_S})
    rabbitmq.control("close_all_connections", "--vhost", rabbitmq.vhost, "a test closes them")
    assert call.response().json()["waited_s"] == 3 * SLOW_S
    assert on_rabbitmq.call("echo", {"x": 5}).json()["y"] == 5
    assert on_rabbitmq.log("worker-core").count(f'"run_id": "{on_rabbitmq.record(call.trace_id)["run_id"]}"') >= 1
    assert on_rabbitmq.services["worker-core"].is_running
