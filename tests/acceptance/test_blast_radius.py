"""A pool that is overrun and then dies is felt by its own callers alone.

One disaster is staged once and written down; each test looks at one side of it. DISCOVERY is given more slow runs than
it has children, its worker is killed with everything it runs, and after a while it is started again.
"""

import json
import statistics
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from agentic_sales.outbound.http import httpx
from tests.acceptance.examples import example_of
from tests.acceptance.messages import messages_on
from tests.support.fleet import Call, Fleet, fleet_of
from tests.support.services import redis_server
from tests.support.waiting import eventually

SLOW_RUN_S = 4.0
SLOW_RUNS = 4
SAMPLES = 8
SECRET = "Ada Lovelace <ada@example.com>"
ENVIRONMENT = {"CLASSIFY_WORKER_QUEUE": "", "DISCOVERY_WORKER_ASSISTANTS": "+sleepy"}
EMAIL = example_of("email_compose")


@dataclass(frozen=True)
class Disaster:
    """What was seen."""

    quiet_s: float
    """Median time of an `email_compose` run before anything happened."""
    saturated_s: float
    """The same while DISCOVERY was overrun."""
    killed_s: float
    """The same while DISCOVERY was dead."""
    queued: list[str]
    """Messages on DISCOVERY's queue while it was overrun, as the broker held them."""
    new_caller: httpx.Response
    """Answer to a caller who asked for DISCOVERY's work while it was dead."""
    new_caller_waited_s: float
    """How long that took."""
    in_flight: list[httpx.Response]
    """Answers to the callers whose runs were on DISCOVERY when it died."""
    in_flight_told_after_s: float
    """Time from the kill until the last of them was answered."""
    afterwards: list[dict[str, str]]
    """The ledger's records of those runs after DISCOVERY was started again."""


@pytest.fixture(scope="module")
def disaster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disaster]:
    """Stage the disaster on a fleet of its own."""
    directory = tmp_path_factory.mktemp("disaster")
    names = ("web", "worker-email", "worker-discovery", "worker-core")
    with redis_server(directory) as redis, fleet_of(directory, redis, ENVIRONMENT, names=names) as fleet:
        fleet.wait_until_ready()
        yield staged(fleet)
        fleet.stop()


def staged(fleet: Fleet) -> Disaster:
    """Overrun DISCOVERY, kill it, start it again; write down what happens."""
    fleet.call("email_compose", EMAIL)
    quiet_s = email_s(fleet)
    calls = [
        fleet.begin("sleepy", {"wait_s": SLOW_RUN_S + index / 100}, metadata={"person": SECRET})
        for index in range(SLOW_RUNS)
    ]
    queued = eventually("runs pile up", lambda: messages_on(fleet, "discovery"), lambda found: len(found) > 1)
    saturated_s = email_s(fleet)
    fleet.kill("worker-discovery")
    killed_at_s = time.monotonic()
    eventually("the loss is noticed", lambda: fleet.pools()["discovery"], lambda count: count == 0)
    asked_at_s = time.monotonic()
    new_caller = fleet.call("sleepy", {"wait_s": 0})
    new_caller_waited_s = time.monotonic() - asked_at_s
    killed_s = email_s(fleet)
    in_flight = [call.response() for call in calls]
    told_after_s = time.monotonic() - killed_at_s
    fleet.restart("worker-discovery")
    return Disaster(
        quiet_s,
        saturated_s,
        killed_s,
        queued,
        new_caller,
        new_caller_waited_s,
        in_flight,
        told_after_s,
        [ended(fleet, call) for call in calls],
    )


def email_s(fleet: Fleet) -> float:
    """Return the median time of some `email_compose` runs, every one of which must succeed."""
    times = []
    for _ in range(SAMPLES):
        asked_at_s = time.monotonic()
        response = fleet.call("email_compose", EMAIL)
        times.append(time.monotonic() - asked_at_s)
        assert response.status_code == 200, response.text
        assert response.json()["subject"]
    return statistics.median(times)


def ended(fleet: Fleet, call: Call) -> dict[str, str]:
    """Return the record of a run when it has ended."""
    return eventually(
        "the run ends", lambda: fleet.record(call.trace_id), lambda record: "ended_at" in record, within_s=60
    )


def test_email_answers_quickly_while_discovery_is_overrun(disaster: Disaster) -> None:
    assert disaster.saturated_s < max(5 * disaster.quiet_s, 0.25), disaster


def test_email_answers_quickly_while_discovery_is_dead(disaster: Disaster) -> None:
    assert disaster.killed_s < max(5 * disaster.quiet_s, 0.25), disaster


def test_a_new_caller_of_the_dead_pool_is_told_at_once_which_pool_it_is(disaster: Disaster) -> None:
    error = disaster.new_caller.json()
    assert (disaster.new_caller.status_code, error["code"]) == (503, "pool_unavailable")
    assert "`discovery`" in error["detail"]
    assert "retry-after" in disaster.new_caller.headers
    assert disaster.new_caller_waited_s < 1


def test_callers_whose_runs_were_in_flight_are_told_within_seconds(disaster: Disaster) -> None:
    answers = [(response.status_code, response.json()) for response in disaster.in_flight]
    assert {(status, error["code"]) for status, error in answers} == {(503, "pool_unavailable")}
    assert all("`discovery`" in error["detail"] and error["run_id"] for _, error in answers)
    assert disaster.in_flight_told_after_s < 17


def test_no_run_of_the_dead_pool_is_lost_and_each_ends_once(disaster: Disaster) -> None:
    assert [record["status"] for record in disaster.afterwards] == ["success"] * SLOW_RUNS
    attempts = sorted(record["attempt"] for record in disaster.afterwards)
    assert attempts == ["1", "1", "2", "2"], "the two that ran were started again, the others were not"


def test_messages_carry_the_id_of_a_run_and_nothing_of_its_payload(disaster: Disaster) -> None:
    envelopes = [json.loads(message) for message in disaster.queued]
    bodies = [json.loads(b64decode(envelope["body"])) for envelope in envelopes]
    for envelope, (arguments, keywords, _) in zip(envelopes, bodies, strict=True):
        assert arguments == [envelope["headers"]["id"]]
        assert keywords == {}
    assert SECRET not in json.dumps([envelopes, bodies], ensure_ascii=False)
