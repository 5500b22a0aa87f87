"""Ask the facade over HTTP for the commands."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from agentic_sales.client import Client


def ask_facade(method: str, path: str, url: str | None, body: Any = None, **query: object) -> Any:
    """Ask the facade and return the JSON of its answer. Parts of the query without a value are left out.

    Raises:
        LangGraphError: The facade refused or was not reachable.
    """
    with Client(url) as client:
        return client.ask(method, f"{path}{_query(query)}", body)


def follow_import(path: str, file: Path | bytes, url: str | None, **query: object) -> Iterator[dict[str, Any]]:
    """Send a file to be imported and yield the facade's report, transaction by transaction.

    Raises:
        LangGraphError: The facade refused, was not reachable or broke off.
    """
    name = file.name if isinstance(file, Path) else ""
    with Client(url) as client:
        yield from client.follow("POST", f"{path}{_query({**query, 'file': name})}", file)


def download(path: str, url: str | None, write: Callable[[bytes], object], **query: object) -> None:
    """Ask the facade for a file and hand it on piece by piece.

    Raises:
        LangGraphError: The facade refused, was not reachable or broke off.
    """
    with Client(url) as client:
        client.download(f"{path}{_query(query)}", write)


def path_of(*parts: str) -> str:
    """Return the path of something by its ids."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def _query(given: dict[str, object]) -> str:
    told = {name: _told(value) for name, value in given.items() if value not in (None, "")}
    return f"?{urlencode(told)}" if told else ""


def _told(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value
