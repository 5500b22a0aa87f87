"""Choose ports for servers of the tests, of which several processes start some at the same time."""

import os
import secrets
import socket
from itertools import chain

from agentic_sales.local.ports import LOOPBACK

_LOWEST, _PER_PROCESS = 10_000, 2_500
"""Below the ports that the kernel gives to outgoing connections, which would take one before its server binds it."""
_process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
_first = _LOWEST + _process * _PER_PROCESS
_begin = _first + secrets.randbelow(_PER_PROCESS)
_candidates = chain(range(_begin, _first + _PER_PROCESS), range(_first, _begin))


def free_port() -> int:
    """Return a TCP port of loopback that this process has not returned before and on which nobody listens now."""
    return next(port for port in _candidates if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
