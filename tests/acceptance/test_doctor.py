"""`agentic-sales doctor` on a real fleet: silent where nothing is wrong, and naming each thing that a test breaks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from agentic_sales.local.ports import LOOPBACK
from agentic_sales.outbound.http import httpx
from tests.support.fleet import PROCFILE, WEB, Fleet, fleet_of
from tests.support.http_server import QuietHandler, served
from tests.support.ports import free_port
from tests.support.processes import run_command
from tests.support.services import redis_server
from tests.support.waiting import eventually

Finding = dict[str, str]


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet of two pools."""
    directory = tmp_path_factory.mktemp("patient")
    pools_off = {"CLASSIFY_WORKER_QUEUE": "", "DISCOVERY_WORKER_QUEUE": ""}
    environment = {**pools_off, "AGENTIC_SALES_EXTRA_REGISTRIES": None}
    names = (WEB, "worker-email", "worker-core")
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=names) as fleet:
        fleet.wait_until_ready()
        eventually("canaries came", lambda: all(fleet.get("/info").json()["canary_ages_s"].values()), within_s=30)
        yield fleet
        fleet.stop()


def examined(fleet: Fleet, *, url: str | None = None, **environment: str) -> tuple[int, dict[str, Finding]]:
    """Run the doctor; return its exit status and what it found, by check."""
    told = {**fleet.environment, "LANGGRAPH_URL": url or fleet.url, **environment}
    done = run_command("agentic-sales", "doctor", "--json", environment=told)
    assert done.stdout, done.stderr
    return done.returncode, {finding["check"]: finding for finding in json.loads(done.stdout)}


def wrong(found: dict[str, Finding]) -> dict[str, str]:
    """Return the checks that are not as they should be."""
    return {check: finding["status"] for check, finding in found.items() if finding["status"] != "ok"}


