"""A Redis that dies and comes back costs its callers time, not answers."""

import signal

from tests.support.containers import RedisContainer
from tests.support.fleet import Fleet

RUN_S = 2.0
STOPPED_WITHIN_S = 10.0


def test_a_run_outlives_a_restart_of_redis_and_its_caller_is_answered(
    small_fleet: Fleet, small_redis: RedisContainer
) -> None:
    pid = small_fleet.services["worker-core"].process.pid
    call = small_fleet.begun("sleepy", {"wait_s": RUN_S})
    small_redis.kill()
    small_redis.restart()
    assert call.response().json()["waited_s"] == RUN_S
    assert small_fleet.record(call.trace_id)["attempt"] == "1"
    assert small_fleet.call("echo", {"x": 1}).status_code == 200
    assert small_fleet.services["worker-core"].is_running
    assert small_fleet.services["worker-core"].process.pid == pid


def test_a_run_that_ends_while_redis_is_away_is_not_done_again(small_fleet: Fleet, small_redis: RedisContainer) -> None:
    call = small_fleet.begun("sleepy", {"wait_s": RUN_S})
    small_redis.kill()
    small_fleet.wait_for_log("worker-core", "ledger_unreachable")
    small_redis.restart()
    assert call.response().json()["waited_s"] == RUN_S
    assert small_fleet.record(call.trace_id)["attempt"] == "1"


def test_while_redis_is_away_callers_are_refused_at_once_and_afterwards_they_are_served(
    small_fleet: Fleet, small_redis: RedisContainer
) -> None:
    small_redis.kill()
    refused = small_fleet.call("echo", {"x": 1})
    small_redis.restart()
    small_fleet.wait_until_ready()
    assert (refused.status_code, refused.json()["code"]) == (503, "broker_unavailable")
    assert small_fleet.call("echo", {"x": 1}).json()["y"] == 1


def test_a_worker_can_be_stopped_while_redis_is_away(small_fleet: Fleet, small_redis: RedisContainer) -> None:
    small_redis.kill()
    small_fleet.wait_for_log("worker-core", "Connection to broker lost")
    small_fleet.kill("worker-core", signal.SIGTERM)
    small_fleet.services["worker-core"].process.wait(STOPPED_WITHIN_S)
    small_redis.restart()
    small_fleet.revive("worker-core")
