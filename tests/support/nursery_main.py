"""Fork the product's processes from one process that has imported their modules already.

Run as `python -m tests.support.nursery_main FD ENDED`. FD is a listening socket. A fork of this process, a nursery,
serves each caller, and `tests.support.nursery` writes the lines. ENDED is a pipe. It closes when no caller is left.

The imports of a worker are four fifths of the processor time of its start, and the tests start some hundreds. No module
that is imported here reads a setting, so a forked process reads its own environment. The modules of a worker are left
out, since they hold memory that the processes of one worker share.
"""

import atexit
import fcntl
import gc
import importlib
import json
import os
import pickle
import select
import signal
import socket
import sys
import threading
import time
import traceback
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NoReturn

from agentic_sales.registry import GRAPHS
from agentic_sales.settings import settings

LIBRARIES = (
    *("celery.bin.celery", "celery.bin.worker", "celery.bin.beat", "celery.apps.worker", "celery.apps.beat"),
    *("celery.worker.consumer", "celery.concurrency.prefork", "kombu.transport.redis", "flower.command", "flower.app"),
    *("redis.asyncio", "sqlalchemy.ext.asyncio", "sqlalchemy.dialects.postgresql", "alembic.command", "aiosqlite"),
    *("langgraph.graph", "langgraph.types", "langsmith.run_trees", "langchain_core.language_models", "lxml.html"),
    *(
        "pydantic_settings",
        "structlog.dev",
        "fastapi",
        "uvicorn",
        "httptools",
        "uvloop",
        "httpx2",
        "aiosmtplib",
        "typer",
    ),
)
COMMANDS = (
    *("agentic_sales.cli.main", "agentic_sales.cli.views.run", "agentic_sales.cli.views.runs", "agentic_sales.client"),
    *("agentic_sales.doctor.examine", "agentic_sales.facade.app", "rich.table", "rich.progress", "celery.bin.control"),
)
CALLED = ("pytest", "psycopg", "tests.support.small_campaign", "tests.support.databases")
"""What the tests import whose functions are called in a fork."""


def main() -> None:
    """Make a nursery for each caller until the pipe is closed."""
    listening, ended = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    calls = accept(listening, ended)
    if calls is None:
        return
    listening.close()
    os.close(ended)
    asked = serve(calls)
    if asked is not None:
        calls.close()
        end(run(asked))


def accept(listening: socket.socket, ended: int) -> socket.socket | None:
    """Fork for each caller. Return its socket in the fork, and None where the pipe is closed.

    The modules are imported for the first caller. Tests that start no process of the product have none.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that nobody has to wait for the forks
    while ended not in select.select([listening.fileno(), ended], [], [])[0]:
        calls, _ = listening.accept()
        _import_modules()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return calls
        calls.close()
    return None


def serve(calls: socket.socket) -> dict[str, Any] | None:
    """Answer until the socket is closed. In a forked process return what it was asked to run."""
    with calls.makefile("rw", encoding="utf-8") as lines:
        for line in lines:
            asked = json.loads(line)
            if "poll" in asked:
                pid, status = os.waitpid(asked["poll"], os.WNOHANG)
                answer = {"returncode": os.waitstatus_to_exitcode(status) if pid else None}
            else:
                pid = _fork(asked)
                if pid == 0:
                    return dict(asked)
                answer = {"pid": pid}
            lines.write(json.dumps(answer) + "\n")
            lines.flush()
    return None


def run(asked: dict[str, Any]) -> object:
    """Do what was asked for, with the environment that was asked for. Return the status of its end."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    os.chdir(asked["cwd"])
    try:
        if "call" in asked:
            make_call(Path(asked["call"]))
            return None
        return run_command(asked["argv"])
    except SystemExit as ended:
        return ended.code


def run_command(argv: list[str]) -> object:
    """Run a command of this environment, as its script does."""
    sys.argv = argv
    sys.modules["__main__"].__package__ = None  # as of a script: a usage line names the command as it was started
    sys.path[0] = os.path.dirname(sys.executable)  # noqa: PTH120 - the scripts' folder stands first, as for a script
    sys.path[1:1] = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    [script] = entry_points(group="console_scripts", name=argv[0])
    return script.load()()


def make_call(file: Path) -> None:
    """Call what a file holds as soon as nobody locks it. Write what the call returns beside it, see `processes.py`."""
    with file.open("rb") as opened:
        call = pickle.load(opened)  # noqa: S301 - the tests wrote it
        file.with_suffix(".ready").touch()
        fcntl.flock(opened, fcntl.LOCK_SH)
    file.with_suffix(".result").write_bytes(pickle.dumps(call()))


def end(status: object) -> NoReturn:
    """End as the interpreter does, but leave the memory to the kernel.

    To free every object of what was imported takes a third of a second, and copies the pages that the forks share.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if not isinstance(status, int | None):
        sys.stderr.write(f"{status}\n")
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


@cache
def _import_modules() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    for name in (*COMMANDS, *CALLED, *(row.module for row in GRAPHS)):
        importlib.import_module(name)
    assert settings.cache_info().misses == 0, "a module read the settings while it was imported"
    assert "celeryconfig" not in sys.modules, "a module read Celery's configuration while it was imported"
    assert "agentic_sales.workers" not in sys.modules, "its workers would share the memory in which one is told to stop"
    gc.freeze()


def _fork(asked: dict[str, Any]) -> int:
    """Fork a process that leads a session of its own and writes to its log. Return when it does so."""
    reading, writing = os.pipe()
    if pid := os.fork():
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        return pid
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        errors = os.open(asked["errors"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        for stream, opened in enumerate((nothing, log, errors)):
            os.dup2(opened, stream)
            os.close(opened)
        sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]  # a text file, as at every start
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as a second parent
        traceback.print_exc()
        os._exit(1)
    finally:
        os.close(writing)
        os.close(reading)
    return 0


if __name__ == "__main__":
    main()
