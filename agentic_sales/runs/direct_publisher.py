"""Publish runs over the connection of an event loop, where the broker is the Redis of the ledger.

Celery takes 950 calls of functions and a thread for a message, of which all but the id of the run and its trace are
always the same. So Celery writes one message of each kind, for a broker in memory, and the others are copies of it.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass
from functools import cache
from typing import Any

from celery import Celery
from kombu import Connection
from redis.asyncio import Redis
from redis.exceptions import RedisError
from uuid_utils import uuid7

from agentic_sales.contracts import RunId
from agentic_sales.errors import BrokerUnavailable
from agentic_sales.runs.acts.commands import Commands
from agentic_sales.runs.publisher import send_run

_RUN = RunId("00000000-0000-7000-8000-000000000000")
_HEADERS = '"headers": {'


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A message of the run `_RUN`, as JSON."""

    envelope: str
    body: str
    encoded_body: str
    delivery_tag: str

    def of(self, run_id: RunId, headers: Mapping[str, str]) -> str:
        """Return the message of a run."""
        body = b64encode(self.body.replace(_RUN, run_id).encode()).decode()
        envelope = self.envelope.replace(self.encoded_body, body).replace(_RUN, run_id)
        envelope = envelope.replace(self.delivery_tag, str(uuid7()))
        return envelope.replace(_HEADERS, f"{_HEADERS}{json.dumps(headers)[1:-1]}, ", 1) if headers else envelope


class DirectPublisher(Commands):
    """Puts runs on lists of Redis, as kombu does."""

    def __init__(self, app: Celery, redis: Redis) -> None:
        super().__init__(redis, ttl_s=0)
        self._prefix = app.conf.broker_transport_options.get("global_keyprefix", "")
        self._pattern = cache(lambda assistant_id, queue_name: _pattern(app, assistant_id, queue_name))

    async def publish(
        self, run_id: RunId, assistant_id: str, queue_name: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Put a run on its queue. Return when Redis has taken it.

        Raises:
            BrokerUnavailable: Redis did not take it.
        """
        message = self._pattern(assistant_id, queue_name).of(run_id, headers or {})
        try:
            async with self.in_time():
                await self.line.ask("LPUSH", f"{self._prefix}{queue_name}", message)
        except RedisError as exc:
            raise BrokerUnavailable(f"publishing run `{run_id}`", exc) from exc


def _pattern(app: Celery, assistant_id: str, queue_name: str) -> _Pattern:
    with Connection("memory://") as memory:
        message: dict[str, Any] = Context().run(_written, app, memory, assistant_id, queue_name)
    message["headers"] |= {"root_id": _RUN, "parent_id": None}  # not those of the run that this process executes
    encoded_body = message["body"]
    return _Pattern(
        json.dumps(message), b64decode(encoded_body).decode(), encoded_body, message["properties"]["delivery_tag"]
    )


def _written(app: Celery, memory: Connection, assistant_id: str, queue_name: str) -> dict[str, Any]:
    """Return the message that Celery writes. It runs in a context of its own, since it takes headers from there."""
    channel: Any = memory.channel()  # its types leave out what a channel in memory has
    send_run(app, _RUN, assistant_id, queue_name, producer=app.amqp.Producer(channel))
    message: dict[str, Any] = channel._get(queue_name)  # noqa: SLF001 - as JSON, before it is read
    return message
