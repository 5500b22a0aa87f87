"""Choose ports for servers of the tests, of which several processes start some at the same time."""

import os
import secrets
import socket
from collections.abc import Iterator
from functools import cache
from itertools import chain

from agentic_sales.local.ports import LOOPBACK

_LOWEST, _PER_PROCESS = 10_000, 2_500
"""Below the ports that the kernel gives to outgoing connections, which would take one before its server binds it."""


@cache
def _candidates() -> Iterator[int]:
    """Return this process's ports from a place by chance on. Not at import, which may be before a fork."""
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    first = _LOWEST + process * _PER_PROCESS
    begin = first + secrets.randbelow(_PER_PROCESS)
    return chain(range(begin, first + _PER_PROCESS), range(first, begin))


def free_port() -> int:
    """Return a TCP port of loopback that this process has not returned before and on which nobody listens now."""
    return next(port for port in _candidates() if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
