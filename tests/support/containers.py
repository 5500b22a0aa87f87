"""Let pytest-celery's nodes hold real processes instead of Docker containers.

Its brokers, backends and workers ask only a handful of things of their container; these classes answer them for a Redis
and for a process of the fleet. A test then speaks pytest-celery's vocabulary (`celery_setup`, `kill`, `restart`,
`assert_log_exists`) where no Docker engine is.
"""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleet import ONLY_CORE, WEB, Fleet, fleet_of
from tests.support.model_server import ModelServer, answer, model_server
from tests.support.services import RedisServer, end_group, start_redis

LONGEST_RESTART_S = 30
SMALL = (WEB, "worker-core")


def signal_of(name_or_number: str | int) -> int:
    """Return the number of a signal, which pytest-celery gives by its name."""
    return int(name_or_number) if isinstance(name_or_number, int) else int(signal.Signals[name_or_number])


class RedisContainer:
    """A Redis of the tests, as a broker or a backend node holds it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.server: RedisServer = start_redis(directory)

    @property
    def name(self) -> str:
        """Name for messages."""
        return f"redis-{self.server.port}"

    @property
    def id(self) -> str:
        """What Docker would call it."""
        return self.name

    @property
    def status(self) -> str:
        """`running` or `exited`."""
        return "running" if self.server.process.poll() is None else "exited"

    @property
    def celeryconfig(self) -> dict[str, Any]:
        """Where it listens, for this machine and for the other nodes alike."""
        return {"url": self.server.url, "host_url": self.server.url}

    def ready(self) -> bool:
        """Tell whether it answers."""
        with self.server.client() as client:
            return bool(client.ping())

    def logs(self) -> str:
        """Return what it wrote."""
        return self.server.log.read_text(encoding="utf-8")

    def kill(self, signal: str | int = "SIGKILL") -> None:
        """Send a signal and wait for its end."""
        self.server.process.send_signal(signal_of(signal))
        self.server.process.wait(LONGEST_RESTART_S)

    def restart(self, timeout: int = LONGEST_RESTART_S) -> None:
        """Start it again on the same port, with the data that it wrote to its file."""
        if self.status == "running":
            self.server.process.terminate()
            self.server.process.wait(timeout)
        end_group(self.server.process)
        self.server = start_redis(self._directory, port=self.server.port)

    def reload(self) -> None:
        """Do nothing: there is no cached state to read again."""

    def teardown(self) -> None:
        """End it."""
        end_group(self.server.process)


class WorkerContainer:
    """A worker of a fleet, as a worker node holds it."""

    def __init__(self, fleet: Fleet, service: str, *, queue: str) -> None:
        self._fleet, self._service, self._queue = fleet, service, queue

    @property
    def name(self) -> str:
        """Its name in the Procfile."""
        return self._service

    @property
    def id(self) -> str:
        """Name of the machine, which a node's host name is made of."""
        return socket.gethostname()

    @property
    def status(self) -> str:
        """`running` or `exited`."""
        return "running" if self._fleet.services[self._service].is_running else "exited"

    @property
    def celeryconfig(self) -> dict[str, Any]:
        """Nothing: other nodes do not connect to a worker."""
        return {}

    def ready(self) -> bool:
        """Tell whether it has connected."""
        return " ready." in self.logs()

    def logs(self) -> str:
        """Return what it wrote since it was first started."""
        return self._fleet.log(self._service)

    def kill(self, signal: str | int = "SIGKILL") -> None:
        """Send a signal; SIGKILL reaches the children too, as it does in a container."""
        self._fleet.kill(self._service, signal_of(signal))

    def restart(self, timeout: int = LONGEST_RESTART_S) -> None:
        """End it in the orderly way if it runs, and start it again."""
        if self.status == "running":
            process = self._fleet.services[self._service].process
            process.terminate()
            process.wait(timeout)
        self._fleet.restart(self._service)

    def reload(self) -> None:
        """Do nothing: there is no cached state to read again."""

    def teardown(self) -> None:
        """Do nothing: the fleet that it belongs to ends it."""

    def worker_name(self) -> str:
        """Part of the Celery node name before the `@`."""
        return self._queue

    def worker_queue(self) -> str:
        """Queue that it consumes."""
        return self._queue


@pytest.fixture(scope="session")
def model() -> Iterator[ModelServer]:
    """The model of the small fleet: it answers every question with the same mail."""
    body = "Hi {{name}},\n\nYour three days of manual testing caught my eye. We build rigs that run such tests.\n\n"
    mail = {"subject": "Testing at night", "body": f"{body}Would a short call next week be useful?"}
    with model_server(lambda _: answer(mail, input_tokens=120, output_tokens=40)) as server:
        yield server


@pytest.fixture(scope="session")
def small_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisContainer]:
    """The Redis of the small fleet; tests may kill it and start it again."""
    container = RedisContainer(tmp_path_factory.mktemp("small-redis"))
    yield container
    container.teardown()


@pytest.fixture(scope="session")
def shared_small_fleet(
    tmp_path_factory: pytest.TempPathFactory, small_redis: RedisContainer, model: ModelServer
) -> Iterator[Fleet]:
    """The small fleet as it was started; ask for `small_fleet` instead."""
    directory = tmp_path_factory.mktemp("small-fleet")
    environment = {**ONLY_CORE, **model.env}
    with fleet_of(directory, small_redis.server, environment, names=SMALL) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


@pytest.fixture
def small_fleet(shared_small_fleet: Fleet, small_redis: RedisContainer) -> Fleet:
    """A fleet with the core pool alone and a model, whole, for tests that end its Redis or its worker."""
    if small_redis.status != "running":
        small_redis.restart()
    shared_small_fleet.revive(*SMALL)
    return shared_small_fleet


def why_no_docker() -> str | None:
    """Return why there is no Docker engine to talk to; None: there is one."""
    if not (os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists()):
        return "no Docker engine: no DOCKER_HOST and no /var/run/docker.sock"
    import docker  # type: ignore[import-untyped]  # noqa: PLC0415 - ships no types; slow, and rarely needed

    try:
        client = docker.from_env(timeout=5)
        client.ping()
        client.close()
    except docker.errors.DockerException as exc:
        return f"no Docker engine: {exc}"
    return None
