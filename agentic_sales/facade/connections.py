"""Count the connections of one facade process. Limit how long each may wait for the other side.

The limits also hold for a caller without a key. They are applied before a request is read. Behind a proxy every caller
has the proxy's address. So the proxy must limit its own callers.
"""

from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

from agentic_sales.facade.fleet.request_metrics import RequestMetrics

_SITE_BYTES = 8
"""An IPv6 customer owns at least a /64, so 64 bits name the customer."""


@dataclass(slots=True)
class CallerConnections:
    """The open connections of one facade process."""

    per_address: int
    """Connections that one address may hold."""
    requests: RequestMetrics
    """Counts the refusals."""
    head_within_s: float = 10.0
    """Time to the end of the head. It starts at the opening of a connection or the first byte of a later request."""
    body_pause_s: float = 20.0
    """Longest time between two bytes of a body."""
    slowest_body_bytes_per_s: float = 1024.0
    """Least average speed of a body, after the first `body_pause_s`."""
    unread_s: float = 60.0
    """Longest time that a caller may leave its answer unread."""
    linger_s: float = 2.0
    """Time for which a refused caller may go on sending. So it reads the refusal and sees no reset."""
    _held: Counter[str] = field(default_factory=Counter)

    @property
    def held(self) -> int:
        """Count the open connections."""
        return self._held.total()

    def admit(self, address: str) -> bool:
        """Count a connection of an address. Return False without counting where the address is at its limit."""
        site = _site(address)
        if self._held[site] >= self.per_address:
            return False
        self._held[site] += 1
        return True

    def release(self, address: str) -> None:
        """Count a connection of an address no longer."""
        site = _site(address)
        self._held[site] -= 1
        if not self._held[site]:
            del self._held[site]


def _site(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or parsed.packed[:_SITE_BYTES].hex())
