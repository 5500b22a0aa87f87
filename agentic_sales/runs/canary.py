"""Know when a message was last taken off each queue: the proof that a pool consumes, and does not merely live.

A worker can answer a ping, and even write its sign of life, while its consumer no longer asks the broker for messages
(kombu and Celery have had that after a reconnect more than once). So a pool is believed for a while only after one of
its queue's messages reached a worker. A queue that has runs waiting needs no more than those; on an empty one a worker
puts a canary, a message without a run (`workers.canary`).

A busy pool is not a dead one: a worker whose children all execute runs takes nothing more, and that it is full is proof
as well. Proofs are per queue and not per worker: what callers need to know is whether their runs will be taken.
"""

from collections.abc import Collection

from redis.asyncio import Redis

CANARY_LIMIT_S = 15.0
"""How old the last proof may be; then the workers of the queue are no longer counted as live."""


def canary_key(queue: str) -> str:
    """Name the time of a queue's last proof, in epoch seconds of Redis's clock."""
    return f"agentic:canary:{queue}"


async def canary_ages(redis: Redis, queues: Collection[str]) -> dict[str, float | None]:
    """Return the age in seconds of each queue's last proof; None: nobody has ever consumed it, or not for a day."""
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
