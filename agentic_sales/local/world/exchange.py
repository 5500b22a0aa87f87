"""Describe the requests to a service of the sample world, and its answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlencode

from agentic_sales.local.world.companies import Companies
from agentic_sales.local.world.meters import Count, Meters, Rate

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class WorldAnswer:
    """What is answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def with_headers(self, headers: Mapping[str, str]) -> "WorldAnswer":
        """Return the answer with further headers."""
        return replace(self, headers={**self.headers, **headers})


@dataclass(frozen=True)
class Asked:
    """A request to one service."""

    method: str
    path: str
    """Path below the service's base URL, decoded."""
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    """Headers with names in lower case."""
    body: bytes
    base_url: str
    """Base URL of the service, without a slash at its end."""
    world: Companies
    meters: Meters

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The parts of the path."""
        return tuple(part for part in self.path.split("/") if part)

    @property
    def key(self) -> str:
        """The bearer token, or nothing."""
        return self.headers.get("authorization", "").removeprefix("Bearer ").removeprefix("token ").strip()

    def first(self, name: str, default: str = "") -> str:
        """Return the first value of a parameter."""
        return self.query.get(name, [default])[0]

    def number(self, name: str, default: int) -> int:
        """Return a parameter as a whole number, or the default."""
        text = self.first(name)
        return int(text) if text.isdecimal() else default

    def json(self) -> Any:
        """Return the body as plain data, or None."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def count(self, bucket: str, rate: Rate, key: str | None = None, cost: int = 1) -> Count:
        """Count this request against a limit of the service."""
        return self.meters.count(f"{self.base_url} {bucket} {self.key if key is None else key}", rate, cost)

    def link_to(self, **changes: object) -> str:
        """Return the URL of this request with other parameters."""
        query = {name: values[0] for name, values in self.query.items()} | {k: str(v) for k, v in changes.items()}
        return f"{self.base_url}{self.path}?{urlencode(query)}"


def query_of(text: str) -> Mapping[str, list[str]]:
    """Read the query of a URL."""
    return parse_qs(text, keep_blank_values=True)


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> WorldAnswer:
    """Answer with JSON."""
    return WorldAnswer(
        status, {"Content-Type": JSON, **(headers or {})}, json.dumps(value, ensure_ascii=False).encode()
    )


def as_text(value: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> WorldAnswer:
    """Answer with text."""
    return WorldAnswer(status, {"Content-Type": content_type}, value.encode())


def words_of(text: str) -> set[str]:
    """Return the words of a text as searches compare them."""
    return {word.strip(".,:;!?()\"'`#/").casefold() for word in text.replace("-", " ").split()} - {""}


def matches(query: str, text: str) -> float:
    """Return the share of the words of a query that stand in a text."""
    wanted, found = words_of(query), words_of(text)
    return len(wanted & found) / len(wanted) if wanted else 0.0
