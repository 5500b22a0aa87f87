"""Post webhooks: signed as Standard Webhooks asks, to checked addresses alone, no redirect followed.

A success of the receiver ends a delivery, and so does 410 (gone for good). Every other answer is tried again, for
hours. The body of an answer is not read.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook

from agentic_sales.outbound.addresses import AddressGuard
from agentic_sales.outbound.closing import Closing
from agentic_sales.outbound.connections import Budget, Connections

AT_ONCE = 20
"""Posts that one child makes at the same time."""
TIMEOUT_S = 10.0
"""How long a receiver may take."""
ROUND_S = 20.0
"""After so long no further post is begun. The next round makes it."""


class Receivers(Closing):
    """The receivers of one round of posts. Their connections are kept until its end."""

    def __init__(self, allow_private_hosts: tuple[str, ...]) -> None:
        self._guard = AddressGuard(allow_private_hosts)
        self._connections = Connections(self._guard)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post to a receiver. Return the status of its answer.

        Raises:
            FetchRefused: Its address must not be asked.
            ProviderUnavailable: It does not answer.
        """
        return await self._connections.tell(self._guard.target(url), Budget(TIMEOUT_S), body, headers)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connections.aclose()


def signed_headers(signer: Webhook, message_id: str, body: bytes) -> dict[str, str]:
    """Return the headers of a JSON body that is signed now."""
    now = datetime.now(UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signer.sign(message_id, now, body.decode()),
        "content-type": "application/json",
    }


def _answered(status: int) -> str:
    return f"the receiver answered {status}"


GONE_FOR_GOOD = _answered(410)
"""The refusal after which a receiver is not tried again."""


def refusal_of(status: int) -> str | None:
    """Return why an answer does not end a delivery. None for a success."""
    return None if 200 <= status < 300 else _answered(status)  # noqa: PLR2004 - the statuses of a success
