"""Tell the fleet's numbers. They are the counters of the ledger's scripts and the present state of the queues."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from prometheus_client.core import Metric

from agentic_sales import errors
from agentic_sales.control import ControlPlane
from agentic_sales.errors import AgenticSalesError
from agentic_sales.observability import metrics
from agentic_sales.observability.exposition import Counts, gauge
from agentic_sales.observability.metrics import Labels
from agentic_sales.runs.budgets import EVERY, Budgets, spent_key
from agentic_sales.runs.lanes import held_key
from agentic_sales.runs.ledger import DEAD_KEY, RUNNING_KEY, Ledger, alive_key, pending_key

LANES: Mapping[str, Mapping[str, str]] = {"batch": {"priority": "batch"}, "due": {}}
"""Lane to a request that the lane holds."""
_NOT_RAISED = ("bug", "cancelled", "worker_lost")
"""Codes of failures without an exception of ours."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """How one queue stands."""

    waiting: int
    """Runs that wait for a worker."""
    oldest_age_s: float
    """Seconds that the first of them has waited. 0 means that none waits."""
    held: Mapping[str, int]
    """Runs that the ledger holds back by lane. The lanes are `batch` and `due` (for runs with a later time)."""
    consumers: int
    """Workers that consume it and have given a sign of life in time."""
    canary_age_s: float
    """Seconds since a message was last seen taken off it. Infinite means never."""


@dataclass(frozen=True, slots=True)
class FleetNumbers:
    """Redis's numbers of the fleet at one moment."""

    counts: Counts
    """Counters so far."""
    queues: dict[str, QueueState]
    """Queue to its state."""
    running: int
    """Runs that workers hold."""
    dead: int
    """Runs on the dead list."""
    spent_usd: Mapping[str, float]
    """`assistant_id` or `EVERY` to today's spending on models."""


async def read_fleet(ledger: Ledger, queues: Iterable[str]) -> FleetNumbers:
    """Read the numbers.

    Raises:
        redis.exceptions.RedisError: Redis did not answer.
    """
    names = list(queues)
    canaries = await ledger.canary_ages(names)
    async with ledger.in_time():
        seconds, microseconds = await ledger.redis.time()
        async with ledger.redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(metrics.COUNTS_KEY)
            pipe.zcard(RUNNING_KEY)
            pipe.zcard(DEAD_KEY)
            pipe.hgetall(spent_key(seconds))
            for queue in names:
                pipe.zcard(pending_key(queue))
                pipe.zrange(pending_key(queue), 0, 0, withscores=True)
                pipe.zcount(alive_key(queue), seconds, "+inf")
                for lane in LANES.values():
                    pipe.zcard(held_key(queue, lane))
            counts, running, dead, spent, *rest = await pipe.execute()
    now_s = seconds + microseconds / 1_000_000
    width = 3 + len(LANES)
    answers = (rest[n * width : (n + 1) * width] for n in range(len(names)))
    states = {q: _state(answer, now_s, canaries[q]) for q, answer in zip(names, answers, strict=True)}
    spent_usd = {name.decode(): float(usd) for name, usd in spent.items()}
    return FleetNumbers(Counts.parse(counts), states, running, dead, spent_usd)


def _state(answers: Sequence[Any], now_s: float, canary_age_s: float | None) -> QueueState:
    waiting, first, consumers, *held = answers
    return QueueState(
        waiting=waiting,
        oldest_age_s=max(now_s - first[0][1], 0.0) if first else 0.0,
        held=dict(zip(LANES, held, strict=True)),
        consumers=consumers,
        canary_age_s=math.inf if canary_age_s is None else canary_age_s,
    )


def fleet_families(
    control: ControlPlane, numbers: FleetNumbers, models: Iterable[str], budgets: Budgets
) -> Iterator[Metric]:
    """Yield every metric of the fleet. Each row, queue and outcome has a series, even with a zero.

    Args:
        control: Rows and routes.
        numbers: Redis's numbers of the fleet.
        models: Configured models of this deployment.
        budgets: Spending limits of this deployment.
    """
    counts = numbers.counts
    placed = [(assistant_id, control.decide(assistant_id).queue) for assistant_id in control.rows]
    yield counts.counter(metrics.RUNS, ((*place, o) for place, o in product(placed, metrics.RUN_OUTCOMES)))
    yield counts.counter(metrics.FAILURES, ((code,) for code in (*_NOT_RAISED, *_codes())))
    yield counts.histogram(metrics.DURATION, placed)
    yield counts.histogram(metrics.QUEUE_WAIT, placed)
    yield counts.counter(metrics.RECOVERED, _each(metrics.RECOVERY_OUTCOMES))
    yield counts.counter(metrics.LOOP_BLOCKS, _each(control.rows))
    yield counts.counter(metrics.SENDS, _each(metrics.SEND_OUTCOMES))
    yield from _model_families(control, counts, list(models))
    yield from _gauges(numbers)
    spent = {**dict.fromkeys((EVERY, *control.rows), 0.0), **numbers.spent_usd}
    yield gauge(metrics.BUDGET_SPENT, {(name,): usd for name, usd in spent.items()})
    yield gauge(metrics.BUDGET_LIMIT, {(name,): usd for name, usd in budgets.per_day.items()})


def _model_families(control: ControlPlane, counts: Counts, models: list[str]) -> Iterator[Metric]:
    asked = list(product(control.rows, models))
    yield counts.counter(metrics.LLM_CALLS, asked)
    yield counts.counter(metrics.LLM_TOKENS, ((*pair, d) for pair, d in product(asked, metrics.DIRECTIONS)))
    yield counts.counter(metrics.LLM_COST, asked)
    yield counts.counter(metrics.LLM_FALLBACKS, product(control.rows, metrics.FALLBACK_CODES))


def _gauges(numbers: FleetNumbers) -> Iterator[Metric]:
    queues = numbers.queues.items()
    yield gauge(metrics.QUEUE_DEPTH, {(queue,): state.waiting for queue, state in queues})
    yield gauge(metrics.OLDEST_AGE, {(queue,): state.oldest_age_s for queue, state in queues})
    yield gauge(metrics.HELD, {(queue, lane): n for queue, state in queues for lane, n in state.held.items()})
    yield gauge(metrics.LIVE_CONSUMERS, {(queue,): state.consumers for queue, state in queues})
    yield gauge(metrics.CANARY_AGE, {(queue,): state.canary_age_s for queue, state in queues})
    yield gauge(metrics.RUNNING, {(): numbers.running})
    yield gauge(metrics.DEAD, {(): numbers.dead})


def _each(values: Iterable[str]) -> Iterator[Labels]:
    return ((value,) for value in values)


def _codes() -> Iterator[str]:
    """Yield the code of every error of ours."""
    for name in errors.__all__:
        error = getattr(errors, name)
        if issubclass(error, AgenticSalesError) and "code" in vars(error):
            yield error.code
