"""Give every test the same world: none of this machine's configuration, no network but loopback."""

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_FOREIGN_PREFIXES = (
    *("AGENTIC_SALES_", "LANGGRAPH_", "LANGSMITH_", "LANGCHAIN_", "OTEL_", "CELERY_", "FLOWER_"),
    *("OPENAI_", "ANTHROPIC_", "DEEPSEEK_", "OLLAMA_"),
)
_FOREIGN_SUFFIXES = ("_WORKER_QUEUE", "_WORKER_ASSISTANTS", "_API_KEY", "_TOKEN")
_FOREIGN_NAMES = {
    "REDIS_URL",
    "DATABASE_URL",
    "FLOWER_BASIC_AUTH",
    "FLOWER_HOST",
    "FLOWER_PORT",
    "HOST",
    "PORT",
}

# Before anything of ours is imported: settings are read once, and a library may read its own at import.
for _name in list(os.environ):
    if _name.startswith(_FOREIGN_PREFIXES) or _name.endswith(_FOREIGN_SUFFIXES) or _name in _FOREIGN_NAMES:
        del os.environ[_name]
os.environ["AGENTIC_SALES_DNS"] = "off"  # No test asks the DNS of this machine.

# Hundreds of processes are started from this one. Without byte code each compiles the whole package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

from agentic_sales.control import control_plane  # noqa: E402 - see above
from agentic_sales.settings import settings  # noqa: E402 - see above

pytest_plugins = [
    "tests.support.services",
    "tests.support.imap_server",
    "tests.support.databases",
    "tests.support.fleet",
    "tests.support.containers",
    "tests.support.world",
    "tests.support.wheel",
    "tests.support.book_runs",
]

_TESTS = Path(__file__).parent
_ACCEPTANCE = _TESTS / "acceptance"


# The slowest first, so that no process is left alone with them at the end.
_ORDER = ("chaos", "acceptance", "deploy", "hostile", "structure", "integration", "evals", "unit")


_SERVERS = frozenset({"book", "facade", "langsmith", "redis_url", "serve", "server", "shared_world", "site"})
"""Fixtures that start a server."""


class NetworkRefused(Exception):
    """Raised when a unit test speaks to another machine; it is no `OSError`, so that no error handling hides it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slowest; a file's tests stay together in one process, since they share servers.

    Mark tests that ask a server, so that `make test-fast` can leave them out.
    """
    items.sort(key=_rank)
    for item in items:
        if isinstance(item, pytest.Function) and not _SERVERS.isdisjoint(item.fixturenames):
            item.add_marker(pytest.mark.server)


def _rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(_TESTS).parts[0]
    return _ORDER.index(folder) if folder in _ORDER else len(_ORDER)


@pytest.fixture(autouse=True)
def fresh_configuration() -> Iterator[None]:
    """Let every test read its own environment: nothing is cached before or after it."""
    settings.cache_clear()
    control_plane.cache_clear()
    yield
    settings.cache_clear()
    control_plane.cache_clear()


@pytest.fixture(autouse=True)
def loopback_only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections to other machines, except to acceptance tests, whose subject is whole programs."""
    if _ACCEPTANCE in request.path.parents:
        return
    for method in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, method, _refusing(getattr(socket.socket, method)))


def _refusing(connect: Any) -> Any:
    def refusing(self: socket.socket, address: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
            raise NetworkRefused(f"a unit test connects to {address}; use a server on loopback")
        return connect(self, address)

    return refusing


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
