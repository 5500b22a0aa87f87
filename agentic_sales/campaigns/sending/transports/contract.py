"""Say what a transport is: it tries to hand over one message and tells, without guessing, what became of it."""

from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal, Protocol

from agentic_sales.contracts import TouchId


@dataclass(frozen=True, slots=True)
class Handover:
    """What became of one try."""

    state: Literal["sent", "failed", "deferred", "ambiguous"]
    """`failed` and `deferred` are certain: nothing was taken. `ambiguous`: it may have been."""
    detail: str = ""
    """What the other side said, or what went wrong."""
    provider_id: str | None = None
    """The provider's name for the message."""
    retry_after_s: float | None = None
    """Pause that the other side asked for."""
    is_bad_address: bool = False
    """True: it failed because nobody has this address."""
    is_our_fault: bool = False
    """True: any other message would have fared alike, by a refused login, say; it is deferred however often it is."""


class MailTransport(Protocol):
    """A way to hand over messages."""

    @property
    def name(self) -> str:
        """Name of the way, for the ledger."""

    async def deliver(self, message: EmailMessage, *, key: TouchId) -> Handover:
        """Try once to hand over a message; whatever the other side does is told, never raised.

        Args:
            message: The message, complete.
            key: What makes it one message: the idempotency key where there is such a thing.
        """
