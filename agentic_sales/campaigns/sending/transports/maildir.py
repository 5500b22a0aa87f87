"""Put messages into a maildir on disk. It is the default, so no mail leaves the machine before it is configured."""

import asyncio
import os
from collections.abc import Iterable
from email.message import EmailMessage
from pathlib import Path

from agentic_sales.campaigns.sending.messages import to_bytes
from agentic_sales.campaigns.sending.transports.contract import Handover
from agentic_sales.contracts import TouchId
from agentic_sales.errors import StateUnavailable

_PARTS = ("tmp", "new", "cur")


class MaildirTransport:
    """A maildir. A message's file is named after its key, so a second delivery is the same file."""

    name = "maildir"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, message: EmailMessage, *, key: TouchId) -> Handover:
        """Write the message, unless it is there."""
        try:
            await asyncio.to_thread(self._write, to_bytes(message), _name(key))
        except OSError as exc:
            return Handover("deferred", f"the maildir cannot be written: {exc}", is_our_fault=True)
        return Handover("sent", provider_id=key)

    async def remove(self, keys: Iterable[TouchId]) -> int:
        """Remove messages from every folder of the maildir. Return how many there were.

        Raises:
            StateUnavailable: The maildir cannot be written.
        """
        try:
            return await asyncio.to_thread(self._remove, list(keys))
        except OSError as exc:
            raise StateUnavailable(f"the maildir cannot be written: {exc}") from exc

    def _remove(self, keys: Iterable[TouchId]) -> int:
        found = [path for key in keys for part in _PARTS for path in (self._folder / part).glob(f"{_name(key)}*")]
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)

    def _write(self, content: bytes, name: str) -> None:
        for part in _PARTS:
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        if any((self._folder / "cur").glob(f"{name}*")):  # A mail reader has taken it in, and put its flags behind it.
            return
        unfinished = self._folder / "tmp" / f"{name}.{os.getpid()}"
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._folder / "new" / name)


def _name(key: TouchId) -> str:
    return f"{key}.agentic-sales"
