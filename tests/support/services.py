"""Start real servers for tests: a Redis of our own, a virtual host of this machine's RabbitMQ.

Nothing here touches a server that is already there, beyond a virtual host that is made and removed again. What is
missing on a developer's machine skips with the reason; where CI is set, it fails.
"""

import atexit
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from agentic_sales.local.ports import LOOPBACK
from agentic_sales.local.reaper import Reaper
from agentic_sales.local.redis import redis_binary
from tests.support.nursery import Fork
from tests.support.ports import free_port
from tests.support.waiting import eventually

RABBITMQ_ADDRESS = (LOOPBACK, 5672)
RABBITMQ_USER = "guest"
MACHINE_ENVIRONMENT = {
    name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR", "USER") if name in os.environ
}
"""What a program needs of the surrounding environment, taken before any test can change it."""
IN_CI = bool(os.environ.get("CI"))


def missing(reason: str) -> NoReturn:
    """Skip a test whose service is not on this machine; fail it in CI, where it must be."""
    if IN_CI:
        pytest.fail(f"{reason}; CI must have it")
    pytest.skip(reason)


@dataclass(frozen=True)
class RedisServer:
    """A running Redis that belongs to the tests."""

    port: int
    """TCP port on loopback."""
    process: "subprocess.Popen[bytes]"
    """The server."""
    log: Path
    """What it says."""
    credentials: Mapping[str, str] = field(default_factory=dict)
    """`username` and `password` of the user who may do everything; empty: the default user may."""

    @property
    def url(self) -> str:
        """URL of its first database, without credentials."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def client(self, **credentials: str) -> Redis:
        """Return a client that answers with text and does not retry; as another user with other credentials."""
        retry = Retry(NoBackoff(), 0)
        who: Any = {**self.credentials, **credentials}
        return Redis(host=LOOPBACK, port=self.port, retry=retry, socket_timeout=5, decode_responses=True, **who)


@cache
def _guard() -> Reaper:
    """Start what ends our processes when the tests themselves are killed."""
    guard = Reaper()
    atexit.register(guard.__exit__, None, None, None)
    return guard


Process = subprocess.Popen[bytes] | Fork
"""A process that a test has started."""


def guard(pid: int) -> None:
    """Have a group end with this process, however that ends."""
    _guard().watch(pid)


def spawn(
    *command: str, cwd: Path, log: Path, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a process that leads a group of its own; end it with `end_group`.

    Args:
        command: Program and arguments.
        cwd: Where it starts.
        log: Where its standard output and error are appended.
        environment: All of its environment; None: this process's.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    guard(process.pid)
    return process


def start_redis(
    directory: Path,
    *further: str,
    port: int | None = None,
    credentials: Mapping[str, str] | None = None,
    binary: str | None = None,
) -> RedisServer:
    """Start a Redis in a directory; on the same port and directory it goes on where it was.

    Args:
        directory: Where its file and its log are.
        further: Options of the server.
        port: TCP port on loopback; None: a free one.
        credentials: Of the user who may do everything, where the default user may not.
        binary: The server's program; None: the one that the product finds.
    """
    port = port or free_port()
    options = ["--bind", LOOPBACK, "--save", "", "--appendonly", "yes", "--daemonize", "no", "--logfile", "redis.log"]
    process = spawn(
        binary or redis_binary(), "--port", str(port), *options, *further, cwd=directory, log=directory / "redis.out"
    )
    server = RedisServer(port, process, directory / "redis.log", credentials or {})
    eventually(f"Redis on port {port} answers", lambda: _why_silent(server), lambda reason: reason is None)
    return server


@contextmanager
def redis_server(directory: Path) -> Iterator[RedisServer]:
    """Run a Redis in a directory for as long as the context lasts."""
    server = start_redis(directory)
    try:
        yield server
    finally:
        end_group(server.process)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Redis for tests that need one and leave the keys of others alone."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@dataclass(frozen=True)
class RabbitMQ:
    """A virtual host that belongs to the tests, on this machine's RabbitMQ."""

    vhost: str
    """Its name."""
    rabbitmqctl: str
    """The program that administers the server."""

    @property
    def url(self) -> str:
        """URL of the virtual host."""
        host, port = RABBITMQ_ADDRESS
        return f"amqp://{RABBITMQ_USER}:{RABBITMQ_USER}@{host}:{port}/{self.vhost}"

    def queue_types(self) -> dict[str, str]:
        """Return the type of every queue, by its name."""
        listed = self.control("--quiet", "--no-table-headers", "list_queues", "-p", self.vhost, "name", "type")
        return dict(line.split("\t") for line in listed.splitlines() if "\t" in line)

    def control(self, *arguments: str) -> str:
        """Run a command of `rabbitmqctl`; return what it says."""
        done = subprocess.run(
            [self.rabbitmqctl, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"rabbitmqctl {' '.join(arguments)}: {done.stdout}"
        return done.stdout


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """A virtual host for all tests that need one."""
    with rabbitmq_host() as host:
        yield host


@contextmanager
def rabbitmq_host() -> Iterator[RabbitMQ]:
    """Make a virtual host, and remove it with everything in it."""
    rabbitmqctl = shutil.which("rabbitmqctl")
    if rabbitmqctl is None or not _listens(RABBITMQ_ADDRESS):
        missing("no RabbitMQ with rabbitmqctl on this machine")
    host = RabbitMQ(f"agentic-test-{secrets.token_hex(4)}", rabbitmqctl)
    try:
        host.control("add_vhost", host.vhost)
    except AssertionError as exc:
        missing(str(exc))
    try:
        host.control("set_permissions", "-p", host.vhost, RABBITMQ_USER, ".*", ".*", ".*")
        yield host
    finally:
        host.control("delete_vhost", host.vhost)


def members_of_group(leader_pid: int) -> list[psutil.Process]:
    """Return the living processes of a process group, zombies not among them."""
    members: list[psutil.Process] = []
    try:
        os.killpg(leader_pid, 0)
    except ProcessLookupError:  # nothing is left, and to look at every process of the machine costs
        return members
    except PermissionError:  # macOS answers so for a group of zombies
        pass
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == leader_pid and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return members


def end_group(process: Process) -> None:
    """Kill a process that leads its group, and the whole group; return when nothing of it is left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _guard().release(process.pid)
    eventually(f"group {process.pid} is gone", lambda: members_of_group(process.pid), lambda members: not members)


def _why_silent(server: RedisServer) -> str | None:
    assert server.process.poll() is None, f"Redis ended: {server.log.read_text()[-800:]}"
    try:
        with server.client() as client:
            is_ours = client.info("server")["process_id"] == server.process.pid
    except RedisConnectionError as exc:  # also while it loads its file
        return str(exc)
    return None if is_ours else "another server answers on this port"


def _listens(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True
