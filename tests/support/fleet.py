"""Start the product's processes by the lines of its Procfile, kill them, and look at what they did.

The processes, the queue and the ledger are real. A fleet is slow to start, so most tests share one, whose pools also
serve the misbehaving workflows of `tests/workflows`; what ruins a fleet starts its own.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest
from honcho.environ import parse_procfile  # type: ignore[import-untyped]  # honcho ships no types
from redis import Redis

from agentic_sales.local.ports import LOOPBACK
from agentic_sales.local.site import serve_sample_site
from agentic_sales.local.world.server import WorldServer, serve_world
from agentic_sales.outbound.http import httpx
from agentic_sales.routing import QUEUE_SUFFIX, ROUTE_PREFIXES
from tests.support.nursery import fork
from tests.support.ports import free_port
from tests.support.services import (
    MACHINE_ENVIRONMENT,
    Process,
    RedisServer,
    end_group,
    guard,
    members_of_group,
    redis_server,
    spawn,
)
from tests.support.waiting import eventually

PROJECT = Path(__file__).parents[2]
PROCFILE: Mapping[str, str] = dict(parse_procfile((PROJECT / "Procfile").read_text(encoding="utf-8")).processes)
WEB = "web"
WORKERS = tuple(name for name in PROCFILE if name.startswith("worker-"))
TOKEN = "the-key-of-the-test-fleet"
READY_WITHIN_S = 90.0
STOP_WITHIN_S = 30.0
CALL_TIMEOUT_S = 60.0
LOG_TAIL_CHARS = 1500

ONLY_CORE = {f"{prefix}{QUEUE_SUFFIX}": "" for prefix in ROUTE_PREFIXES}
"""Environment of a fleet that has the core pool alone, which then runs everything."""
MISBEHAVING = {
    "EMAIL_WORKER_ASSISTANTS": "+echo",
    "CLASSIFY_WORKER_ASSISTANTS": "+sleepy,+boom,+ask_core",
    "DISCOVERY_WORKER_ASSISTANTS": "+overlong,+stuck,+poison,+poison_send,+broken_import",
}
"""Environment that spreads the workflows of the tests over the pools; `burn` stays on core."""


@dataclass
class Service:
    """One process of a fleet and what it wrote."""

    command: str
    """Its line, as a shell command."""
    environment: Mapping[str, str]
    """Everything that it knows of its environment."""
    log: Path
    """Standard output and error; a restart appends."""
    process: Process
    """The process that leads its group."""

    @property
    def is_running(self) -> bool:
        """Tell whether the leading process lives."""
        return self.process.poll() is None

    def told(self) -> str:
        """Return everything that it wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@dataclass(frozen=True)
class Call:
    """A run that was asked for over HTTP and whose answer may be outstanding."""

    trace_id: str
    """Trace id that the caller sent, by which the ledger's record is found."""
    answer: "Future[httpx.Response]"
    """The HTTP answer."""

    def response(self, within_s: float = CALL_TIMEOUT_S) -> httpx.Response:
        """Wait for the answer."""
        return self.answer.result(within_s)