@contextmanager
def proxy_without_traces(target: str) -> Iterator[str]:
    """Serve a facade through a proxy that drops the headers which it does not know."""

    class Handler(QuietHandler, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {"authorization": self.headers["authorization"]}
            url = f"{target}{self.path}"
            answer = httpx.request(
                self.command, url, content=self.rfile.read(length), headers=headers, timeout=30, trust_env=False
            )
            self.send_response(answer.status_code)
            for name in ("content-type", "x-trace-id"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_GET  # noqa: N815 - the standard library's name

    with served(Handler) as url:
        yield url


def test_a_healthy_fleet_gives_it_nothing_to_say(patient: Fleet) -> None:
    status, found = examined(patient)
    assert (status, wrong(found)) == (0, {})
    expected = {"facade", "pool email", "pool core", "clocks", "routing", "trace through email", "trace through core"}
    assert expected < found.keys()
    assert f"child of {patient.run(run_of_probe(patient))['worker']}" in str(found["trace through email"])


def run_of_probe(fleet: Fleet) -> str:
    """Return the run of the latest probe through the email pool."""
    keys = [str(key).removeprefix("agentic:run:") for key in fleet.redis.keys("agentic:run:*")]
    return max(run_id for run_id in keys if fleet.run(run_id)["queue"] == "email")


def test_it_names_a_pool_that_is_dead_and_how_to_start_it(patient: Fleet) -> None:
    patient.kill("worker-email")
    eventually("the pool is known to be dead", lambda: patient.pools()["email"] == 0, within_s=20)
    status, found = examined(patient)
    patient.revive("worker-email")
    assert (status, wrong(found)) == (1, {"pool email": "fail"})
    assert "celery -A agentic_sales worker -Q email" in found["pool email"]["fix"]


def test_it_names_a_worker_that_routes_otherwise_than_the_facade(patient: Fleet) -> None:
    command = PROCFILE["worker-core"].replace("core@%h", "stray@%h")
    patient.start_command("stray", command, {"AGENTIC_SALES_EXTRA_REGISTRIES": "tests.workflows.registry"})
    try:
        patient.wait_for_log("stray", " ready.", within_s=60)
        eventually("it has said so", lambda: "stray@" in str(patient.get("/fleet").json()))
        status, found = examined(patient)
    finally:
        patient.retire("stray")
    eventually("its note has aged", lambda: "stray@" not in str(patient.get("/fleet").json()), within_s=20)
    assert status == 1
    assert wrong(found) == {"routing": "fail", "graph broken_import": "fail"}
    assert "stray@" in found["routing"]["told"]


def test_it_names_a_shell_that_routes_otherwise_than_the_fleet(patient: Fleet) -> None:
    status, found = examined(patient, EMAIL_WORKER_ASSISTANTS="email_compose")
    assert (status, wrong(found)) == (0, {"this shell": "warn"})


def test_it_names_a_proxy_that_drops_the_trace(patient: Fleet) -> None:
    with proxy_without_traces(patient.url) as url:
        status, found = examined(patient, url=url)
    assert (status, wrong(found)) == (1, {"trace through email": "fail", "trace through core": "fail"})
    assert "two trace ids" in found["trace through core"]["told"]


def test_it_names_pools_that_do_not_export_what_the_facade_does(patient: Fleet) -> None:
    url = patient.start_facade("exporting", {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{free_port()}"})
    try:
        status, found = examined(patient, url=url)
    finally:
        patient.retire("exporting")
    assert (status, found["trace through email"]["status"]) == (1, "fail")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in found["trace through email"]["fix"]


def test_it_names_a_clock_that_is_wrong(patient: Fleet) -> None:
    [note, *_] = patient.get("/fleet").json()["workers"]
    seconds, _ = patient.redis.time()
    ahead: dict[str, Any] = {**note, "name": "ahead@elsewhere", "clock_skew_s": 42.0, "seen_at_s": seconds + 600}
    patient.redis.hset("agentic:workers", "ahead@elsewhere", json.dumps(ahead))
    status, found = examined(patient)
    patient.redis.hdel("agentic:workers", "ahead@elsewhere")
    assert (status, wrong(found)) == (0, {"clocks": "warn"})
    assert "ahead@elsewhere +42.0 s" in found["clocks"]["told"]


def test_it_names_settings_of_redis_that_lose_runs(patient: Fleet) -> None:
    patient.redis.config_set("maxmemory-policy", "allkeys-lru")
    patient.redis.config_set("appendonly", "no")
    status, found = examined(patient)
    patient.redis.config_set("maxmemory-policy", "noeviction")
    patient.redis.config_set("appendonly", "yes")
    assert (status, wrong(found)) == (1, {"redis memory": "fail", "redis durability": "warn"})
    assert "allkeys-lru" in found["redis memory"]["told"]


@pytest.mark.parametrize(
    ("variable", "value", "check"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{LOOPBACK}:1", "exporter"),
        ("DATABASE_URL", f"postgresql+psycopg://nobody@{LOOPBACK}:1/nothing", "database"),
    ],
)
def test_it_names_what_cannot_be_reached(patient: Fleet, variable: str, value: str, check: str) -> None:
    status, found = examined(patient, **{variable: value})
    assert (status, wrong(found)) == (1, {check: "fail"})
    assert variable in found[check]["fix"]


def test_it_says_what_it_cannot_see(patient: Fleet) -> None:
    status, found = examined(patient, REDIS_URL=f"redis://{LOOPBACK}:1/0")
    assert (status, wrong(found)) == (0, {"redis": "warn"})


@pytest.mark.parametrize(("token", "told"), [(None, "ConnectError"), ("a wrong key", "status 401")])
def test_a_facade_that_does_not_answer_is_told_in_one_line(patient: Fleet, token: str | None, told: str) -> None:
    url = patient.url if token else f"http://{LOOPBACK}:1"
    status, found = examined(patient, url=url, LANGGRAPH_AUTH_TOKEN=token or "any")
    assert (status, wrong(found)) == (1, {"facade": "fail"})
    assert told in found["facade"]["told"]


def test_people_get_a_table(patient: Fleet) -> None:
    environment = {**patient.environment, "LANGGRAPH_URL": patient.url, "COLUMNS": "140"}
    done = run_command("agentic-sales", "doctor", environment=environment, check=True)
    assert "trace through core" in done.stdout
    assert "noeviction" in done.stdout
