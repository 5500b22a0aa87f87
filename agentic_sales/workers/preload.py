"""Prepare a worker: load the graphs of its pools before the fork, open and close each child after it.

This file alone reaches both the parent's code and the child's.

The parent loads before the fork; everything that holds a socket or an event loop is made after it. The modules that
reach a graph are imported here when a worker starts, not before, since beat and Flower load the tasks too.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog
from billiard.util import get_pdeathsig  # type: ignore[attr-defined]  # its types are older
from celery import signals
from celery.concurrency.prefork import TaskPool

from agentic_sales.celery import app, configuration_file
from agentic_sales.control import ControlPlane, control_plane
from agentic_sales.errors import ConfigurationError
from agentic_sales.garbage import keep_for_life, uncollected
from agentic_sales.observability.logs import configure_logs
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.budgets import Budgets
from agentic_sales.settings import settings
from agentic_sales.workers import current
from agentic_sales.workers.child.tracing import close_tracing, open_tracing

if TYPE_CHECKING:
    from celery.worker import WorkController
    from celery.worker.consumer import Consumer

log = structlog.get_logger()


def rows_of_queues(control: ControlPlane, queues: set[str]) -> list[GraphSpec]:
    """Return the rows that a worker on these queues must carry: the pools' own; CORE can run any."""
    if control.default_queue in queues:
        return list(control.rows.values())
    return [row for assistant_id, row in control.rows.items() if control.decide(assistant_id).queue in queues]


@signals.setup_logging.connect
def _configure_logs(**_: Any) -> None:
    configure_logs(settings().log_level, settings().log_format)
    log.info("celery_configured", file=configuration_file())


@signals.celeryd_init.connect
def _add_consumer_steps(**_: Any) -> None:
    from agentic_sales.workers.parent import commands  # noqa: PLC0415 - only a worker takes commands
    from agentic_sales.workers.parent.canary import Canary  # noqa: PLC0415 - only a worker consumes
    from agentic_sales.workers.parent.feed import Feed  # noqa: PLC0415 - only a worker consumes
    from agentic_sales.workers.parent.lease import Lease  # noqa: PLC0415 - only a worker consumes
    from agentic_sales.workers.parent.presence import Presence  # noqa: PLC0415 - only a worker may reach a graph
    from agentic_sales.workers.parent.shutdown import Shutdown  # noqa: PLC0415 - only a worker consumes
    from agentic_sales.workers.parent.sweep import Sweep  # noqa: PLC0415 - only a worker consumes
    from agentic_sales.workers.parent.webhook_rounds import WebhookRounds  # noqa: PLC0415 - only a worker consumes

    app.steps["consumer"].update({Canary, Feed, Lease, Presence, Shutdown, Sweep, WebhookRounds})
    commands.take_over()


@signals.celeryd_after_setup.connect
def _load_graphs(sender: str, instance: "WorkController", **_: Any) -> None:
    _refuse_other_pools(instance.pool_cls)  # type: ignore[attr-defined]  # celery-types lacks it
    queues = set(app.amqp.queues.consume_from)
    with uncollected():
        _load(queues)
    slots = control_plane().slots_of(queues)
    consumer = instance.consumer  # type: ignore[attr-defined]  # celery-types lacks it
    consumer.prefetch_multiplier *= slots
    consumer.initial_prefetch_count *= slots
    keep_for_life()  # what is loaded after this costs each child its own copy: 3.5 MB for the migrations alone
    from agentic_sales.workers import carried  # noqa: PLC0415 - only a worker may reach a graph

    for assistant_id, reason in carried.unavailable_reasons().items():
        log.error("graph_unavailable", worker=sender, assistant_id=assistant_id, reason=reason)
    log.info(
        "graphs_loaded", worker=sender, queues=sorted(queues), slots=slots, assistants=carried.carried_assistants()
    )


def _load(queues: set[str]) -> None:
    """Load everything that children inherit, and refuse a configuration that no run could live with."""
    from agentic_sales.llm.providers import check_models  # noqa: PLC0415 - only a worker calls a model
    from agentic_sales.workers import carried  # noqa: PLC0415 - only a worker may reach a graph

    _or_end(lambda: Budgets.of(settings(), control_plane().rows))
    _or_end(lambda: check_models(settings()))
    rows = rows_of_queues(control_plane(), queues)
    if any(row.resumable for row in rows):
        _load_checkpoints()
    if control_plane().default_queue in queues:
        _check_inboxes()
    carried.carry(rows)
    if any(row.effect != "pure" for row in rows):  # a pure row cannot reach the store, `agentic-sales check` sees to it
        from agentic_sales.rules.company_identity import load_suffixes  # noqa: PLC0415 - only who sends asks for sites

        _ensure_migrated()
        load_suffixes()  # once for all children: 6 MB each and 27 ms of the first message of each
    import agentic_sales.workers.child.process  # noqa: F401, PLC0415 - so that every child inherits it

    _load_what_a_child_asks_the_kernel_by()


def _load_what_a_child_asks_the_kernel_by() -> None:
    """Let billiard load its parser of C once for all children. Each asks by it to be ended with its parent."""
    with suppress(OSError):  # not on Linux: there it is not asked for
        get_pdeathsig()


def _refuse_other_pools(pool: type) -> None:
    """Refuse threads, green threads and the solo pool: they have no child to kill, and nothing opens one for a run."""
    if not issubclass(pool, TaskPool):
        raise SystemExit(
            f"this worker cannot start: its pool is `{pool.__module__}`, and only prefork isolates runs; leave out `-P`"
        )


def _load_checkpoints() -> None:
    from agentic_sales.workers.child.checkpoints import load_driver  # noqa: PLC0415 - only where a graph is resumable

    _or_end(lambda: load_driver(settings()))


def _check_inboxes() -> None:
    from agentic_sales.campaigns.answers.imap_accounts import imap_accounts  # noqa: PLC0415 - core alone reads them

    _or_end(lambda: imap_accounts(settings()))


def _or_end(step: Callable[[], object]) -> None:
    """Do a step of the start; Celery swallows any error of a signal but the end of the process."""
    try:
        step()
    except ConfigurationError as exc:
        raise SystemExit(f"this worker cannot start: {exc}") from exc


def _ensure_migrated() -> None:
    from agentic_sales.store.migrate import ensure_migrated  # noqa: PLC0415 - only where a graph reads the store

    _or_end(lambda: ensure_migrated(settings()))


@signals.worker_ready.connect
def _serve_metrics(sender: "Consumer", **_: Any) -> None:
    if (port := settings().metrics_port) is not None:
        from agentic_sales.workers.parent.metrics import serve_metrics  # noqa: PLC0415 - only where it is asked for

        serve_metrics(sender, settings().metrics_host, port)


@signals.worker_process_init.connect
def _open_child(**_: Any) -> None:
    from agentic_sales.workers.child.process import Child  # noqa: PLC0415 - only a worker may reach a graph

    open_tracing(settings())
    current.enter(Child(settings(), control_plane()))
    log.debug("child_opened", pid=os.getpid())


@signals.worker_process_shutdown.connect
def _close_child(**_: Any) -> None:
    if (child := current.leave()) is not None:
        child.close()
    close_tracing()