@dataclass
class Fleet:
    """Processes of the Procfile on one Redis."""

    directory: Path
    """Logs and state of every process."""
    environment: Mapping[str, str]
    """Environment of every process."""
    redis: Redis
    """Client of the ledger's Redis."""
    token: str = TOKEN
    """Key of the facade."""
    services: dict[str, Service] = field(default_factory=dict)
    """Its processes, by name."""
    _traces: dict[str, str] = field(default_factory=dict)
    """The trace of each run, by the key of its record."""
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(64))

    @property
    def url(self) -> str:
        """URL of the facade."""
        return f"http://{LOOPBACK}:{self.environment['PORT']}"

    @cached_property
    def http(self) -> httpx.Client:
        """HTTP client of the facade that has the key; any thread may use it."""
        return self.client(self.url)

    def client(self, url: str) -> httpx.Client:
        """Return an HTTP client of another facade of this fleet; it has the key."""
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=url, headers=headers, timeout=CALL_TIMEOUT_S, trust_env=False)

    def get(self, path: str) -> httpx.Response:
        """Ask the facade for a path."""
        return self.http.get(path)

    def call(self, assistant_id: str, values: Mapping[str, Any] | None = None, **options: Any) -> httpx.Response:
        """Run a workflow and return the answer; options are further fields of the request."""
        return self.http.post("/runs/wait", json={"assistant_id": assistant_id, "input": values or {}, **options})

    def begin(
        self, assistant_id: str, values: Mapping[str, Any] | None = None, *, flags: str = "00", **options: Any
    ) -> Call:
        """Ask for a run and do not wait for its answer; options are further fields, flags the trace's."""
        trace_id = secrets.token_hex(16)
        body = {"assistant_id": assistant_id, "input": values or {}, **options}
        return Call(trace_id, self._threads.submit(self._post, body, f"00-{trace_id}-{'1' * 16}-{flags}"))

    def begun(self, assistant_id: str, values: Mapping[str, Any] | None = None, **options: Any) -> Call:
        """Ask for a run and return when a worker is executing it."""
        call = self.begin(assistant_id, values, **options)
        eventually(
            f"a worker runs `{assistant_id}`",
            lambda: self.record(call.trace_id),
            lambda record: record.get("status") == "running",
            within_s=20,
        )
        return call

    def record(self, trace_id: str) -> dict[str, str]:
        """Return the ledger's record of the one run of a trace; empty when there is none."""
        for key in self.redis.scan_iter("agentic:run:*", count=1000):
            if key not in self._traces:  # a record keeps its trace, and most have been looked at before
                self._traces[key] = str(self.redis.hget(key, "trace_id"))
            if self._traces[key] == trace_id:
                return _as_text(self.redis.hgetall(key))
        return {}

    def run(self, run_id: str) -> dict[str, str]:
        """Return the ledger's record of a run; empty when there is none."""
        return _as_text(self.redis.hgetall(f"agentic:run:{run_id}"))

    def start(self, *names: str) -> None:
        """Start Procfile lines that do not run."""
        for name in names:
            self.start_command(name, PROCFILE[name])

    def start_command(self, name: str, command: str, environment: Mapping[str, str | None] | None = None) -> Service:
        """Start a shell command as one more process of the fleet, in a group of its own; None removes a name."""
        log = self.directory / f"{name}.log"
        merged = _merged(self.environment, environment or {})
        self.services[name] = Service(command, merged, log, _spawn(command, merged, log))
        return self.services[name]

    def start_second_worker(self, pool: str) -> str:
        """Start one more worker of a pool; return its name when it consumes."""
        name = f"worker-{pool}-2"
        self.start_command(name, PROCFILE[f"worker-{pool}"].replace(f"{pool}@%h", f"{pool}2@%h"))
        eventually(f"`{pool}` has two workers", lambda: self.pools()[pool], lambda count: count == 2, within_s=60)
        return name

    def start_facade(self, name: str, environment: Mapping[str, str | None], *, options: str = "") -> str:
        """Start a further facade with another environment and further options; return its URL when it answers."""
        port = free_port()
        return self.start_server(name, f"{PROCFILE[WEB]} {options}", {**environment, "PORT": str(port)}, port=port)

    def start_server(self, name: str, command: str, environment: Mapping[str, str | None], *, port: int) -> str:
        """Start a facade by a command of its own; return its URL when it answers."""
        self.start_command(name, command, environment)
        url = f"http://{LOOPBACK}:{port}"
        try:
            self._wait_for_200(f"{url}/health", (name,), READY_WITHIN_S)
        except AssertionError:
            self.retire(name)
            raise
        return url

    def retire(self, name: str) -> None:
        """End a process that was started beside the usual ones, and forget it."""
        end_group(self.services.pop(name).process)

    def log(self, name: str) -> str:
        """Return what a process wrote so far."""
        return self.services[name].told()

    def wait_for_log(self, name: str, text: str, within_s: float = 30.0) -> None:
        """Wait until a process has written a text."""
        eventually(f"{name} writes `{text}`", lambda: text in self.log(name), within_s=within_s)

    def deliveries(self, name: str, run_id: str) -> int:
        """Count how often the queue gave a run to a worker: it took the run each time, or wrote why it did not."""
        refused = [line for line in self.log(name).splitlines() if run_id in line and "run_not_claimed" in line]
        return int(self.run(run_id)["attempt"]) + len(refused)

    def kill(self, name: str, signal_number: int = signal.SIGKILL) -> None:
        """Send SIGKILL to everything of a process's group, as an out-of-memory kill or a lost machine does, or another
        signal to the leading process, as a deployment does.
        """
        process = self.services[name].process
        if signal_number == signal.SIGKILL:
            end_group(process)
        else:
            process.send_signal(signal_number)

    def restart(self, name: str) -> None:
        """Start a process again that has ended."""
        service = self.services[name]
        assert not service.is_running, f"`{name}` still runs"
        end_group(service.process)
        service.process = _spawn(service.command, service.environment, service.log)

    def revive(self, *names: str) -> None:
        """Start what a test has ended, and wait until the fleet is ready."""
        for name in names:
            if not self.services[name].is_running:
                self.restart(name)
        self.wait_until_ready()

    def children(self, name: str) -> list[int]:
        """Return the process ids of a worker's children."""
        return sorted(child.pid for child in psutil.Process(self.services[name].process.pid).children())

    def wait_until_ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Wait until every enabled pool has a live worker."""
        self._wait_for_200(f"{self.url}/ready", tuple(self.services), within_s)

    def wait_for_worker(self, queue: str, within_s: float = READY_WITHIN_S) -> None:
        """Wait until a pool has a live worker."""
        eventually(f"`{queue}` has a live worker", lambda: self.pools()[queue], within_s=within_s)

    def pools(self) -> dict[str, int]:
        """Return the number of live workers of each queue, as the facade sees it."""
        pools: dict[str, int] = self.get("/info").json()["pools"]
        return pools

    def stop(self) -> None:
        """End every process in the orderly way; fail when one needs a kill or leaves something behind."""
        for service in self.services.values():
            if service.is_running:
                service.process.terminate()
        stubborn = [name for name, service in self.services.items() if not _ends(service.process)]
        left = {name: members_of_group(service.process.pid) for name, service in self.services.items()}
        self.abandon()
        assert not stubborn, f"did not end within {STOP_WITHIN_S:g} s of SIGTERM: {self.tails(*stubborn)}"
        assert not any(left.values()), f"left processes behind: {left}"

    def abandon(self) -> None:
        """Kill whatever is left of every process."""
        for service in self.services.values():
            end_group(service.process)
        self._threads.shutdown(wait=True, cancel_futures=True)  # every server is gone, so no call can last
        self.http.close()

    def tails(self, *names: str) -> str:
        """Return the ends of the logs, for a message."""
        chosen = {name: self.log(name)[-LOG_TAIL_CHARS:] for name in names or self.services}
        return "\n".join(f"--- {name}\n{text}" for name, text in chosen.items())

    def _post(self, body: Mapping[str, Any], traceparent: str) -> httpx.Response:
        return self.http.post("/runs/wait", json=body, headers={"traceparent": traceparent})

    def _wait_for_200(self, url: str, names: tuple[str, ...], within_s: float) -> None:
        try:
            eventually(
                f"{url} answers 200",
                lambda: self._answer_of(url, names),
                lambda answer: answer.startswith("200"),
                within_s=within_s,
            )
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n{self.tails(*names)}") from exc

    def _answer_of(self, url: str, names: tuple[str, ...]) -> str:
        for name in names:
            assert self.services[name].is_running, f"`{name}` ended with {self.services[name].process.returncode}"
        try:
            answer = _prober().get(url)
        except httpx.TransportError as exc:
            return f"{type(exc).__name__}"
        return f"{answer.status_code} {answer.text}"


@contextmanager
def fleet_of(
    directory: Path, redis: RedisServer, environment: Mapping[str, str | None] | None = None, *, names: tuple[str, ...]
) -> Iterator[Fleet]:
    """Run Procfile lines for as long as the context lasts, and kill what is left of them.

    Args:
        directory: Where logs and state go.
        redis: Broker and ledger.
        environment: What differs from the usual test fleet; None removes a name.
        names: Lines to start; wait for readiness yourself.
    """
    fleet = Fleet(directory, _environment(directory, redis, environment or {}), redis.client())
    try:
        fleet.start(*names)
        yield fleet
    finally:
        fleet.abandon()
        fleet.redis.close()


@pytest.fixture(scope="session")
def sample_site() -> Iterator[str]:
    """URL of the sample company's site, which the shared fleet may read although it is on loopback."""
    with serve_sample_site() as url:
        yield url


