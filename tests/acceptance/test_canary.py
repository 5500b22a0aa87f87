"""A pool that lives and does not consume is told from one that is only busy: real workers, deaf or full."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import Celery

from agentic_sales.runs.canary import CANARY_LIMIT_S
from tests.support.fleet import ONLY_CORE, PROCFILE, WEB, Fleet, fleet_of
from tests.support.services import redis_server
from tests.support.waiting import eventually

SIGN_EXPIRES_WITHIN_S = 6.0
NOTICED_WITHIN_S = CANARY_LIMIT_S + SIGN_EXPIRES_WITHIN_S
REFUSED_WITHIN_S = 1.0
BUSY_FOR_S = NOTICED_WITHIN_S + 3.0
CHILDREN = 2


@pytest.fixture(scope="module")
def small_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A facade and one core worker that can be made deaf."""
    directory = tmp_path_factory.mktemp("canary")
    with redis_server(directory) as redis, fleet_of(directory, redis, ONLY_CORE, names=(WEB,)) as fleet:
        fleet.start_command(
            "worker-core", PROCFILE["worker-core"].replace("agentic_sales", "tests.acceptance.deaf_app")
        )
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


@contextmanager
def commands_to(fleet: Fleet) -> Iterator[Celery]:
    """Control the fleet's workers, as an operator does."""
    with Celery("operator", broker=fleet.environment["REDIS_URL"], set_as_current=False) as operator:
        operator.conf.broker_transport_options = {"global_keyprefix": "agentic:queue:"}
        yield operator


def age_s(fleet: Fleet) -> float:
    """Return the age of the core pool's last proof."""
    age: float | None = fleet.get("/ready").json()["canary_ages_s"]["core"]
    assert age is not None
    return age


def refused(fleet: Fleet) -> dict[str, Any]:
    """Ask for a run that is refused, in time; return the error."""
    asked_at_s = time.monotonic()
    response = fleet.call("echo", {"x": 1})
    assert time.monotonic() - asked_at_s < REFUSED_WITHIN_S
    error: dict[str, Any] = response.json()
    assert (response.status_code, error["code"]) == (503, "pool_unavailable")
    assert "`core`" in error["detail"]
    return error


def test_a_busy_pool_is_no_dead_pool(small_fleet: Fleet) -> None:
    began_at_s = time.monotonic()
    busy = [small_fleet.begun("sleepy", {"wait_s": BUSY_FOR_S}) for _ in range(CHILDREN)]
    while not all(call.answer.done() for call in busy):
        assert small_fleet.get("/ready").status_code == 200, small_fleet.get("/ready").text
        time.sleep(0.5)
    assert time.monotonic() - began_at_s > BUSY_FOR_S
    assert [call.response().status_code for call in busy] == [200] * CHILDREN


def test_a_worker_that_no_longer_consumes_is_noticed_although_it_lives_and_is_back_when_it_does(
    small_fleet: Fleet,
) -> None:
    eventually("the queue was silent and was tried", lambda: age_s(small_fleet), lambda age: age < 2.0, within_s=30)
    with commands_to(small_fleet) as operator:
        assert operator.control.broadcast("go_deaf", reply=True, timeout=3)
        eventually(
            "core is said to be gone",
            lambda: small_fleet.pools()["core"],
            lambda n: n == 0,
            within_s=NOTICED_WITHIN_S + 10,
        )
        assert operator.control.ping(timeout=3), "it lives"
        assert age_s(small_fleet) > CANARY_LIMIT_S
        refused(small_fleet)
        assert "queue_not_consumed" in small_fleet.log("worker-core")
        operator.control.broadcast("hear_again")
    small_fleet.wait_for_worker("core", within_s=10)
    assert small_fleet.call("echo", {"x": 1}).status_code == 200


def test_a_worker_that_was_told_to_leave_a_queue_is_back_when_it_is_told_to_take_it(small_fleet: Fleet) -> None:
    with commands_to(small_fleet) as operator:
        operator.control.cancel_consumer("core")
        eventually("core is said to be gone", lambda: small_fleet.pools()["core"], lambda n: n == 0)
        refused(small_fleet)
        operator.control.add_consumer("core")
    small_fleet.wait_for_worker("core", within_s=10)
    assert small_fleet.call("echo", {"x": 1}).status_code == 200
