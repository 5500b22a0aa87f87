"""Run shell commands side by side. Relay their lines, notice the first exit and end all of them.

honcho reads the Procfile and prints the lines. Its `Manager` is not used, for three reasons that its source shows. It
signals whole process groups, which kills the prefork children of a Celery worker in the middle of their runs instead
of draining them. It kills after a fixed five seconds. It owns the main loop, so that nothing can be driven beside it.
"""

import asyncio
import os
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from agentic_sales.errors import AgenticSalesError
from agentic_sales.local.reaper import GRACE_S, Reaper, kill_group

Sink = Callable[[str, str], None]
"""Takes the name of a process and a line that it printed."""

_CHUNK_BYTES = 65_536
_LAST_LINES_S = 1.0


class FleetFailed(AgenticSalesError):
    """Raised when a process of the fleet ends by itself or the fleet does not get ready."""

    code = "fleet_failed"


class Supervisor:
    """The processes of one fleet. Leaving the context ends them all."""

    def __init__(self, guard: Reaper, sink: Sink) -> None:
        self._guard = guard
        self._sink = sink
        self._processes: dict[str, Process] = {}
        self._relays: list[asyncio.Task[None]] = []
        self._watches: list[asyncio.Task[tuple[str, int]]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, name: str, command: str, environment: Mapping[str, str]) -> None:
        """Start a shell command in a session of its own, so that Ctrl-C reaches it only through us."""
        # The pipe is ours and not asyncio's, whose `wait` would not return before a grandchild has closed it too.
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                f"exec {command}",  # without `exec` the pid, and so every signal, would be the shell's
                stdin=DEVNULL,
                stdout=writing,
                stderr=STDOUT,
                env=environment,
                start_new_session=True,
            )
        finally:
            os.close(writing)
        self._guard.watch(process.pid)
        self._processes[name] = process
        self._relays.append(asyncio.create_task(self._relay(name, reading)))
        self._watches.append(asyncio.create_task(self._watch(name, process)))

    async def first_exit(self) -> FleetFailed:
        """Wait until any process ends. Return the message about it."""
        ended, _ = await asyncio.wait(self._watches, return_when=asyncio.FIRST_COMPLETED)
        name, status = ended.pop().result()
        return FleetFailed(f"`{name}` ended by itself with {_told(status)}")

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Ask every process to end. Kill the rest of its group after the grace period."""
        for process in self._processes.values():
            if process.returncode is None:
                process.terminate()
        try:
            if self._watches:
                await asyncio.wait(self._watches, timeout=grace_s)
        finally:
            self.kill()
        await asyncio.gather(*self._watches)
        await self._close_relays()

    def kill(self) -> None:
        """Kill every process that still runs, with its group, at once."""
        for process in self._processes.values():
            if process.returncode is None:
                kill_group(process.pid)

    async def _watch(self, name: str, process: Process) -> tuple[str, int]:
        status = await process.wait()
        kill_group(process.pid)  # a child that outlives its parent would hold the ports, the queue and our pipe
        self._guard.release(process.pid)
        return name, status

    async def _relay(self, name: str, reading: int) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", buffering=0)
        )
        try:
            rest = b""
            while chunk := await reader.read(_CHUNK_BYTES):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._sink(name, line.decode(errors="replace"))
            if rest:
                self._sink(name, rest.decode(errors="replace"))
        finally:
            transport.close()

    async def _close_relays(self) -> None:
        """Let the last lines through. A process that left its group may hold a pipe open for ever."""
        if self._relays:
            await asyncio.wait(self._relays, timeout=_LAST_LINES_S)
        for relay in self._relays:
            relay.cancel()


def _told(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"signal {-status}"
