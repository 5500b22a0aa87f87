"""Speak to Redis as kombu does, with one client per connection pool.

Why: kombu makes a client for every command that it sends. A client is nothing but a face of its pool, and making one
takes 0.05 ms, twice as long as its command: a fifth of what a publish takes, and of what a worker's parent spends on a
run.
"""

from collections.abc import Callable
from functools import cache

from kombu.transport import redis
from redis import Redis

__all__ = ["Channel", "Transport"]


class Channel(redis.Channel):
    """kombu's channel, whose client is made once."""

    def _get_client(self) -> Callable[..., Redis]:
        client: Callable[..., Redis] = super()._get_client()  # type: ignore[misc]  # kombu has it, its types do not
        return cache(client)  # its only argument is the pool


class Transport(redis.Transport):
    """kombu's transport over Redis, with that channel."""

    Channel = Channel