@pytest.fixture(scope="session")
def world_of_fleet() -> Iterator[WorldServer]:
    """The sample world in which the shared fleet works. It behaves well."""
    with serve_world() as world:
        yield world


@pytest.fixture(scope="session")
def shared_fleet(
    tmp_path_factory: pytest.TempPathFactory, sample_site: str, world_of_fleet: WorldServer, sqlite_template: Path
) -> Iterator[Fleet]:
    """The fleet that most acceptance tests share; ask for `fleet` instead."""
    directory = tmp_path_factory.mktemp("fleet")
    shutil.copy(sqlite_template, directory / sqlite_template.name)
    site = {"AGENTIC_SALES_ALLOW_PRIVATE_HOSTS": urlsplit(sample_site).netloc}
    environment = {**MISBEHAVING, **world_of_fleet.environment(), "AGENTIC_SALES_DNS": "off", **site}
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=(WEB, *WORKERS)) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


@pytest.fixture
def fleet(shared_fleet: Fleet) -> Fleet:
    """The shared fleet, whole: web and the four workers, two children each, with the tests' workflows."""
    shared_fleet.revive(WEB, *WORKERS)
    return shared_fleet


def _as_text(record: Mapping[Any, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in record.items()}


@cache
def _prober() -> httpx.Client:
    """Return a client for the questions that are asked again and again. To make one takes 40 ms of processor time."""
    return httpx.Client(timeout=5, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


def _spawn(command: str, environment: Mapping[str, str], log: Path) -> Process:
    if (forked := fork(command, cwd=PROJECT, log=log, environment=environment)) is not None:
        guard(forked.pid)
        return forked
    # With `exec` the pid is the command's own, not the shell's.
    return spawn("/bin/sh", "-c", f"exec {command}", cwd=PROJECT, log=log, environment=environment)


def _environment(directory: Path, redis: RedisServer, overrides: Mapping[str, str | None]) -> dict[str, str]:
    own = {
        **MACHINE_ENVIRONMENT,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), MACHINE_ENVIRONMENT["PATH"])),
        "PYTHONPATH": str(PROJECT),
        "PYTHONUNBUFFERED": "1",
        "REDIS_URL": redis.url,
        "HOST": LOOPBACK,
        "PORT": str(free_port()),
        "FLOWER_PORT": str(free_port()),
        "LANGGRAPH_AUTH_TOKEN": TOKEN,
        "AGENTIC_SALES_STATE_DIR": str(directory),
        "AGENTIC_SALES_DNS": "off",
        "AGENTIC_SALES_EXTRA_REGISTRIES": "tests.workflows.registry",
        "AGENTIC_SALES_WORKER_CONCURRENCY": "2",
    }
    return _merged(own, overrides)


def _merged(environment: Mapping[str, str], overrides: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**environment, **overrides}.items() if value is not None}


def _ends(process: Process) -> bool:
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        return False
    return True
