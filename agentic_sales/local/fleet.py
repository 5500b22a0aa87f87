"""Start every line of the Procfile on one Redis and end all of it together.

The Procfile is the one description of the processes. This module knows one fact about them. The facade answers
`/ready` when every pool has a live worker.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis
from honcho.environ import parse_procfile  # type: ignore[import-untyped]  # honcho ships no types

from agentic_sales.errors import ConfigurationError
from agentic_sales.local.ports import LOOPBACK, reachable_host, refuse_busy_ports
from agentic_sales.local.reaper import Reaper
from agentic_sales.local.redis import embedded_redis
from agentic_sales.local.supervisor import FleetFailed, Sink, Supervisor
from agentic_sales.outbound.http import httpx
from agentic_sales.packaged import PACKAGED
from agentic_sales.settings import child_environment

DEFAULT_PORT = 8002
READY_TIMEOUT_S = 120.0
"""Longest that starting may take. Four workers import their graphs at the same time."""
_POLL_S = 0.25
_CONNECT_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """The addresses, the directory and the environment of a fleet."""

    state_dir: Path
    """Directory of everything that the fleet writes."""
    host: str = LOOPBACK
    """Address that the facade binds."""
    port: int = DEFAULT_PORT
    """TCP port of the facade."""
    flower_port: int = 5555
    """TCP port of Flower on loopback."""
    redis_url: str | None = None
    """Redis that is there already. None: an embedded one in the state directory."""
    environment: Mapping[str, str | None] = field(default_factory=dict)
    """Further environment of every process. None removes a name."""

    @property
    def url(self) -> str:
        """URL of the facade as this machine reaches it."""
        return f"http://{reachable_host(self.host)}:{self.port}"

    @property
    def flower_url(self) -> str:
        """URL of Flower."""
        return f"http://{LOOPBACK}:{self.flower_port}"


@dataclass(frozen=True, slots=True)
class LocalFleet:
    """A fleet with started processes."""

    plan: FleetPlan
    """The plan of its start."""
    redis_url: str
    """Redis that it uses."""
    supervisor: Supervisor
    """Its processes."""

    async def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until the facade says that every pool has a live worker.

        Raises:
            FleetFailed: A process ended, or the fleet is still not ready after `timeout_s`. The message names the
                missing part.
        """
        failed = asyncio.create_task(self.supervisor.first_exit())
        ready = asyncio.create_task(self._poll_ready(timeout_s))
        try:
            await asyncio.wait({failed, ready}, return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                raise failed.result()
            ready.result()
        finally:
            failed.cancel()
            ready.cancel()

    async def _poll_ready(self, timeout_s: float) -> None:
        told = "the facade has not answered"
        try:
            async with asyncio.timeout(timeout_s), httpx.AsyncClient(trust_env=False) as http:
                while told := await _why_not_ready(http, f"{self.plan.url}/ready"):  # noqa: ASYNC110 - no event crosses
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as exc:
            raise FleetFailed(f"the fleet was not ready after {timeout_s:g} s: {told}") from exc


@asynccontextmanager
async def running_fleet(plan: FleetPlan, sink: Sink) -> AsyncIterator[LocalFleet]:
    """Start every process of the Procfile. End all of them, and the embedded Redis after them.

    Args:
        plan: Its addresses, directory and environment.
        sink: Takes every line that a process prints.

    Raises:
        ConfigurationError: A port is taken, Redis is not there, or the Procfile has no line.
    """
    refuse_busy_ports(
        {
            "the facade (choose another with --port)": (plan.host, plan.port),
            "Flower (choose another with FLOWER_PORT)": (LOOPBACK, plan.flower_port),
        }
    )
    commands = read_procfile()
    plan.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Reaper() as guard, _redis(plan, guard) as redis_url:
        environment = _environment(plan, redis_url)
        async with Supervisor(guard, sink) as supervisor:
            for name, command in commands.items():
                await supervisor.start(name, command, environment)
            yield LocalFleet(plan, redis_url, supervisor)


def read_procfile() -> dict[str, str]:
    """Return the lines of the Procfile, from names to commands. The working directory's file precedes the packaged one.

    Raises:
        ConfigurationError: It has no line.
    """
    own = Path.cwd() / "Procfile"
    path = own if own.is_file() else PACKAGED / "Procfile"
    commands = dict(parse_procfile(path.read_text(encoding="utf-8")).processes)
    if not commands:
        raise ConfigurationError(f"`{path}` has no line of the form `name: command`")
    return commands


@contextmanager
def _redis(plan: FleetPlan, guard: Reaper) -> Iterator[str]:
    if plan.redis_url is None:
        with embedded_redis(plan.state_dir / "redis", guard) as server:
            yield server.url
    else:
        _refuse_silent_redis(plan.redis_url)
        yield plan.redis_url


def _refuse_silent_redis(url: str) -> None:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=_CONNECT_TIMEOUT_S) as client:
            client.ping()
    except (redis.RedisError, ValueError) as exc:
        raise ConfigurationError(
            f"the Redis that REDIS_URL names does not answer: {exc}; start it, or unset REDIS_URL for an embedded one"
        ) from exc


def _environment(plan: FleetPlan, redis_url: str) -> dict[str, str]:
    return child_environment(
        {
            "REDIS_URL": redis_url,
            "HOST": plan.host,
            "PORT": str(plan.port),
            "FLOWER_PORT": str(plan.flower_port),
            "LANGGRAPH_URL": plan.url,  # links to unsubscribe lead to it
            "AGENTIC_SALES_STATE_DIR": str(plan.state_dir.absolute()),
            "AGENTIC_SALES_TASK_EVENTS": "1",  # Flower is part of the fleet
            "AGENTIC_SALES_DEV": "1",  # the facade still refuses to be open to others without a key
            "PYTHONUNBUFFERED": "1",  # a crash must not take its last words with it
            **plan.environment,
        }
    )


async def _why_not_ready(http: httpx.AsyncClient, url: str) -> str:
    try:
        response = await http.get(url)
    except httpx.TransportError as exc:
        return f"{url} cannot be reached ({type(exc).__name__})"
    return "" if response.is_success else f"{url} answers {response.status_code}: {response.text}"
