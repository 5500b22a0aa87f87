"""`agentic-sales up` as a person uses it, on a Procfile of two small processes."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest

from agentic_sales.local.ports import reachable_host
from agentic_sales.settings import child_environment
from tests.support.ended import wait_until_ended
from tests.support.ports import free_port

DEADLINE_S = 30
WEB = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

print("redis", os.environ["REDIS_URL"], "events", os.environ["AGENTIC_SALES_TASK_EVENTS"], flush=True)
print("links lead to", os.environ["LANGGRAPH_URL"], flush=True)
HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Ready).serve_forever()
"""
WORKER = "python -c \"import redis, os; redis.Redis.from_url(os.environ['REDIS_URL']).blpop('never')\""


@dataclass
class Up:
    """A running `agentic-sales up`."""

    process: "subprocess.Popen[str]"
    port: int

    def printed_until(self, text: str) -> str:
        """Read what it prints until a line has the text."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if text in line:
                return "".join(lines)
        pytest.fail(f"it ended without `{text}`:\n{''.join(lines)}")

    def family(self) -> list[psutil.Process]:
        return [*psutil.Process(self.process.pid).children(recursive=True)]


def start(folder: Path, procfile: str, **environment: str) -> Up:
    (folder / "web.py").write_text(WEB)
    (folder / "Procfile").write_text(procfile)
    port = free_port()
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("agentic-sales")), "up", "--port", str(port)],
        cwd=folder,
        env=child_environment({"FLOWER_PORT": str(free_port()), "COLUMNS": "200", **environment}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    return Up(process, port)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = start(tmp_path, f"web: python web.py\nworker: {WORKER}\n")
    yield running
    running.process.terminate()
    running.process.communicate(timeout=DEADLINE_S)


def test_it_prints_where_to_go_when_the_fleet_is_ready(up: Up) -> None:
    told = up.printed_until("Ctrl-C ends all of it.")
    assert f"http://127.0.0.1:{up.port}/docs" in told
    assert f"curl -s http://127.0.0.1:{up.port}/runs/wait" in told


def test_every_process_gets_the_embedded_redis_and_the_events_that_flower_shows(up: Up) -> None:
    told = up.printed_until("Ctrl-C ends all of it.")
    assert "redis redis://127.0.0.1:" in told
    assert "events 1" in told


def test_links_in_mails_lead_to_the_port_that_the_facade_has(up: Up) -> None:
    assert f"links lead to http://127.0.0.1:{up.port}\n" in up.printed_until("Ctrl-C ends all of it.")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_when_a_person_ends_it(up: Up, end: signal.Signals) -> None:
    up.printed_until("Ctrl-C ends all of it.")
    family = up.family()
    assert len(family) == 4, "web, worker, Redis and the guard"
    up.process.send_signal(end)
    up.process.communicate(timeout=DEADLINE_S)
    assert up.process.returncode == 0
    wait_until_ended(family)


def test_nothing_is_left_when_it_is_killed(up: Up) -> None:
    up.printed_until("Ctrl-C ends all of it.")
    family = up.family()
    up.process.kill()
    wait_until_ended(family)


def test_a_process_that_ends_by_itself_ends_the_fleet_and_is_named(tmp_path: Path) -> None:
    running = start(tmp_path, "web: python web.py\nworker: sh -c 'echo my last words; exit 7'\n")
    told, _ = running.process.communicate(timeout=DEADLINE_S)
    assert running.process.returncode == 1
    assert "my last words" in told
    assert told.splitlines()[-1] == "`worker` ended by itself with exit status 7"


def test_a_redis_that_is_there_is_used_and_left_alone(tmp_path: Path, redis_url: str) -> None:
    running = start(tmp_path, "web: python web.py\n", REDIS_URL=redis_url)
    assert f"redis {redis_url}" in running.printed_until("Ctrl-C ends all of it.")
    running.process.send_signal(signal.SIGINT)
    running.process.communicate(timeout=DEADLINE_S)
    assert not (tmp_path / ".agentic_sales" / "redis").exists()


def test_a_procfile_without_a_line_is_told(tmp_path: Path) -> None:
    running = start(tmp_path, "# nothing\n")
    told, _ = running.process.communicate(timeout=DEADLINE_S)
    assert running.process.returncode == 2
    assert told == f"`{tmp_path}/Procfile` has no line of the form `name: command`\n"


@pytest.mark.parametrize(
    ("bound", "reachable"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "127.0.0.1"),
        ("::1", "[::1]"),
        ("localhost", "localhost"),
    ],
)
def test_the_url_names_a_host_that_can_be_reached(bound: str, reachable: str) -> None:
    assert reachable_host(bound) == reachable
