"""Imports over HTTP: files of any length, progress, suppressions, and a facade that answers meanwhile."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from agentic_sales.campaigns.people import file_import
from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.control import control_plane
from agentic_sales.facade import importing
from agentic_sales.facade.app import create_app
from agentic_sales.settings import Settings
from agentic_sales.store.contacts import contact_by_hash
from agentic_sales.store.suppressions import suppressions
from tests.support.small_campaign import CAMPAIGN, small_campaign

KEY = {"authorization": "Bearer key"}
WHERE = f"/campaigns/{CAMPAIGN}/import?basis=consent&source=a+fair&file=people.csv"
MAX_BODY_BYTES = 10_000


@contextmanager
def facade(migrated: Settings, redis_url: str, **values: Any) -> Iterator[TestClient]:
    """Run a facade of small bodies; return a client that knows its key."""
    told = {"redis_url": redis_url, "auth_token": SecretStr("key"), "max_body_bytes": MAX_BODY_BYTES, **values}
    with TestClient(create_app(migrated.model_copy(update=told), control_plane()), headers=KEY) as client:
        yield client


def file_of(count: int, *, opted_out_every: int = 0) -> bytes:
    """Return a file of so many people."""
    lines = [f"p{n}@many.example,Jo,{opted_out_every and n % opted_out_every == 0}" for n in range(count)]
    return "\n".join(["Email,First Name,Email Opt Out", *lines]).encode()


async def test_a_file_that_is_larger_than_other_bodies_is_taken_in_and_told_of_transaction_by_transaction(
    migrated: Settings, redis_url: str
) -> None:
    raw = file_of(2_000, opted_out_every=100)
    assert len(raw) > MAX_BODY_BYTES
    async with small_campaign(migrated) as campaign:
        with facade(migrated, redis_url) as client:
            answer = client.post(WHERE, content=raw, headers={"accept": importing.PROGRESS})
        events = [json.loads(line) for line in answer.text.splitlines()]
        async with campaign.database.reading() as connection:
            rows = await suppressions(connection, limit=50)
            assert await contact_by_hash(connection, email_hash("p100@many.example")) is None
            assert await contact_by_hash(connection, email_hash("p101@many.example")) is not None
    assert [event["event"] for event in events] == ["file", *["lines"] * 4, "end"]
    assert [event["enrolled"] for event in events[1:]] == [495, 990, 1485, 1980, 1980]
    assert events[-1]["counts"] == {"added": 1980, "known": 0, "duplicate": 0, "suppressed": 20, "refused": 0}
    assert {(row.reason, row.source) for row in rows} == {("unsubscribed", "people.csv, column Email Opt Out")}
    assert len(rows) == 20


async def test_one_document_tells_of_every_line_of_a_short_file_and_of_the_telling_ones_of_a_long_one(
    migrated: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_LINES_TOLD", 600)
    async with small_campaign(migrated):
        with facade(migrated, redis_url) as client:
            short = client.post(WHERE, content=file_of(100)).json()
            long = client.post(WHERE, content=file_of(1_200, opted_out_every=100)).json()
    assert ([line["status"] for line in short["lines"]], short["enrolled"]) == (["added"] * 100, 100)
    assert long["counts"] == {"added": 1089, "known": 99, "duplicate": 0, "suppressed": 12, "refused": 0}
    assert {line["status"] for line in long["lines"]} == {"known", "suppressed"}


async def test_a_body_over_the_limit_of_imports_takes_nobody_in(migrated: Settings, redis_url: str) -> None:
    raw = file_of(2_000)
    async with small_campaign(migrated) as campaign:
        with facade(migrated, redis_url, max_import_bytes=len(raw) - 1) as client:
            declared = client.post(WHERE, content=raw)
            streamed = client.post(WHERE, content=iter([raw]))
        async with campaign.database.reading() as connection:
            assert await contact_by_hash(connection, email_hash("p1@many.example")) is None
    assert (declared.status_code, streamed.status_code) == (413, 413)


async def test_a_file_that_is_none_is_422_whatever_the_answer_was_to_be(migrated: Settings, redis_url: str) -> None:
    async with small_campaign(migrated):
        with facade(migrated, redis_url) as client:
            for accept in ("application/json", importing.PROGRESS):
                answer = client.post(WHERE, content=b"a," * 40_000, headers={"accept": accept})
                assert answer.status_code == 422
                assert "40001 columns; a file has at most 500" in answer.json()["detail"]


@pytest.mark.parametrize("header", ["Email", "x" * 80 + ",Email"])
async def test_twice_the_lines_take_about_twice_the_time(
    migrated: Settings, redis_url: str, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_import, "LINES_AT_ONCE", 200)
    before = "x," * header.count(",")
    spent: list[float] = []
    async with small_campaign(migrated):
        with facade(migrated, redis_url) as client:
            for half in range(2):
                lines = [f"{before}h{half}n{n}@many.example" for n in range(3_000)]
                started = time.process_time()
                answer = client.post(WHERE, content="\n".join([header, *lines]).encode())
                spent.append(time.process_time() - started)
                assert answer.json()["enrolled"] == 3_000
    assert spent[1] < spent[0] * 2
