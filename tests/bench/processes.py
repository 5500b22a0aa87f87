"""What is measured, as processes: the fleet by its Procfile lines, the floor, the peer; none outlives its context."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from types import MappingProxyType

import psutil  # type: ignore[import-untyped]  # psutil ships no types

from agentic_sales.local.ports import LOOPBACK
from agentic_sales.outbound.http import httpx
from tests.support.fleet import ONLY_CORE, PROJECT, TOKEN, WEB, Fleet, fleet_of
from tests.support.peer import OFFLINE, langgraph_command
from tests.support.ports import free_port
from tests.support.services import MACHINE_ENVIRONMENT, end_group, redis_server, spawn
from tests.support.waiting import eventually

CORE, EMAIL, DISCOVERY = "worker-core", "worker-email", "worker-discovery"
TWO_POOLS = {**ONLY_CORE, "EMAIL_WORKER_QUEUE": "email", "EMAIL_WORKER_ASSISTANTS": "+echo"}
"""Environment of a fleet that runs `echo` on one pool and everything else on another."""
CHILDREN = "worker children"
STARTED_WITHIN_S = 60.0


@dataclass(frozen=True)
class Target:
    """Something that answers `POST /runs/wait`."""

    port: int
    """TCP port on loopback."""
    key: str
    """Key that it asks for."""
    roles: dict[str, list[psutil.Process]]
    """Its processes, by what they do."""

    def child_mb(self) -> dict[str, float]:
        """Return the memory of a worker child, mean of all: USS is its own, PSS adds its share of what is common."""
        full = [child.memory_full_info() for child in self.roles[CHILDREN]]
        return {"USS": fmean(info.uss for info in full) / 1e6, "PSS": fmean(info.pss for info in full) / 1e6}

    def fleet_mb(self) -> float:
        """Return the memory of all processes, what they share counted once (PSS)."""
        processes = [process for members in self.roles.values() for process in members]
        return float(sum(process.memory_full_info().pss for process in processes)) / 1e6


@contextmanager
def core_fleet(*, children: int, environment: Mapping[str, str] = MappingProxyType({})) -> Iterator[Target]:
    """Start Redis, the facade and a core worker that carries the tests' workflows."""
    with _fleet({**ONLY_CORE, **environment}, children=children, workers=(CORE,)) as target:
        yield target


@contextmanager
def fleet_of_two_pools(*, children: int) -> Iterator[Target]:
    """Start Redis, the facade, a worker for `echo` and a core worker for everything else."""
    with _fleet(TWO_POOLS, children=children, workers=(CORE, EMAIL)) as target:
        yield target


@contextmanager
def discovery_fleet(*, children: int, environment: Mapping[str, str]) -> Iterator[Target]:
    """Start Redis, the facade and the pools of discovery, email and core. The children are those of discovery."""
    own = {"CLASSIFY_WORKER_QUEUE": "", **environment}
    with _fleet(own, children=children, workers=(CORE, EMAIL, DISCOVERY), measured=(DISCOVERY,)) as target:
        yield target


@contextmanager
def _fleet(
    environment: Mapping[str, str], *, children: int, workers: tuple[str, ...], measured: tuple[str, ...] = ()
) -> Iterator[Target]:
    environment = {**environment, "AGENTIC_SALES_WORKER_CONCURRENCY": str(children)}
    with TemporaryDirectory(prefix="agentic-sales-bench-") as folder:
        directory = Path(folder)
        with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=(WEB, *workers)) as fleet:
            fleet.wait_until_ready()
            yield Target(int(fleet.environment["PORT"]), TOKEN, _roles(fleet, redis.process.pid, measured or workers))


def _roles(fleet: Fleet, redis_pid: int, workers: tuple[str, ...]) -> dict[str, list[psutil.Process]]:
    pids = {
        "facade": [fleet.services[WEB].process.pid],
        "worker parent": [fleet.services[worker].process.pid for worker in workers],
        CHILDREN: [pid for worker in workers for pid in fleet.children(worker)],
        "redis": [redis_pid],
    }
    return {role: [psutil.Process(pid) for pid in members] for role, members in pids.items()}


@contextmanager
def langgraph_dev(*options: str) -> Iterator[Target]:
    """Start `langgraph dev` with the same workflows; it keeps its own files in a folder of its own."""
    port = free_port()
    with TemporaryDirectory(prefix="agentic-sales-bench-") as folder:
        directory = Path(folder)
        (directory / "workflows").symlink_to(PROJECT / "tests" / "workflows")
        graphs = {name: f"./workflows/{name}.py:graph" for name in ("echo", "sleepy", "burn")}
        (directory / "langgraph.json").write_text(json.dumps({"dependencies": ["."], "graphs": graphs}))
        command = langgraph_command()
        path = os.pathsep.join((str(command.parent), MACHINE_ENVIRONMENT["PATH"]))
        environment = {**MACHINE_ENVIRONMENT, **OFFLINE, "PATH": path, "PYTHONPATH": str(PROJECT)}
        process = spawn(
            str(command),
            *("dev", "--no-browser", "--no-reload", "--port", str(port), *options),
            cwd=directory,
            log=directory / "dev.log",
            environment=environment,
        )
        try:
            eventually(
                "langgraph dev answers",
                lambda: _answers(process, f"http://{LOOPBACK}:{port}/ok"),
                within_s=STARTED_WITHIN_S,
            )
            yield Target(port, "none", {"langgraph dev": [psutil.Process(process.pid)]})
        finally:
            end_group(process)


@contextmanager
def floor() -> Iterator[Target]:
    """Start the FastAPI application that awaits the graph itself, in one process."""
    with _application("tests.bench.floor:app", path="/docs") as (port, process):
        yield Target(port, "none", {"floor": [process]})


@dataclass(frozen=True)
class SpanSink:
    """A process that takes spans, so that no other one is kept from its work by them."""

    url: str
    """Its URL, as `OTEL_EXPORTER_OTLP_ENDPOINT` wants it."""
    process: psutil.Process
    """The process."""

    def taken(self) -> int:
        """Return the bytes that it has taken so far."""
        return int(httpx.get(f"{self.url}/bytes", timeout=5, trust_env=False).text)


@contextmanager
def span_sink() -> Iterator[SpanSink]:
    """Start the process that takes spans."""
    with _application("tests.bench.span_sink:app", path="/bytes") as (port, process):
        yield SpanSink(f"http://{LOOPBACK}:{port}", process)


@contextmanager
def _application(name: str, *, path: str) -> Iterator[tuple[int, psutil.Process]]:
    """Serve an application by one process. Yield its port once the path answers."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", name, "--port", str(port), "--no-access-log"],
        cwd=PROJECT,
        env=MACHINE_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(process, f"http://{LOOPBACK}:{port}{path}")
        yield port, psutil.Process(process.pid)
    finally:
        end_group(process)


def _wait_for(process: "subprocess.Popen[bytes]", url: str) -> None:
    eventually(f"{url} answers", lambda: _answers(process, url), within_s=STARTED_WITHIN_S)


def _answers(process: "subprocess.Popen[bytes]", url: str) -> bool:
    assert process.poll() is None, f"it ended with status {process.returncode}"
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def cpu_s(processes: list[psutil.Process]) -> float:
    """Return the processor time that living processes have used so far, in seconds."""
    times = [process.cpu_times() for process in processes]
    return float(sum(spent.user + spent.system for spent in times))
