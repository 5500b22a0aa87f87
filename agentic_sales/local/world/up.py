"""Wait until a person or a supervisor ends the sample world."""

import signal
from threading import Event
from types import FrameType


def wait_for_end() -> None:
    """Return at SIGINT or SIGTERM."""
    ended = Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        ended.set()

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, end)
    ended.wait()
