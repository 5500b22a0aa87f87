"""Speak to Redis as kombu does, but with one client per connection pool, and give messages back to their old place.

kombu makes a client for every command that it sends. A client is nothing but a face of its pool. Making one takes
0.05 ms, twice as long as its command. This is a fifth of the time of a publish, and of the time of a worker's parent
for a run. A message is given back if its child died or its worker is stopping. kombu puts it behind all later
messages, so the run would wait twice. RabbitMQ puts it back where it was.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from kombu.transport import redis
from redis import Redis

__all__ = ["Channel", "Transport"]


class Channel(redis.Channel):
    """kombu's channel with one client per pool. It puts messages back at the end from which they are taken."""

    def _get_client(self) -> Callable[..., Redis]:
        client: Callable[..., Redis] = super()._get_client()  # type: ignore[misc]  # kombu has it, its types do not
        return cache(client)  # its only argument is the pool

    def _do_restore_message(self, payload: Any, exchange: str, routing_key: str, pipe: Any, *_: bool) -> None:
        super()._do_restore_message(payload, exchange, routing_key, pipe)  # type: ignore[misc]  # as above


class Transport(redis.Transport):
    """kombu's transport over Redis with that channel."""

    Channel = Channel
