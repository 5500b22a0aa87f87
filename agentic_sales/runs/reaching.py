"""Tell a Redis that cannot be reached as an outage of the broker, which a caller may try again."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from agentic_sales.errors import BrokerUnavailable


@contextmanager
def reaching_redis(doing: str) -> Iterator[None]:
    """Run the body, which speaks to Redis.

    Args:
        doing: The act, for the message: "recording run `…`".

    Raises:
        BrokerUnavailable: Redis refused the command, or could not be reached.
    """
    try:
        yield
    except RedisError as exc:
        raise BrokerUnavailable(doing, exc) from exc
