"""Scripts over one connection to a real Redis: each asker gets its own answer, whatever becomes of the others."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from agentic_sales.runs import line as module
from agentic_sales.runs.line import Line
from agentic_sales.runs.submit import connect_redis
from agentic_sales.settings import Settings
from tests.support.services import redis_server

ECHO, FAIL = "return {KEYS[1], ARGV[1]}", "return redis.error_reply('MINE this was refused')"
MANY = 200


@pytest.fixture
async def line(redis: Redis) -> AsyncIterator[Line]:
    """The line of this test."""
    opened = Line(redis)
    yield opened
    await opened.aclose()


async def test_each_of_many_askers_at_once_gets_its_own_answer_over_one_connection(redis: Redis, line: Line) -> None:
    echo, before = line.script(ECHO), int((await redis.info("clients"))["connected_clients"])
    answers = await asyncio.gather(*(echo(keys=[f"key {n}"], args=["ö" * n]) for n in range(MANY)))
    assert answers == [[f"key {n}".encode(), ("ö" * n).encode()] for n in range(MANY)]
    assert int((await redis.info("clients"))["connected_clients"]) <= before + 1


async def test_a_script_that_redis_has_forgotten_is_taught_again(redis: Redis, line: Line) -> None:
    echo = line.script(ECHO)
    assert await echo(keys=["a"], args=[1]) == [b"a", b"1"]
    await redis.script_flush()
    assert await echo(keys=["b"], args=[2.5]) == [b"b", b"2.5"]


async def test_an_error_reaches_its_asker_alone(line: Line) -> None:
    echo, fail = line.script(ECHO), line.script(FAIL)
    asked = echo(keys=["a"], args=["1"]), fail(keys=[], args=[]), echo(keys=["b"], args=["2"])
    answers: tuple[Any, ...] = await asyncio.gather(*asked, return_exceptions=True)
    first, error, last = answers
    assert (first, last) == ([b"a", b"1"], [b"b", b"2"])
    assert isinstance(error, ResponseError)
    assert "MINE this was refused" in str(error)


async def test_an_asker_that_gives_up_leaves_the_answers_of_the_others_in_order(line: Line) -> None:
    echo = line.script(ECHO)
    asked = [asyncio.create_task(echo(keys=[str(n)], args=[n])) for n in range(5)]
    await asyncio.sleep(0)
    asked[2].cancel()
    answers: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(answers.pop(2), asyncio.CancelledError)
    assert answers == [[str(n).encode(), str(n).encode()] for n in (0, 1, 3, 4)]


async def test_a_lost_connection_is_opened_again(redis: Redis, line: Line) -> None:
    echo = line.script(ECHO)
    for number in range(3):
        assert await echo(keys=["a"], args=[number]) == [b"a", str(number).encode()]
        await redis.client_kill_filter(_type="normal", skipme=True)


async def test_an_answer_that_does_not_come_closes_the_connection_and_the_next_command_opens_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATE_AFTER_S", 0.1)
    with redis_server(tmp_path) as server:
        async with connect_redis(Settings.model_validate({"REDIS_URL": server.url})) as redis:
            line = Line(redis)
            echo = line.script(ECHO)
            await echo(keys=["a"], args=["1"])
            server.process.send_signal(signal.SIGSTOP)
            try:
                behind = asyncio.create_task(echo(keys=["b"], args=["2"]))
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await echo(keys=["c"], args=["3"])
            finally:
                server.process.send_signal(signal.SIGCONT)
            assert await behind == [b"b", b"2"]  # it was sent a second time
            assert await echo(keys=["d"], args=["4"]) == [b"d", b"4"]


async def test_a_redis_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        url = server.url
    async with connect_redis(Settings.model_validate({"REDIS_URL": url})) as redis:
        with pytest.raises(RedisConnectionError):
            await Line(redis).script(ECHO)(keys=["a"], args=["1"])
