"""What is measured, as processes: the fleet by its Procfile lines, and the floor; none of them outlives its context."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil  # type: ignore[import-untyped]  # psutil ships no types

from agentic_sales.dev.ports import LOOPBACK, free_port
from tests.fleet import ONLY_CORE, PROJECT, TOKEN, WEB, Fleet, fleet_of
from tests.services import MACHINE_ENVIRONMENT, end_group, redis_server
from tests.waiting import eventually

WORKER = "worker-core"


@dataclass(frozen=True)
class Target:
    """Something that answers `POST /runs/wait`."""

    port: int
    """TCP port on loopback."""
    key: str
    """Key that it asks for."""
    roles: dict[str, list[psutil.Process]]
    """Its processes, by what they do."""


@contextmanager
def core_fleet(*, children: int) -> Iterator[Target]:
    """Start Redis, the facade and a core worker that carries the tests' workflows."""
    environment = {**ONLY_CORE, "AGENTIC_SALES_WORKER_CONCURRENCY": str(children)}
    with TemporaryDirectory(prefix="agentic-sales-bench-") as folder:
        directory = Path(folder)
        with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=(WEB, WORKER)) as fleet:
            fleet.wait_until_ready()
            yield Target(int(fleet.environment["PORT"]), TOKEN, _roles(fleet, redis.process.pid))


def _roles(fleet: Fleet, redis_pid: int) -> dict[str, list[psutil.Process]]:
    pids = {
        "facade": [fleet.services[WEB].process.pid],
        "worker parent": [fleet.services[WORKER].process.pid],
        "worker children": fleet.children(WORKER),
        "redis": [redis_pid],
    }
    return {role: [psutil.Process(pid) for pid in members] for role, members in pids.items()}


@contextmanager
def floor() -> Iterator[Target]:
    """Start the FastAPI application that awaits the graph itself, in one process."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "tests.bench.floor:app", "--port", str(port), "--no-access-log"],
        cwd=PROJECT,
        env=MACHINE_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        eventually("the floor answers", lambda: _answers(process, f"http://{LOOPBACK}:{port}/docs"), within_s=30)
        yield Target(port, "none", {"floor": [psutil.Process(process.pid)]})
    finally:
        end_group(process)


def _answers(process: "subprocess.Popen[bytes]", url: str) -> bool:
    assert process.poll() is None, f"the floor ended with status {process.returncode}"
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def cpu_s(processes: list[psutil.Process]) -> float:
    """Return the processor time that living processes have used so far, in seconds."""
    times = [process.cpu_times() for process in processes]
    return float(sum(spent.user + spent.system for spent in times))
