"""Take a worker through its life: load the graphs of its pools, fork, open and close what each child needs.

The parent loads before the fork; everything that holds a socket or an event loop is made after it. The modules that
reach a graph are imported here when a worker starts, not before, since beat and Flower load the tasks too.
"""

import os
import socket
import sys
from typing import TYPE_CHECKING, Any

import structlog
from celery import signals

from agentic_sales.celery import app
from agentic_sales.control import ControlPlane, control_plane
from agentic_sales.errors import ConfigurationError
from agentic_sales.observability.logs import configure_logs
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.budgets import Budgets
from agentic_sales.settings import settings
from agentic_sales.workers.tracing import close_tracing, open_tracing

if TYPE_CHECKING:
    from celery.worker.consumer import Consumer

    from agentic_sales.workers.child import Child

log = structlog.get_logger()

_child: "Child | None" = None


def child() -> "Child":
    """Return what this child process lives with; only a worker child has it."""
    if _child is None:
        raise RuntimeError("a run can only be executed by a worker child process; start one with `celery worker`")
    return _child


def worker_name(pid: int) -> str:
    """Name a worker process in the ledger: `host/pid`."""
    return f"{socket.gethostname()}/{pid}"


def rows_of_queues(control: ControlPlane, queues: set[str]) -> list[GraphSpec]:
    """Return the rows that a worker on these queues must carry: the pools' own; CORE can run any."""
    if control.default_queue in queues:
        return list(control.rows.values())
    return [row for assistant_id, row in control.rows.items() if control.decide(assistant_id).queue in queues]


@signals.setup_logging.connect
def _configure_logs(**_: Any) -> None:
    configure_logs(settings().log_level, settings().log_format)


@signals.celeryd_init.connect
def _add_consumer_steps(**_: Any) -> None:
    from agentic_sales.workers.canary import Canary  # noqa: PLC0415 - only a worker consumes
    from agentic_sales.workers.feed import Feed  # noqa: PLC0415 - only a worker consumes
    from agentic_sales.workers.lease import Lease  # noqa: PLC0415 - only a worker consumes
    from agentic_sales.workers.presence import Presence  # noqa: PLC0415 - only a worker may reach a graph
    from agentic_sales.workers.shutdown import Shutdown  # noqa: PLC0415 - only a worker consumes
    from agentic_sales.workers.sweep import Sweep  # noqa: PLC0415 - only a worker consumes
    from agentic_sales.workers.webhooks import WebhookRounds  # noqa: PLC0415 - only a worker consumes

    app.steps["consumer"].update({Canary, Feed, Lease, Presence, Shutdown, Sweep, WebhookRounds})


@signals.celeryd_after_setup.connect
def _load_graphs(sender: str, **_: Any) -> None:
    from agentic_sales.llm.providers import check_models  # noqa: PLC0415 - only a worker calls a model
    from agentic_sales.workers import carried  # noqa: PLC0415 - only a worker may reach a graph

    try:
        Budgets.of(settings(), control_plane().rows)
        check_models(settings())
    except ConfigurationError as exc:
        raise SystemExit(f"this worker cannot start: {exc}") from exc  # Celery swallows any other error of a signal
    queues = set(app.amqp.queues.consume_from)
    carried.carry(rows_of_queues(control_plane(), queues))
    if _reads_the_store():
        _ensure_migrated()
    import agentic_sales.workers.child  # noqa: F401, PLC0415 - so that every child inherits it

    carried.keep_shared()
    for assistant_id, reason in carried.unavailable_reasons().items():
        log.error("graph_unavailable", worker=sender, assistant_id=assistant_id, reason=reason)
    log.info("graphs_loaded", worker=sender, queues=sorted(queues), assistants=carried.carried_assistants())


def _reads_the_store() -> bool:
    """Say whether a graph of this worker does, by what its import has brought; the other pools need no database."""
    return "agentic_sales.store.database" in sys.modules


def _ensure_migrated() -> None:
    from agentic_sales.store.migrate import ensure_migrated  # noqa: PLC0415 - only where a graph reads the store

    try:
        ensure_migrated(settings())
    except ConfigurationError as exc:
        raise SystemExit(f"this worker cannot start: {exc}") from exc


@signals.worker_ready.connect
def _serve_metrics(sender: "Consumer", **_: Any) -> None:
    if (port := settings().metrics_port) is not None:
        from agentic_sales.workers.metrics import serve_metrics  # noqa: PLC0415 - only where it is asked for

        serve_metrics(sender, settings().metrics_host, port)


@signals.worker_process_init.connect
def _open_child(**_: Any) -> None:
    from agentic_sales.workers.child import Child  # noqa: PLC0415 - only a worker may reach a graph

    global _child  # noqa: PLW0603 - one per process, and Celery gives a task no other place to find it
    open_tracing(settings())
    _child = Child(settings(), control_plane())
    log.debug("child_opened", pid=os.getpid())


@signals.worker_process_shutdown.connect
def _close_child(**_: Any) -> None:
    global _child  # noqa: PLW0603 - as above
    if _child is not None:
        _child.close()
        _child = None
    close_tracing()
