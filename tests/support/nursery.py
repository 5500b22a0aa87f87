"""Start commands of the product as forks of a process that has imported their libraries, `nursery_main`.

They are processes as a shell starts them: a session, an environment, a log and an end of their own.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

COMMANDS = ("celery", "agentic-sales")
"""Commands that can be forked. Every other one is started by a shell."""
POLL_S = 0.02


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
    """The process that forks. It ends with this one."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery_main", str(theirs.fileno())],
            cwd=directory,
            env=dict(environment),
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        self._lines = ours.makefile("rw", encoding="utf-8")
        self._lock = threading.Lock()

    def ask(self, **question: Any) -> dict[str, Any]:
        """Ask it for a process, or about one."""
        with self._lock:
            self._lines.write(json.dumps(question) + "\n")
            self._lines.flush()
            answer = self._lines.readline()
        assert answer, f"the process that forks ended with {self._process.wait()}"
        found: dict[str, Any] = json.loads(answer)
        return found


@cache
def nursery(directory: Path, home: str) -> Nursery:
    """Return this process's nursery, whose libraries are imported in an environment without settings."""
    return Nursery(directory, {"HOME": home, "PATH": os.defpath, "LANG": "C.UTF-8"})


def fork(command: str, *, cwd: Path, log: Path, environment: Mapping[str, str]) -> Fork | None:
    """Start a shell command of the product. None if it is another command, which nothing is imported for.

    Args:
        command: Words and variables, as in the Procfile.
        cwd: Where it starts.
        log: Where its standard output and error are appended.
        environment: All of its environment.
    """
    if command.split(maxsplit=1)[0] not in COMMANDS or any(sign in command for sign in ";|&<>"):
        return None
    words = ["/bin/sh", "-c", f"printf '%s\\0' {command}"]
    argv = subprocess.run(words, env=dict(environment), capture_output=True, text=True, check=True).stdout
    asked = {"argv": argv.split("\0")[:-1], "cwd": str(cwd), "log": str(log), "environment": dict(environment)}
    source = nursery(cwd, environment.get("HOME", "/"))
    return Fork(source, source.ask(**asked)["pid"])
