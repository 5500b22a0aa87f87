"""What a scenario counted, and what it found broken."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Report:
    """The outcome of one scenario."""

    counts: dict[str, int | float | str] = field(default_factory=dict)
    """What was counted, by its name, in the order of counting."""
    broken: list[str] = field(default_factory=list)
    """What should have held and did not; empty: all held."""

    def count(self, **counts: float | str) -> None:
        """Add counts."""
        self.counts |= counts

    def count_times(self, name: str, times_s: Sequence[float]) -> None:
        """Add the median and the longest of some times, in seconds."""
        if times_s:
            self.count(
                **{f"{name}_p50_s": round(statistics.median(times_s), 2), f"{name}_max_s": round(max(times_s), 2)}
            )

    def hold(self, promise: str, *, holds: bool, found: object = "") -> None:
        """Note that a promise did not hold, with what was found instead."""
        if not holds:
            self.broken.append(f"{promise}: {found}" if found != "" else promise)

    def __str__(self) -> str:
        counted = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.counts.items())
        return "\n".join((counted, *(f"BROKEN: {reason}" for reason in self.broken)))
