"""Wait for the end of runs with one subscription per process and one future per run, without polling or threads.

The finish of a run publishes on this process's channel. Publish/subscribe forgets undelivered messages. So a slow sweep
reads the ledger for every run with a long wait. It catches the ends that were published while the connection was down.
It also notices a pool whose last worker died.
"""

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from redis.exceptions import RedisError

from agentic_sales.contracts import RunId
from agentic_sales.errors import PoolUnavailable
from agentic_sales.runs.ledger import Ledger, Outcome, parse_reply

log = structlog.get_logger()

SWEEP_INTERVAL_S = 1.0
SWEEP_AFTER_S = 2.0
"""Age from which a waited-for run is looked up. The subscription tells of younger ones."""
POOL_LOST_AFTER_S = 10.0
"""How long a pool may lack a live worker before its waiters are told. A restarted worker is back before."""
CANCEL_AGAIN_AFTER_S = 0.1
"""Redis's client sends under `asyncio.wait_for`. In Python 3.11 that loses a cancellation that comes too late."""
SUBSCRIBE_TIMEOUT_S = 5.0
"""How long Redis may take to accept the subscription before it counts as away."""


@dataclass(frozen=True, slots=True)
class _Waiter:
    run_id: RunId
    assistant_id: str
    queue: str
    since_s: float


class Replies:
    """The futures of one process's waited-for runs."""

    def __init__(self, ledger: Ledger) -> None:
        self.channel = f"agentic:replies:{secrets.token_hex(8)}"
        """Channel on which workers tell this process that a run has ended."""
        self._ledger = ledger
        self._waiters: dict[asyncio.Future[Outcome], _Waiter] = {}
        self._by_run: dict[RunId, set[asyncio.Future[Outcome]]] = {}
        self._lost_since_s: dict[str, float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def __len__(self) -> int:
        return len(self._waiters)

    async def start(self) -> None:
        """Begin to listen and to sweep. Return after the first try to subscribe.

        An absent Redis is no error here. The subscription is made when it is back. The sweep then finds the ends of the
        time in between.
        """
        tried = asyncio.Event()
        self._tasks = [asyncio.create_task(self._listen_forever(tried)), asyncio.create_task(self._sweep_forever())]
        await tried.wait()

    async def close(self) -> None:
        """Stop listening. The open waits are given up here and not in the fleet."""
        pending = set(self._tasks)
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_AFTER_S)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for ended in list(self._waiters):
            ended.cancel()

    def expect(self, run_id: RunId, *, assistant_id: str, queue: str) -> asyncio.Future[Outcome]:
        """Return a future of the run's end. Call this before the run is published.

        Cancelling the future gives up the wait. The run goes on.
        """
        ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiters[ended] = _Waiter(run_id, assistant_id, queue, since_s=asyncio.get_running_loop().time())
        self._by_run.setdefault(run_id, set()).add(ended)
        ended.add_done_callback(self._discard)
        return ended

    def _discard(self, ended: asyncio.Future[Outcome]) -> None:
        run_id = self._waiters.pop(ended).run_id
        self._by_run[run_id].discard(ended)
        if not self._by_run[run_id]:
            del self._by_run[run_id]

    async def _listen_forever(self, tried: asyncio.Event) -> None:
        while True:
            try:
                async with self._ledger.redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                    async with asyncio.timeout(SUBSCRIBE_TIMEOUT_S):
                        await pubsub.subscribe(self.channel)
                    tried.set()
                    async for message in pubsub.listen():
                        self._hear(message["data"])
            except (RedisError, TimeoutError) as exc:
                log.warning("reply_subscription_lost", channel=self.channel, reason=str(exc))
            tried.set()
            await asyncio.sleep(SWEEP_INTERVAL_S)

    def _hear(self, message: bytes) -> None:
        try:
            outcome = parse_reply(message)
        except ValueError as exc:  # one stray message must not end the listening for all
            log.warning("reply_not_understood", channel=self.channel, error=type(exc).__name__)
            return
        self._tell(outcome)

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            try:
                await self._sweep()
            except RedisError as exc:
                log.warning("reply_sweep_failed", waiting=len(self._waiters), reason=str(exc))

    async def _sweep(self) -> None:
        now_s = asyncio.get_running_loop().time()
        old = [w for w in self._waiters.values() if now_s - w.since_s >= SWEEP_AFTER_S]
        if not old:
            self._lost_since_s.clear()
            return
        for outcome in await self._ledger.outcomes(list({w.run_id for w in old})):
            if outcome is not None:
                self._tell(outcome)
        lost = await self._lost_queues({w.queue for w in old}, now_s)
        for ended, waiter in list(self._waiters.items()):
            if waiter.queue in lost and not ended.done():
                ended.set_exception(PoolUnavailable(waiter.queue, waiter.assistant_id))

    async def _lost_queues(self, queues: Iterable[str], now_s: float) -> set[str]:
        workers = await self._ledger.live_workers(sorted(queues))
        dead = {queue for queue, count in workers.items() if count == 0}
        self._lost_since_s = {queue: self._lost_since_s.get(queue, now_s) for queue in dead}
        return {queue for queue, since_s in self._lost_since_s.items() if now_s - since_s >= POOL_LOST_AFTER_S}

    def _tell(self, outcome: Outcome) -> None:
        for ended in self._by_run.get(outcome.run_id, ()):
            if not ended.done():
                ended.set_result(outcome)
