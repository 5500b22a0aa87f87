"""Report an unreachable Redis as an outage of the broker. A caller may try again."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from agentic_sales.errors import BrokerUnavailable


@contextmanager
def reaching_redis(doing: str) -> Iterator[None]:
    """Run a body that speaks to Redis.

    Args:
        doing: The act for the message, such as "recording run `…`".

    Raises:
        BrokerUnavailable: Redis refused the command or was unreachable.
    """
    try:
        yield
    except RedisError as exc:
        raise BrokerUnavailable(doing, exc) from exc
