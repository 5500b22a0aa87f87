"""What Prometheus reads of a real fleet: the facade's `/metrics`, and a worker's own."""

import json
import os
import signal
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agentic_sales.local.ports import LOOPBACK
from agentic_sales.outbound.http import httpx
from tests.support.fleet import ONLY_CORE, PROCFILE, WEB, Fleet, fleet_of
from tests.support.ports import free_port
from tests.support.services import RedisServer, redis_server
from tests.support.waiting import eventually

SLEEPY = ("agentic_runs_total", "sleepy", "success", "core")
Samples = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of the module's own, on which nothing has been counted yet."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Fleet]:
    """A fleet of core alone whose worker serves its numbers, and whose children are replaced after every other run."""
    environment = {
        **ONLY_CORE,
        "AGENTIC_SALES_METRICS_PORT": str(free_port()),
        "AGENTIC_SALES_METRICS_TOKEN": "prometheus",
        "AGENTIC_SALES_MAX_TASKS_PER_CHILD": "2",
    }
    with fleet_of(tmp_path_factory.mktemp("fleet"), redis, environment, names=(WEB, "worker-core")) as fleet:
        fleet.wait_until_ready()
        fleet.wait_for_log("worker-core", "metrics_served")
        yield fleet
        fleet.stop()


def told(text: str) -> Samples:
    """Read Prometheus' text form: every sample by its name and its labels' values, which stand by their names."""
    families = text_string_to_metric_families(text)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def of_facade(fleet: Fleet, url: str | None = None) -> Samples:
    """Scrape a facade as Prometheus does, with the key that opens nothing else."""
    headers = {"authorization": "Bearer prometheus"}
    answer = httpx.get(f"{url or fleet.url}/metrics", headers=headers, trust_env=False, timeout=10)
    assert answer.status_code == 200, answer.text
    return told(answer.text)


def port_of(fleet: Fleet, name: str) -> int:
    """Return the port that a worker says it serves its numbers on."""
    line = next(line for line in fleet.log(name).splitlines() if "metrics_served" in line)
    return int(json.loads(line)["port"])


def of_worker(fleet: Fleet, name: str = "worker-core") -> Samples:
    """Scrape a worker."""
    url = f"http://{LOOPBACK}:{port_of(fleet, name)}/metrics"
    return told(httpx.get(url, trust_env=False, timeout=10).text)


def test_every_series_is_there_before_anything_happened(counting: Fleet) -> None:
    samples = of_facade(counting)
    assert samples["agentic_runs_total", "email_compose", "success", "core"] == 0
    assert samples["agentic_run_duration_seconds_count", "pipeline", "core"] == 0
    assert samples["agentic_recovered_runs_total", "republished"] == 0
    assert samples["agentic_live_consumers", "core"] == samples["agentic_ledger_up",] == 1
    assert samples["agentic_approvals_pending",] == samples["agentic_sends_total", "ambiguous"] == 0
    eventually("a canary came through", lambda: of_facade(counting)["agentic_canary_age_seconds", "core"] < 15)


def test_every_run_is_counted_once_although_children_come_and_go(counting: Fleet) -> None:
    before = of_facade(counting)["agentic_runs_total", "echo", "success", "core"]
    calls = [counting.begin("echo", {"x": n}) for n in range(25)]
    assert [call.response().status_code for call in calls] == [200] * 25
    after = of_facade(counting)
    assert after["agentic_runs_total", "echo", "success", "core"] == before + 25
    assert after["agentic_run_queue_wait_seconds_count", "echo", "core"] == before + 25
    assert after["agentic_run_duration_seconds_bucket", "echo", "+Inf", "core"] == before + 25
    assert after["agentic_http_requests_total", "POST", "/runs/wait", "200"] >= 25


def test_another_facade_tells_the_same_numbers_also_when_the_first_is_gone(counting: Fleet) -> None:
    counting.call("echo", {"x": 1})
    first = of_facade(counting)["agentic_runs_total", "echo", "success", "core"]
    url = counting.start_facade("second", {})
    try:
        assert of_facade(counting, url)["agentic_runs_total", "echo", "success", "core"] == first > 0
    finally:
        counting.retire("second")


def test_no_label_of_a_request_is_something_that_a_caller_made_up(counting: Fleet) -> None:
    counting.get("/runs/01890000-0000-7000-8000-000000000000")
    counting.http.request("BREW", "/runs/wait", json={})
    httpx.get(f"{counting.url}/threads/made-up", trust_env=False)
    told_of = [labels for (name, *labels) in of_facade(counting) if name == "agentic_http_requests_total"]
    assert ["GET", "/runs/{run_id}", "404"] in told_of
    assert ["GET", "(none)", "401"] in told_of
    assert not [labels for labels in told_of if {"BREW", "/threads/made-up"} & set(labels) or "0189" in labels[1]]


def test_a_worker_tells_what_it_executes_and_whether_it_still_consumes(counting: Fleet) -> None:
    call = counting.begun("sleepy", {"wait_s": 2.0})
    samples = of_worker(counting)
    assert samples["agentic_worker_active_runs", "sleepy"] == 1
    assert (samples["agentic_worker_active_runs", "echo"], samples["agentic_worker_children",]) == (0, 2)
    assert samples["agentic_worker_last_sign_age_seconds",] < 3.5
    assert call.response().status_code == 200
    eventually("the run is over", lambda: of_worker(counting)["agentic_worker_active_runs", "sleepy"] == 0, within_s=5)


def test_a_second_worker_of_one_host_takes_another_port(counting: Fleet) -> None:
    counting.start_command("worker-core-2", PROCFILE["worker-core"].replace("core@%h", "core2@%h"))
    try:
        counting.wait_for_log("worker-core-2", "metrics_served", within_s=60)
        assert of_worker(counting, "worker-core-2")["agentic_worker_children",] == 2
        assert port_of(counting, "worker-core-2") > port_of(counting, "worker-core")
        eventually("both consume", lambda: of_facade(counting)["agentic_live_consumers", "core"] == 2, within_s=10)
    finally:
        counting.retire("worker-core-2")


def test_a_run_that_lost_its_worker_is_counted_as_resumed_and_as_one_run(counting: Fleet) -> None:
    before = of_facade(counting)
    call = counting.begun("sleepy", {"wait_s": 1.0})
    os.kill(int(counting.record(call.trace_id)["worker"].rpartition("/")[2]), signal.SIGKILL)
    assert call.response().status_code == 200
    after = of_facade(counting)
    for series, by in {("agentic_recovered_runs_total", "resumed"): 1, SLEEPY: 1}.items():
        assert after[series] == before[series] + by
