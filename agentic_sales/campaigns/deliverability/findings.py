"""Hold what an examination of a mailbox's domain found, in the form in which doctors tell it."""

from dataclasses import asdict, dataclass
from typing import Literal

SenderStatus = Literal["ok", "warn", "fail", "unknown"]
"""`unknown` is neither `ok` nor missing: the DNS did not say, or nobody outside of the provider can know."""


@dataclass(frozen=True, slots=True)
class SenderFinding:
    """One finding."""

    status: SenderStatus
    check: str
    """`SPF`, `SPF way out`, `DKIM`, `DMARC`, `alignment`, `MX`, `reverse name` or `one-click`."""
    told: str
    """What is so, and what follows of it."""
    fix: str = ""
    """The cure. Empty if nothing is to do."""

    def as_data(self) -> dict[str, str]:
        """Return it as plain data for programs."""
        return asdict(self)


def sound(check: str, told: str) -> SenderFinding:
    """Find a thing as it should be."""
    return SenderFinding("ok", check, told)


def doubtful(check: str, told: str, fix: str) -> SenderFinding:
    """Find something worth a look."""
    return SenderFinding("warn", check, told, fix)


def harmful(check: str, told: str, fix: str) -> SenderFinding:
    """Find something that costs messages."""
    return SenderFinding("fail", check, told, fix)


def unknown(check: str, told: str, fix: str = "ask again later, or from a machine whose DNS answers") -> SenderFinding:
    """Find that nobody knows."""
    return SenderFinding("unknown", check, told, fix)
