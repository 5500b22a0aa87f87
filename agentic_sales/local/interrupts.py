"""Turn signals into cancellation, so that context managers end their processes."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a polite `kill`, and the loss of the terminal."""
_SIGNAL_STATUS = 128
"""A shell adds this to the number of the signal that ended a command."""


def run_interruptibly(main: Coroutine[Any, Any, int]) -> int:
    """Run a coroutine to its exit status. A signal cancels it, and a second signal cancels its clean-up.

    Returns:
        The coroutine's own status, or 128 plus the number of the signal that cancelled it.
    """
    received: list[int] = []

    async def cancellable() -> int:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a coroutine that runs is a task")

        def cancel(number: int) -> None:
            received.append(number)
            task.cancel()

        for number in SIGNALS:
            # A signal that is ignored on purpose (`nohup`) stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, cancel, number)
        return await main

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        if not received:
            raise
        return _SIGNAL_STATUS + received[0]
