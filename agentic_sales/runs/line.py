"""Run scripts in Redis over one connection of an event loop. Commands follow each other without waiting for answers.

The client library gives each command a connection of its own until it has its answer. With it a script costs 70 to 90
microseconds of processor time, and here 35. Scripts are what every run needs. Everything else goes the library's way,
and the library opens this connection and reads from it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from hashlib import sha1
from typing import Any

from hiredis import PushNotification, Reader, pack_command
from redis.asyncio import Connection, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError

LATE_AFTER_S = 4.0
"""An answer that is awaited for longer does not come any more. An asker waits a second longer, `ANSWER_TIMEOUT_S`."""

Argument = str | bytes | int | float


class Line:
    """The connection that the scripts of one event loop share. It opens at its first use, and again after a loss."""

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._opened: _Opened | None = None
        self._opening = asyncio.Lock()

    def script(self, source: str) -> "Script":
        """Return a script to run."""
        return Script(self, source)

    async def ask(self, *command: Argument) -> Any:
        """Send a command and return its answer. A command whose connection is lost is sent a second time.

        Raises:
            redis.exceptions.RedisError: Redis refuses the command or is away.
        """
        packed = pack_command(command)  # type: ignore[arg-type]  # its types leave out that a tuple may be longer
        try:
            return await (await self._open()).ask(packed)
        except RedisConnectionError:
            return await (await self._open()).ask(packed)

    async def aclose(self) -> None:
        """Close the connection. The next command opens it again."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.connection.disconnect(nowait=True)
            await self._pool.release(opened.connection)

    async def _open(self) -> "_Opened":
        if self._opened is not None and self._opened.is_alive:
            return self._opened
        async with self._opening:
            if self._opened is None or not self._opened.is_alive:
                await self.aclose()
                self._opened = _Opened(await self._pool.get_connection())  # type: ignore[no-untyped-call]
        return self._opened


class Script:
    """A script that Redis runs by its digest."""

    def __init__(self, line: Line, source: str) -> None:
        self._line, self._source = line, source
        self._digest = sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, *, keys: Sequence[Argument], args: Sequence[Argument]) -> Any:
        """Run it. Redis is taught it first where it does not know it (any more)."""
        command: tuple[Argument, ...] = ("EVALSHA", self._digest, len(keys), *keys, *args)
        try:
            return await self._line.ask(*command)
        except NoScriptError:
            await self._line.ask("SCRIPT", "LOAD", self._source)
            return await self._line.ask(*command)


class _Opened(asyncio.Protocol):
    """A connection that the library has opened, and the askers whose answers come over it.

    Taking the transport over is reaching into the library. It happens here and nowhere else, and
    `tests/integration/runs/test_line.py` fails when it changes.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._reader = Reader(protocolError=RedisConnectionError, replyError=connection._parser.parse_error)  # noqa: SLF001
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._loop = asyncio.get_running_loop()
        self._transport = connection._writer.transport  # type: ignore[union-attr]  # noqa: SLF001 - it is connected
        self._library = self._transport.get_protocol()
        self._transport.set_protocol(self)

    @property
    def is_alive(self) -> bool:
        """Tell whether commands can be sent over it."""
        return not self._transport.is_closing()

    async def ask(self, packed: bytes) -> Any:
        """Send a command and wait for its answer. A waiter that gives up leaves its answer to nobody.

        An answer that does not come in time closes the connection, since all later ones are behind it.
        """
        answer, asked_at_s = self._loop.create_future(), self._loop.time()
        self._waiting.append(answer)
        self._transport.write(packed)
        try:
            return await answer
        except asyncio.CancelledError:
            if self._loop.time() - asked_at_s > LATE_AFTER_S:
                self._transport.abort()
            raise

    def data_received(self, data: bytes) -> None:
        """Give each answer to its asker."""
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not False:
            if not isinstance(answer, PushNotification):
                _settle(self._waiting.popleft(), answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell all askers that no answer comes."""
        self._library.connection_lost(exc)
        while self._waiting:
            _settle(self._waiting.popleft(), RedisConnectionError(f"the connection was lost: {exc or 'closed'}"))

    def eof_received(self) -> None:
        """Let the connection close."""

    def pause_writing(self) -> None:
        """Tell the library, which closes the connection."""
        self._library.pause_writing()

    def resume_writing(self) -> None:
        """Tell the library, as above."""
        self._library.resume_writing()


def _settle(waiting: asyncio.Future[Any], answer: Any) -> None:
    if waiting.done():
        return
    if isinstance(answer, Exception):
        waiting.set_exception(answer)
    else:
        waiting.set_result(answer)
