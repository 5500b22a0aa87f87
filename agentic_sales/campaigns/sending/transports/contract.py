"""Define a transport. It tries to hand over one message and reports the result without guessing."""

from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal, Protocol

from agentic_sales.contracts import TouchId


@dataclass(frozen=True, slots=True)
class Handover:
    """The result of one try."""

    state: Literal["sent", "failed", "deferred", "ambiguous"]
    """`failed` and `deferred` are certain: nothing was taken. `ambiguous`: it may have been."""
    detail: str = ""
    """The other side's answer, or the error."""
    provider_id: str | None = None
    """The provider's name for the message."""
    retry_after_s: float | None = None
    """Pause that the other side asked for."""
    is_bad_address: bool = False
    """True: it failed because nobody has this address."""
    is_our_fault: bool = False
    """True if any other message would have failed too, for example by a refused login. It is deferred without limit."""


class MailTransport(Protocol):
    """A way to hand over messages."""

    @property
    def name(self) -> str:
        """Name of the way, for the ledger."""

    async def deliver(self, message: EmailMessage, *, key: TouchId) -> Handover:
        """Try once to hand over a message. A failure of the other side is returned, never raised.

        Args:
            message: The message, complete.
            key: The message's identity. It is the idempotency key where the provider has one.
        """
