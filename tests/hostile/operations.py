"""Ask every operation of the OpenAPI document for what it does not expect, by Schemathesis, on the whole application.

No pool has a worker, so a run that fits is 503. No answer is 500, and each has the status and the body that the
document promises.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisWarning
from pydantic import SecretStr
from schemathesis.core import NOT_SET
from starlette.testclient import TestClient

from agentic_sales.contracts import ErrorBody
from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.routing import HEALTH_PATHS
from agentic_sales.settings import Settings
from tests.hostile.kinds import Tried

KEY = {"authorization": "Bearer key"}
NEVER = {500, 501, 502}


def failures_of(configuration: Settings, *, most: int, number: int = 0) -> list[Tried]:
    """Try every operation; return what became of each."""
    with _served(configuration) as client:
        document = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
        operations: list[Any] = list(document.get_all_operations())
        return [_tried(client, operation.ok(), most=most, number=number) for operation in operations]


@contextmanager
def _served(configuration: Settings) -> Iterator[TestClient]:
    app = create_app(configuration.model_copy(update={"auth_token": SecretStr("key")}), control_plane())
    with TestClient(app, headers=KEY, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


def _asked(client: TestClient, case: Any) -> Any:
    """Send a case; what is no object of a JSON body is sent as it is."""
    headers = {name: value for name, value in (case.headers or {}).items() if value.isascii() and value.isprintable()}
    body: dict[str, Any] = {}
    if case.body is not NOT_SET:
        body = {"content": case.body} if isinstance(case.body, bytes) else {"json": case.body}
    return client.request(case.method, case.formatted_path, params=case.query, headers=headers, **body)


def _tried(client: TestClient, operation: Any, *, most: int, number: int) -> Tried:
    counted, name = 0, f"{operation.method.upper()} {operation.path}"

    @seed(number)
    @settings(
        max_examples=most,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # to find the smallest input that breaks something takes a hundred requests
    )
    @given(case=operation.as_strategy())
    def try_one(case: Any) -> None:
        nonlocal counted
        counted += 1
        answer = _asked(client, case)
        assert answer.status_code not in NEVER, (answer.status_code, answer.text[:500])
        if answer.status_code >= 400 and case.path not in HEALTH_PATHS:
            ErrorBody.model_validate_json(answer.content)
        documented = case.operation.definition.raw["responses"]
        assert str(answer.status_code) in documented or "default" in documented

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HypothesisWarning)  # two packages define the format `email`
            try_one()
    except Exception as exc:  # noqa: BLE001 - whatever it raises is what broke
        return Tried(name, counted, f"{type(exc).__name__}: {exc} {getattr(exc, '__notes__', '')}"[:2000])
    return Tried(name, counted, None)
