"""Answer Celery's remote commands so that a run's life has one owner, the ledger.

Left alone, `revoke` discards the message of a run that stays pending and `terminate` kills the child of a run that
stays running. Here both cancel the run. Commands that would overrule a row, or leave a worker that is alive without a
child, are refused with the reason. The names are Celery's: Flower's buttons and `celery control` send them.
"""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import structlog
from celery.worker import control
from redis import Redis
from redis.exceptions import RedisError

from agentic_sales.contracts import RunId
from agentic_sales.runs.holds import Holds
from agentic_sales.settings import settings

log = structlog.get_logger()

Command = Callable[..., Any]

_ONE_OWNER = "a run is cancelled by its id: `revoke`, or POST /runs/{run_id}/cancel"
REFUSED = {
    "revoke_by_stamped_headers": _ONE_OWNER,
    "rate_limit": "a limited task would hold the place of other runs in its worker; limit the callers instead",
    "time_limit": "the limit of a run is `time_limit_s` of its registry row; change it there",
    "autoscale": "the number of children is `AGENTIC_SALES_WORKER_CONCURRENCY`; add workers instead",
    "pool_restart": "send the worker SIGTERM, so that its runs end or move, and start another",
}
"""Command of Celery to the reason for which a worker of this fleet does not obey."""


def take_over() -> None:
    """Put the commands of this module in the place of Celery's."""
    revoke, shrink = (control.Panel.data[name] for name in ("revoke", "pool_shrink"))
    control.Panel.data.update({name: _refusal(name, reason) for name, reason in REFUSED.items()})
    control.Panel.data["revoke"] = _cancelling(revoke)
    control.Panel.data["terminate"] = lambda state, task_id, **_: _cancelling(revoke)(state, task_id)
    control.Panel.data["pool_shrink"] = _keeping_one(shrink)


def _refusal(name: str, reason: str) -> Command:
    def refuse(_state: Any, *_: Any, **__: Any) -> dict[str, str]:
        log.warning("command_refused", command=name)
        return _refused(f"`{name}` is refused: {reason}")

    return refuse


def _refused(reason: str) -> dict[str, str]:
    return {"error": reason}  # Celery's form of an answer that says no


def _cancelling(revoke: Command) -> Command:
    """Cancel runs, and leave the ids of other tasks to Celery."""

    def cancel(state: Any, task_id: str | Iterable[str], **options: Any) -> Any:
        ids = [task_id] if isinstance(task_id, str) else list(task_id)
        try:
            verdicts = _cancelled(ids)
        except RedisError as exc:
            return _refused(f"nothing is cancelled, the ledger is away: {exc}")
        if others := [name for name in ids if verdicts[name] == "unknown"]:
            revoke(state, others, **options)
        return {"ok": ", ".join(f"{name}: {verdict}" for name, verdict in verdicts.items())}

    return cancel


def _cancelled(ids: Iterable[str]) -> dict[str, str]:
    configuration = settings()
    with Redis.from_url(configuration.redis_url, socket_timeout=1.0, socket_connect_timeout=1.0) as redis:
        holds = Holds(redis, ttl_s=configuration.run_ttl_s)
        return {name: holds.cancel(RunId(name)) if _is_uuid(name) else "unknown" for name in ids}


def _is_uuid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _keeping_one(shrink: Command) -> Command:
    """Let a pool shrink to one child; with none, its worker would take runs and execute nothing."""

    def shrink_to_one(state: Any, n: int = 1, **options: Any) -> Any:
        if (children := state.consumer.pool.num_processes) - n < 1:
            return _refused(f"`pool_shrink` is refused: of {children} children at least 1 must stay; stop the worker")
        return shrink(state, n, **options)

    return shrink_to_one
