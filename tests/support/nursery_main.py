"""Fork the product's processes from one process that has imported their libraries already.

Run as `python -m tests.support.nursery_main FD`, where FD is a socket whose lines `tests.support.nursery` writes.
Nothing of the product is imported here but its tables of words, so that a forked process reads its own environment. The
imports of a worker are more than half of the processor time of its start, and the tests start some hundreds.
"""

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import time
import traceback
from importlib.metadata import entry_points
from typing import Any

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
TABLES = "agentic_sales.rules"


def main() -> None:
    """Import the libraries, then answer until the socket is closed."""
    calls = socket.socket(fileno=int(sys.argv[1]))
    _import_libraries()
    asked = serve(calls)
    if asked is not None:
        calls.close()
        run(asked)


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


def run(asked: dict[str, Any]) -> None:
    """Run a command of this environment, as its script does, with the environment that it was asked to have."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    os.chdir(asked["cwd"])
    argv = asked["argv"]
    sys.argv = argv
    sys.path[0] = os.path.dirname(sys.executable)  # noqa: PTH120 - the scripts' folder stands first, as for a script
    sys.path[1:1] = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    [script] = entry_points(group="console_scripts", name=argv[0])
    sys.exit(script.load()())


def _import_libraries() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    tables = importlib.import_module(TABLES)
    for found in pkgutil.iter_modules(tables.__path__, f"{TABLES}."):
        importlib.import_module(found.name)
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
        for opened, stream in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(opened, stream)
        os.close(nothing)
        os.close(log)
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
