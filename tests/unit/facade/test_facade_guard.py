"""The guard in front of every request: who may pass, in which order it is decided, and how keys are compared."""

import hmac
from hashlib import sha256
from uuid import UUID

import pytest
from pydantic import SecretStr
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from agentic_sales.contracts import ErrorBody
from agentic_sales.facade.body_limits import BodyLimits
from agentic_sales.facade.guard import LONGEST_REQUEST_ID_CHARS, Guard
from agentic_sales.outbound.http import httpx

KEY = "the key of the fleet"
METRICS_KEY = "the key of prometheus"
MAX_BODY_BYTES, MAX_IMPORT_BYTES = 100, 1_000
LIMITS = BodyLimits(MAX_BODY_BYTES, MAX_IMPORT_BYTES)


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand for the facade behind the guard."""
    await PlainTextResponse("let through")(scope, receive, send)


def caller(key: str | None = KEY) -> httpx.AsyncClient:
    """Return a client of a guarded app whose key this is; None: it has none."""
    guard = Guard(inner, token=None if key is None else SecretStr(key), limits=LIMITS)
    return httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://facade")


async def status(path: str, headers: dict[str, str] | None = None, *, key: str | None = KEY) -> int:
    """Ask for a path; return the status."""
    async with caller(key) as http:
        return (await http.get(path, headers=headers)).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"authorization": f"Bearer  {KEY} "},
        {"x-api-key": KEY},
        {"X-Api-Key": KEY},
        {"authorization": "Basic dXNlcjpwYXNz", "x-api-key": KEY},
    ],
)
async def test_the_right_key_is_let_through_as_a_bearer_token_or_an_api_key(headers: dict[str, str]) -> None:
    assert await status("/runs/wait", headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": KEY},
        {"authorization": f"Basic {KEY}"},
        {"authorization": f"Bearer {KEY[:-1]}"},
        {"authorization": f"Bearer {KEY}2"},
        {"authorization": f"Bearer {KEY.upper()}"},
        {"authorization": "Bearer wrong", "x-api-key": KEY},
        {"x-api-key": ""},
        {"x-api-key": f"Bearer {KEY}"},
    ],
)
async def test_a_missing_or_wrong_key_is_refused_and_told_how_to_send_one(headers: dict[str, str]) -> None:
    async with caller() as http:
        answer = await http.post("/runs/wait", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    body = ErrorBody.model_validate_json(answer.content)
    assert (body.code, body.kind) == ("unauthorized", "auth")
    assert "Authorization: Bearer" in body.detail


async def test_a_key_outside_ascii_is_refused_and_not_an_error() -> None:
    async with caller() as http:
        answer = await http.get("/runs", headers=[(b"x-api-key", b"\xff\xfe")])
    assert answer.status_code == 401


async def test_keys_are_compared_as_digests_and_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def watched(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return compare(left, right)

    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", watched)
    await status("/runs", {"x-api-key": "k"})
    await status("/runs")
    digest = sha256(KEY.encode()).digest()
    assert compared == [(sha256(b"k").digest(), digest), (sha256(b"").digest(), digest)]


def test_the_guard_keeps_no_key_in_the_clear() -> None:
    guard = Guard(inner, token=SecretStr(KEY), limits=LIMITS)
    assert KEY not in repr(vars(guard))


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"x-api-key": KEY}], ids=["no key", "wrong", "right"])
async def test_an_internal_path_is_refused_before_the_key_is_looked_at(headers: dict[str, str]) -> None:
    assert await status("/_ml/embed", headers) == 403


@pytest.mark.parametrize(("headers", "expected"), [({}, 401), ({"x-api-key": "wrong"}, 401), ({"x-api-key": KEY}, 404)])
async def test_only_a_caller_with_the_key_learns_that_a_path_is_unknown(headers: dict[str, str], expected: int) -> None:
    assert await status("/admin", headers) == expected


async def test_health_needs_no_key() -> None:
    assert await status("/health") == 200


async def test_without_a_key_of_its_own_the_guard_asks_for_none_but_keeps_internal_paths_shut() -> None:
    assert await status("/runs", key=None) == 200
    assert await status("/_ml/embed", key=None) == 403
    assert await status("/admin", key=None) == 404


@pytest.mark.parametrize(("size_bytes", "expected"), [(MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413)])
async def test_a_body_that_says_that_it_is_too_large_is_not_read(size_bytes: int, expected: int) -> None:
    async with caller() as http:
        answer = await http.post("/runs/wait", headers={"x-api-key": KEY}, content=b"x" * size_bytes)
    assert answer.status_code == expected
    if expected == 413:
        assert ErrorBody.model_validate_json(answer.content).code == "body_too_large"


@pytest.mark.parametrize(("method", "expected"), [("POST", 200), ("PUT", 413)])
async def test_a_file_of_people_may_be_larger_than_other_bodies(method: str, expected: int) -> None:
    async with caller() as http:
        path, body = "/campaigns/spring/import", b"x" * MAX_IMPORT_BYTES
        answer = await http.request(method, path, headers={"x-api-key": KEY}, content=body)
        assert answer.status_code == expected
        assert (await http.post(path, headers={"x-api-key": KEY}, content=body + b"x")).status_code == 413


async def test_a_stranger_is_not_told_that_a_body_is_too_large() -> None:
    async with caller() as http:
        answer = await http.post("/runs/wait", content=b"x" * (MAX_BODY_BYTES + 1))
    assert answer.status_code == 401


@pytest.mark.parametrize("headers", [{"x-api-key": KEY}, {}], ids=["let through", "refused"])
async def test_the_callers_request_id_comes_back(headers: dict[str, str]) -> None:
    async with caller() as http:
        answer = await http.get("/runs", headers={**headers, "x-request-id": "abc-1"})
    assert answer.headers["x-request-id"] == "abc-1"


async def test_a_request_without_an_id_gets_one_of_its_own() -> None:
    async with caller() as http:
        ids = [(await http.get("/health")).headers["x-request-id"] for _ in range(2)]
    assert ids[0] != ids[1]
    assert [UUID(one).version for one in ids] == [7, 7]


async def test_an_endless_request_id_is_cut() -> None:
    async with caller() as http:
        answer = await http.get("/health", headers={"x-request-id": "a" * 10_000})
    assert answer.headers["x-request-id"] == "a" * LONGEST_REQUEST_ID_CHARS


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        ("/metrics", METRICS_KEY, 200),
        ("/metrics", KEY, 200),
        ("/metrics", None, 401),
        ("/metrics", "another", 401),
        ("/runs/dead", METRICS_KEY, 401),
        ("/metrics/", METRICS_KEY, 401),
    ],
)
async def test_the_key_for_metrics_opens_the_metrics_and_nothing_else(
    path: str, key: str | None, expected: int
) -> None:
    secrets = {"token": SecretStr(KEY), "metrics_token": SecretStr(METRICS_KEY)}
    guard = Guard(inner, **secrets, limits=LIMITS)
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://facade") as http:
        assert (await http.get(path, headers=headers)).status_code == expected
