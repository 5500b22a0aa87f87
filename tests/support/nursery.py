"""Start commands of the product as forks of a process that has imported their modules, `nursery_main`.

They are processes as a shell starts them: a session, an environment, a log and an end of their own.
"""

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

COMMANDS = ("celery", "agentic-sales")
"""Commands that can be forked. Every other one is started by a shell."""
PROJECT = Path(__file__).parents[2]
POLL_S = 0.02
VARIABLE = "TESTS_NURSERY"
"""Name of the socket at which `tests.spread` has nurseries made."""


class Fork:
    """A forked process, with the part of `subprocess.Popen` that the tests use."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, as `Popen` does. None while it runs."""
        if self.returncode is None:
            self.returncode = self._nursery.ask(poll=self.pid)["returncode"]
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(POLL_S)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


class Nursery:
    """The process that forks for this one. It ends with this one."""

    def __init__(self, path: str) -> None:
        calls = socket.socket(socket.AF_UNIX)
        calls.connect(path)
        self._lines = calls.makefile("rw", encoding="utf-8")
        self._lock = threading.Lock()

    def ask(self, **question: Any) -> dict[str, Any]:
        """Ask it for a process, or about one."""
        with self._lock:
            self._lines.write(json.dumps(question) + "\n")
            self._lines.flush()
            answer = self._lines.readline()
        assert answer, "the process that forks has ended"
        found: dict[str, Any] = json.loads(answer)
        return found


class Nurseries:
    """A process that imports everything once, at its first caller, and makes a nursery for each caller."""

    def __init__(self, directory: Path) -> None:
        """Start it.

        Args:
            directory: The repository.
        """
        self._folder = tempfile.mkdtemp(prefix="nursery-")
        self.path = f"{self._folder}/calls"
        """The socket on which it is called."""
        ended, self._running = os.pipe()
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.path)
            listening.listen()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.nursery_main", str(listening.fileno()), str(ended)],
                cwd=directory,
                env={"HOME": self._folder, "PATH": os.defpath, "LANG": "C.UTF-8"},
                pass_fds=[listening.fileno(), ended],
                start_new_session=True,
            )
        os.close(ended)

    def close(self) -> None:
        """End it. It goes on for as long as a fork of this process lives."""
        os.close(self._running)
        self._process.wait()
        shutil.rmtree(self._folder)


@cache
def nursery() -> Nursery:
    """Return this process's nursery. `tests.spread` lets all processes of a gate have theirs from one import."""
    if (path := os.environ.get(VARIABLE)) is None:
        own = Nurseries(PROJECT)
        atexit.register(own.close)
        path = own.path
    return Nursery(path)


def fork(command: str, *, cwd: Path, log: Path, environment: Mapping[str, str]) -> Fork | None:
    """Start a shell command of the product. None if it is another command, which nothing is imported for.

    Args:
        command: Words and variables, as in the Procfile.
        cwd: The repository, where it starts.
        log: Where its standard output and error are appended.
        environment: All of its environment.
    """
    if command.split(maxsplit=1)[0] not in COMMANDS or any(sign in command for sign in ";|&<>"):
        return None
    words = ["/bin/sh", "-c", f"printf '%s\\0' {command}"]
    argv = subprocess.run(words, env=dict(environment), capture_output=True, text=True, check=True).stdout
    return fork_words(argv.split("\0")[:-1], cwd=cwd, log=log, environment=environment)


def fork_words(
    words: Sequence[str], *, cwd: Path, log: Path, environment: Mapping[str, str], errors: Path | None = None
) -> Fork:
    """Start a command of the product.

    Args:
        words: The command and its arguments.
        cwd: Where it starts.
        log: Where its standard output is appended.
        environment: All of its environment.
        errors: Where its standard error is appended. None: to the log.
    """
    streams = {"log": str(log), "errors": str(errors or log)}
    return _forked(argv=list(words), cwd=str(cwd), environment=dict(environment), **streams)


def fork_call(call: Path, *, log: Path) -> Fork:
    """Start a call that `nursery_main.make_call` reads from a file, in the environment and folder of this process."""
    streams = {"log": str(log), "errors": str(log)}
    return _forked(call=str(call), cwd=str(Path.cwd()), environment=dict(os.environ), **streams)


def _forked(**asked: Any) -> Fork:
    source = nursery()
    return Fork(source, source.ask(**asked)["pid"])
