"""Find the runs that the queue lost. Publish them again under the same id.

A message can vanish where no broker promises otherwise. A process can die between the record and the publish. Kombu can
die between popping a message and noting it as in flight. The ledger knows such a run as waiting or with an ended lease.
The queue does not know it. One publish too many is harmless. A claim is refused while a live worker holds the run and
after its end.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial

import structlog
from kombu.exceptions import OperationalError
from kombu.transport.redis import Channel
from redis import Redis
from redis.exceptions import RedisError

from agentic_sales.contracts import RunId
from agentic_sales.observability.metrics import COUNTS_KEY, RECOVERED
from agentic_sales.runs import scripts
from agentic_sales.runs.ledger import RUNNING_KEY, pending_key, run_key
from agentic_sales.runs.turns import NextRun, next_run

log = structlog.get_logger()

SWEEP_INTERVAL_S = 5.0
PENDING_GRACE_S = 10.0
"""How long a run may wait before its message is looked for."""
LEASE_GRACE_S = 8.0
"""How long a lease may have ended before its run counts as lost. The broker's redelivery comes first."""
LONGEST_SEARCHED_QUEUE = 5000
"""A longer queue is busy and not lossy. Its lost runs are found when it is shorter."""
THREADS_AT_ONCE = 500
"""Busy threads that one sweep checks at random. A holder's record is gone only after days."""
_TURN_KEY = "agentic:sweeper"

Publish = Callable[[RunId, str, str], None]
"""Publishes a run by its id and its assistant and its queue."""


def take_turn(redis: Redis) -> bool:
    """Say whether this process sweeps now. One process sweeps in each interval."""
    return bool(redis.set(_TURN_KEY, "1", nx=True, px=int(SWEEP_INTERVAL_S * 1000) - 500))


def sweep(redis: Redis, queues: Iterable[str], channel: object, publish: Publish) -> int:
    """Publish every lost run again.

    Args:
        redis: The ledger's Redis.
        queues: Queues of the routing contract.
        channel: kombu's channel of the broker for a look into its queues.
        publish: Publishes one run.

    Returns:
        How many runs were published again.
    """
    seconds, _ = redis.time()
    lost = [(RUNNING_KEY, run_id) for run_id in _without_lease(redis, seconds, channel)]
    for run in _passed_on(redis):
        publish(run.run_id, run.assistant_id, run.queue)
    for queue in queues:
        lost += [(pending_key(queue), run_id) for run_id in _without_message(redis, queue, seconds, channel)]
    return sum(_mended(redis, run_id, publish, found_in=key) for key, run_id in lost)


def _without_lease(redis: Redis, now_s: float, channel: object) -> Iterator[RunId]:
    waiting = cache(partial(queued_run_ids, channel, in_flight=False))
    for run_id in _run_ids(redis.zrangebyscore(RUNNING_KEY, "-inf", now_s - LEASE_GRACE_S)):
        queue = _text(redis.hget(run_key(run_id), "queue"))
        if not queue or run_id not in (waiting(queue) or ()):
            yield run_id


def _passed_on(redis: Redis) -> Iterator[NextRun]:
    told: list[bytes] = redis.register_script(scripts.HEAL)(args=[THREADS_AT_ONCE])
    yield from filter(None, map(next_run, told))


def _without_message(redis: Redis, queue: str, now_s: float, channel: object) -> Iterator[RunId]:
    waiting = _run_ids(redis.zrangebyscore(pending_key(queue), "-inf", now_s - PENDING_GRACE_S))
    if waiting and (queued := queued_run_ids(channel, queue)) is not None:
        yield from (run_id for run_id in waiting if run_id not in queued)


def queued_run_ids(channel: object, queue: str, *, in_flight: bool = True) -> set[str] | None:
    """Return the ids of the runs whose messages are in a queue or in flight. None means that they are unknown."""
    length = waiting_messages(channel, queue)
    if not isinstance(channel, Channel):
        return set() if length == 0 else None
    if length > LONGEST_SEARCHED_QUEUE:
        return None
    with channel.conn_or_acquire() as client:
        prefix = channel.global_keyprefix  # kombu adds it to LLEN, but not to these two
        waiting = client.lrange(f"{prefix}{queue}", 0, -1)
        taken = client.hvals(f"{prefix}{channel.unacked_key}") if in_flight else ()
    ids = (*map(_id_in, waiting), *(_id_in(raw, is_in_flight=True) for raw in taken))
    return {run_id for run_id in ids if run_id is not None}


def waiting_messages(channel: object, queue: str) -> int:
    """Count the messages of a queue that no worker has taken."""
    if not isinstance(channel, Channel):
        return int(channel.queue_declare(queue, passive=True).message_count)  # type: ignore[attr-defined]  # AMQP's
    with channel.conn_or_acquire() as client:
        return int(client.llen(queue))


def _id_in(raw: bytes, *, is_in_flight: bool = False) -> str | None:
    """Return the id of a message. None means a foreign message, which its worker will report."""
    try:
        message = json.loads(raw)
        return str((message[0] if is_in_flight else message)["headers"]["id"])
    except (LookupError, RecursionError, TypeError, ValueError):
        return None


def _mended(redis: Redis, run_id: RunId, publish: Publish, *, found_in: str) -> bool:
    """Publish a lost run again. An error skips only this run unless Redis or the broker is away."""
    try:
        return _publish_again(redis, run_id, publish, found_in=found_in)
    except (RedisError, OperationalError, OSError):
        raise
    except Exception:
        log.exception("run_not_published_again", run_id=run_id)
        return False


def _publish_again(redis: Redis, run_id: RunId, publish: Publish, *, found_in: str) -> bool:
    assistant_id, queue = map(_text, redis.hmget(run_key(run_id), "assistant_id", "queue"))
    if not assistant_id or not queue:
        redis.zrem(found_in, run_id)  # Its record has expired. Its entry would fill the queue's cap for ever.
        return False
    publish(run_id, assistant_id, queue)
    redis.hincrby(COUNTS_KEY, RECOVERED.field("republished"), 1)
    log.warning("run_published_again", run_id=run_id, assistant_id=assistant_id, queue=queue)
    return True


def _run_ids(members: Iterable[object]) -> list[RunId]:
    return [RunId(_text(member)) for member in members]


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else ""
