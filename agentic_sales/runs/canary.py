"""Record when a worker last took a message off each queue. This proves that a pool consumes.

A worker can answer a ping and write its sign of life while its consumer no longer asks the broker for messages. Kombu
and Celery have had that after a reconnect more than once. So a pool counts as live only for a while after one of its
queue's messages reached a worker. A queue with waiting runs needs no more than those runs. On an empty queue a worker
puts a canary. A canary is a message without a run (`workers.canary`).

A busy pool is not a dead one. A worker whose children all execute runs takes no further message. Its full load is proof
as well. Proofs are per queue and not per worker. Callers need to know only that a worker will take their runs.
"""

from collections.abc import Collection

from redis.asyncio import Redis

CANARY_LIMIT_S = 15.0
"""Oldest proof that counts. After it the workers of the queue are no longer counted as live."""


def canary_key(queue: str) -> str:
    """Name the time of a queue's last proof, in epoch seconds of Redis's clock."""
    return f"agentic:canary:{queue}"


async def canary_ages(redis: Redis, queues: Collection[str]) -> dict[str, float | None]:
    """Return the age in seconds of each queue's last proof.

    None means that no worker has consumed the queue for a day, or ever.
    """
    async with redis.pipeline(transaction=False) as pipe:
        pipe.time()
        for queue in queues:
            pipe.get(canary_key(queue))
        (seconds, micros), *proofs = await pipe.execute()
    now_s = seconds + micros / 1e6
    return {
        queue: None if proof is None else max(0.0, now_s - float(proof))
        for queue, proof in zip(queues, proofs, strict=True)
    }
