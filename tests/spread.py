"""Run the tests in several processes that are forked after one collection: `python -m tests.spread -n 6 …`.

It is `pytest --numprocesses`, whose processes would each import all tests and what they need. That takes ten seconds of
processor time a process, fifteen where nothing is compiled yet. Here one process collects. It then forks whatever
pytest-xdist asks for, so that a process costs two seconds, and there may be more of them than cores.

pytest-xdist starts a process by a command. The command is `tests/spread_command.py`. It hands its own input and output
to the forking process and ends with the process that got them.
"""

import argparse
import gc
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.nursery import VARIABLE, Nurseries

COMMAND = Path(__file__).with_name("spread_command.py")
STREAMS = 3


def main() -> int:
    """Collect, then run. Options that are not of this program are pytest's."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("-n", "--numprocesses", type=int, required=True, help="how many processes run tests")
    chosen, options = parser.parse_known_args()
    folder = tempfile.mkdtemp(prefix="spread-")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{folder}/calls")
    listening.listen()
    ended, running = os.pipe()
    nurseries = Nurseries(Path.cwd())
    os.environ[VARIABLE] = nurseries.path
    if (server := os.fork()) == 0:
        os.close(running)
        asked = _serve(listening, ended, options)
        listening.close()
        os.close(ended)
        return _run(asked) if asked else 0
    os.close(ended)
    spec = f"{chosen.numprocesses}*popen//python={sys.executable} -I -S {COMMAND} {listening.getsockname()}"
    listening.close()  # With the forking process the last listener is gone. A command then fails instead of waiting.
    try:
        return int(pytest.main([*options, "--tx", spec, "--dist", "loadfile", "--no-loadscope-reorder"]))
    finally:
        os.close(running)
        os.waitpid(server, 0)
        nurseries.close()
        shutil.rmtree(folder)


def _serve(listening: socket.socket, ended: int, options: list[str]) -> tuple[socket.socket, list[int], str] | None:
    """Fork what is asked for until the process that runs the tests has ended. In a fork return what it is to do."""
    _collect(options)
    assert threading.active_count() == 1, f"a fork would lose threads: {threading.enumerate()}"
    gc.collect()
    gc.freeze()  # what all share is never looked through again, and so never copied
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that nobody has to wait for the forks
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the process that runs the tests, and so this one
    while ended not in select.select([listening.fileno(), ended], [], [])[0]:
        caller, _ = listening.accept()
        code, streams, _, _ = socket.recv_fds(caller, 1 << 16, STREAMS)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return caller, streams, code.decode()
        caller.close()
        for stream in streams:
            os.close(stream)
    return None


def _collect(options: list[str]) -> None:
    """Import the tests. What is wrong with one of them is told by the processes that run them."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    told = os.dup(1), os.dup(2)
    for stream in (1, 2):
        os.dup2(quiet, stream)
    try:
        pytest.main([*options, "--collect-only", "-qq", "-p", "no:cacheprovider"])
    finally:
        for number, stream in enumerate(told, start=1):
            os.dup2(stream, number)
            os.close(stream)
        os.close(quiet)


def _run(asked: tuple[socket.socket, list[int], str]) -> int:
    """Become the process that a command stands for. The caller's socket closes with this process."""
    caller, streams, code = asked
    caller.detach()  # the kernel closes it at the very end
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False, buffering=1)
    sys.stderr = os.fdopen(2, "w", closefd=False, buffering=1)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(code, namespace)  # noqa: S102 - execnet's first line, as `python -c` would run it
    return 0


if __name__ == "__main__":
    sys.exit(main())
