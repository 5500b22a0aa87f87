"""Follow held runs from a worker's parent process. Renew their leases and end the runs of dead children.

The parent is a blocking Celery process. So this is the blocking side of the ledger with the same scripts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import structlog
from kombu.exceptions import OperationalError
from redis import Redis

from agentic_sales.celery import app
from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.runs import scripts
from agentic_sales.runs.ledger import (
    CANCELLED,
    DEAD_KEY,
    LEASE_S,
    RUN_PREFIX,
    RUNNING_KEY,
    Outcome,
    failure_status,
    finish_args,
    run_key,
)
from agentic_sales.runs.publisher import send_run
from agentic_sales.runs.turns import NextRun, next_run

log = structlog.get_logger()

MOST_SPARED = 3
"""Deaths of its child that nobody explains, after which a run counts as their cause."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A run that a child of this worker executes."""

    run_id: RunId
    """The run."""
    worker: str
    """`host/pid` of the child."""


class Holds:
    """The blocking side of the ledger, for one worker parent."""

    def __init__(self, redis: Redis, *, ttl_s: int) -> None:
        self.redis = redis
        self._ttl_s = ttl_s
        self._renew = redis.register_script(scripts.RENEW)
        self._lose = redis.register_script(scripts.LOSE)
        self._release = redis.register_script(scripts.RELEASE)
        self._spare = redis.register_script(scripts.SPARE)
        self._finish = redis.register_script(scripts.FINISH)
        self._cancel = redis.register_script(scripts.CANCEL)

    def renew(self, holds: Iterable[Hold]) -> int:
        """Renew the leases of the runs that this worker's children still hold. Return their number."""
        pairs = list(chain.from_iterable((hold.run_id, hold.worker) for hold in holds))
        return int(self._renew(keys=[RUNNING_KEY], args=[LEASE_S, RUN_PREFIX, *pairs])) if pairs else 0

    def lose(self, hold: Hold) -> bool:
        """End the lease of a run after its child died. Return False when another process holds it by now."""
        keys = [run_key(hold.run_id), RUNNING_KEY]
        return bool(self._lose(keys=keys, args=[hold.run_id, hold.worker]))

    def release(self, hold: Hold) -> bool:
        """Give a run back unfinished without counting a loss. Return False when another process holds it by now."""
        keys = [run_key(hold.run_id), RUNNING_KEY]
        return bool(self._release(keys=keys, args=[hold.run_id, hold.worker]))

    def spare(self, hold: Hold) -> bool:
        """Give a run back whose child died of nobody knows which of its runs. It counts a loss from the fourth on."""
        keys = [run_key(hold.run_id), RUNNING_KEY]
        return bool(self._spare(keys=keys, args=[hold.run_id, hold.worker, MOST_SPARED]))

    def cancel(self, run_id: RunId) -> str:
        """Cancel a run for good as `Ledger.cancel` does. Return `cancelled` or `asked` or `ended` or `unknown`."""
        args: list[str | int] = [run_id, self._ttl_s, CANCELLED.model_dump_json()]
        verdict, *told = self._cancel(keys=[run_key(run_id)], args=args)
        _pass_on(next_run(told[0] if told else None))
        return str(verdict.decode())

    def fail(self, hold: Hold, failure: RunFailure) -> bool:
        """End a run after its child was killed. Return False without a change when another process holds it by now."""
        holder, attempt = self.redis.hmget(run_key(hold.run_id), "worker", "attempt")
        if holder != hold.worker.encode() or attempt is None:
            return False
        outcome = Outcome(hold.run_id, failure_status(failure), None, failure)
        args = finish_args(self._ttl_s, int(attempt), outcome, is_dead=False)
        answer = self._finish(keys=[run_key(hold.run_id), RUNNING_KEY, DEAD_KEY], args=args)
        _pass_on(next_run(answer))
        return bool(answer)


def _pass_on(run: NextRun | None) -> None:
    if run is None:
        return
    try:
        send_run(app, run.run_id, run.assistant_id, run.queue)
    except (OperationalError, OSError) as exc:  # the sweeper finds the run without a message
        log.warning("next_run_not_published", run_id=run.run_id, queue=run.queue, reason=str(exc))
