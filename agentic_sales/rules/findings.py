"""Hold the results of examinations: the doctor's of a fleet, and those of a mailbox's domain."""

from dataclasses import asdict, dataclass
from typing import Literal

FindingStatus = Literal["ok", "warn", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The finding of one check."""

    status: FindingStatus
    """`ok`, `warn`, `fail` or `unknown`. `warn` is worth a look or unseen from here. `fail` loses runs, traces or mail,
    now or later. `unknown` is neither fine nor missing: the DNS did not say, or only the provider can know."""
    check: str
    """The examined thing."""
    told: str
    """Its present state, and its effect if the state is wrong."""
    fix: str = ""
    """The remedy. Empty means that nothing is to do."""

    def as_data(self) -> dict[str, str]:
        """Return it as plain data for programs."""
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


def unknown(check: str, told: str, fix: str = "ask again later, or from a machine whose DNS answers") -> Finding:
    """Find that nobody knows."""
    return Finding("unknown", check, told, fix)
