"""Say what a check of the doctor found."""

from dataclasses import asdict, dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    status: Status
    """`ok`; `warn`: worth a look, or not to be seen from here; `fail`: runs or their traces are lost, or will be."""
    check: str
    """What was looked at."""
    told: str
    """What is there, and why it matters where it is not as it should be."""
    fix: str = ""
    """What to do; empty: nothing."""

    def as_data(self) -> dict[str, str]:
        """Return it as plain data, for programs."""
        return asdict(self)


def ok(check: str, told: str) -> Finding:
    """Find a thing as it should be."""
    return Finding("ok", check, told)


def warn(check: str, told: str, fix: str) -> Finding:
    """Find something worth a look."""
    return Finding("warn", check, told, fix)


def fail(check: str, told: str, fix: str) -> Finding:
    """Find something broken."""
    return Finding("fail", check, told, fix)
