"""The processes of the tests' fleets are forked; each is as one that a shell starts."""

import os
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.support.fleet import PROJECT
from tests.support.nursery import Fork, fork
from tests.support.processes import run_command, side_by_side
from tests.support.services import MACHINE_ENVIRONMENT, end_group, guard
from tests.support.waiting import eventually


def started(command: str, log: Path, **environment: str) -> Fork:
    """Fork a command of the product."""
    process = fork(command, cwd=PROJECT, log=log, environment={**MACHINE_ENVIRONMENT, **environment})
    assert process is not None
    guard(process.pid)
    return process


def test_a_fork_reads_its_own_environment_and_tells_how_it_ended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    refused = started("agentic-sales serve --host ${HOST:-127.0.0.1}", log, HOST="192.0.2.1", LANGGRAPH_AUTH_TOKEN="")
    assert refused.wait(30) == 2
    assert "LANGGRAPH_AUTH_TOKEN is not set or empty" in log.read_text()
    end_group(refused)
    described = started("agentic-sales routes --json", log)
    assert described.wait(30) == 0
    assert "country_classify" in log.read_text()
    end_group(described)


def test_a_fork_leads_a_session_and_dies_of_a_signal_as_others_do(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = started("celery -A agentic_sales beat", log, AGENTIC_SALES_STATE_DIR=str(tmp_path))
    assert os.getsid(process.pid) == process.pid
    eventually("beat begins", lambda: "beat: Starting" in log.read_text(), within_s=30)
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    end_group(process)


def test_a_command_in_a_fork_tells_what_it_wrote_and_how_it_ended(tmp_path: Path) -> None:
    told = run_command("agentic-sales", "--version", environment=MACHINE_ENVIRONMENT, cwd=tmp_path)
    assert (told.returncode, told.stdout[:14], told.stderr) == (0, "agentic-sales ", "")
    refused = run_command("agentic-sales", "nothing", environment=MACHINE_ENVIRONMENT)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "Usage: agentic-sales " in refused.stderr
    with pytest.raises(subprocess.CalledProcessError):
        run_command("agentic-sales", "nothing", environment=MACHINE_ENVIRONMENT, check=True)


def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    environment = {**MACHINE_ENVIRONMENT, "AGENTIC_SALES_STATE_DIR": str(tmp_path)}
    with pytest.raises(subprocess.TimeoutExpired) as told:
        run_command("celery", "-A", "agentic_sales", "beat", environment=environment, timeout_s=1)
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.value.cmd), 0)


def test_calls_side_by_side_begin_when_all_are_ready_and_return_what_they_found() -> None:
    assert side_by_side(*(partial(divmod, number, 2) for number in (7, 8))) == [(3, 1), (4, 0)]
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        side_by_side(partial(divmod, 1, 0))


def test_another_command_is_not_forked(tmp_path: Path) -> None:
    assert fork("sleep 1", cwd=tmp_path, log=tmp_path / "log", environment={}) is None
