"""Run commands of the product, and functions of the tests, as processes that are forked from one that imported them.

A new process imports for two to four seconds of processor time. A fork takes a tenth of a second.
"""

import fcntl
import pickle
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from tests.support.nursery import PROJECT, Fork, fork_call, fork_words
from tests.support.services import end_group, guard
from tests.support.waiting import eventually

T = TypeVar("T")


def run_command(
    *words: str, environment: Mapping[str, str], cwd: Path = PROJECT, timeout_s: float = 60.0, check: bool = False
) -> "subprocess.CompletedProcess[str]":
    """Run a command of the product to its end, as `subprocess.run` does.

    Args:
        words: `celery` or `agentic-sales`, and its arguments.
        environment: All of its environment.
        cwd: Where it starts.
        timeout_s: Longest that it may take, in seconds.
        check: Fail when its exit status is not 0.
    """
    with TemporaryDirectory() as folder:
        output, errors = Path(folder) / "output", Path(folder) / "errors"
        process = fork_words(words, cwd=cwd, log=output, errors=errors, environment=environment)
        guard(process.pid)
        _wait(process, timeout_s)
        told = output.read_text("utf-8"), errors.read_text("utf-8")
    done = subprocess.CompletedProcess(words, process.wait(), *told)
    if check:
        done.check_returncode()
    return done


def side_by_side(*calls: Callable[[], T], timeout_s: float = 60.0) -> list[T]:
    """Make each call in a process of its own, all at the same moment. Return what they return.

    Args:
        calls: Functions of modules with their arguments, as `partial` binds them. All can be pickled.
        timeout_s: Longest that the calls may take, in seconds.
    """
    with TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.call" for number in range(len(calls))]
        log = Path(folder) / "log"
        with ExitStack() as locks:
            processes = []
            for file, call in zip(files, calls, strict=True):
                file.write_bytes(pickle.dumps(call))
                fcntl.flock(locks.enter_context(file.open("rb")), fcntl.LOCK_EX)
                processes.append(fork_call(file, log=log))
                guard(processes[-1].pid)
            ready = [file.with_suffix(".ready") for file in files]
            eventually("the processes are ready", lambda: all(one.exists() for one in ready), within_s=timeout_s)
        for process in processes:
            _wait(process, timeout_s)
        assert [process.wait() for process in processes] == [0] * len(calls), log.read_text("utf-8")
        return [pickle.loads(file.with_suffix(".result").read_bytes()) for file in files]  # noqa: S301 - ours


def _wait(process: Fork, timeout_s: float) -> None:
    """Wait for the end of a process, and end what is left of its group."""
    try:
        process.wait(timeout_s)
    finally:
        end_group(process)
