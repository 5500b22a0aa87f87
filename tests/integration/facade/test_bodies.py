"""Every route that takes JSON reads it by the one set of rules, also one that is added tomorrow."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.settings import Settings

HOSTILE = {
    "NUL": rb'{"a":"\u0000"}',
    "surrogate": rb'{"a":["\ud800"]}',
    "64 bits": b'{"a":NaN}',
    "64": b'{"a":{"b":18446744073709551616}}',
    "nested": b'{"a":' * 150 + b"1" + b"}" * 150,
    "no JSON": b"[" * 100_000,
}
"""Bodies, by what is said of them."""


@pytest.fixture
def app(migrated: Settings, redis_url: str) -> FastAPI:
    """The facade."""
    return create_app(
        migrated.model_copy(update={"redis_url": redis_url, "auth_token": SecretStr("key")}), control_plane()
    )


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A caller with the key, who sends JSON."""
    headers = {"authorization": "Bearer key", "content-type": "application/json"}
    with TestClient(app, headers=headers, raise_server_exceptions=False) as client:
        yield client


def routes_with_json(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield the method and a path of every operation that takes JSON."""
    operations: dict[str, dict[str, Any]] = app.openapi()["paths"]
    for path, methods in operations.items():
        for method, operation in methods.items():
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                yield method.upper(), re.sub(r"{\w+}", "x", path)


def test_no_route_takes_a_body_that_could_not_be_told_again(app: FastAPI, client: TestClient) -> None:
    routes = list(routes_with_json(app))
    assert len(routes) > 20
    for problem, body in HOSTILE.items():
        answers = {f"{method} {path}": client.request(method, path, content=body) for method, path in routes}
        taken = {route: answer.text for route, answer in answers.items() if answer.status_code != 422}
        assert taken == {}, problem
        unnamed = {route: answer.text for route, answer in answers.items() if problem not in answer.json()["detail"]}
        assert unnamed == {}, problem


def test_what_is_wrong_in_a_body_is_told_with_its_json_pointer(client: TestClient) -> None:
    refused = client.post("/threads/search", content=b'{"limit": "x", "metadata": 5}')
    assert "`/limit`" in refused.json()["detail"]
    assert "`/metadata`" in refused.json()["detail"]


@pytest.mark.parametrize("text", ["%00", "%ED%A0%80", "a" * 3000, "%2F..%2F", "18446744073709551616"])
def test_no_text_in_a_path_or_a_query_is_a_bug_of_the_facade(app: FastAPI, client: TestClient, text: str) -> None:
    operations: dict[str, dict[str, Any]] = app.openapi()["paths"]
    for path, methods in operations.items():
        asked = re.sub(r"{\w+}", text, path)
        if "get" not in methods:
            continue
        for query in ("", f"?limit={text}&offset={text}&status={text}&assistant_id={text}&before={text}"):
            answer = client.get(asked + query)
            assert answer.status_code in {200, 404, 405, 422, 503}, f"{asked}{query[:80]}: {answer.text}"
