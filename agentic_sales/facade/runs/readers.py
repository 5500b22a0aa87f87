"""Bound the simultaneous streams of one facade process. Each holds a connection to Redis."""

from collections.abc import Iterator
from contextlib import contextmanager

from agentic_sales.errors import TooManyReaders


class Readers:
    """The places for readers of streams."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place for as long as the context lasts.

        Raises:
            TooManyReaders: There is none.
        """
        if self._count >= self._most:
            raise TooManyReaders(self._most)
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
