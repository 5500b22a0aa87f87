"""Count how many labelled cases went right, per class, as a table that a test prints."""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

EVALS = Path(__file__).parents[2] / "evals"


def cases(name: str) -> list[dict[str, Any]]:
    """Read a set of labelled cases."""
    return [json.loads(line) for line in (EVALS / f"{name}.jsonl").read_text("utf-8").splitlines()]


class Tally:
    """The right and the wrong cases of one run over a set."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._right: defaultdict[str, int] = defaultdict(int)
        self._all: defaultdict[str, int] = defaultdict(int)
        self._faults: list[str] = []

    def count(self, kind: str, case: str, faults: Iterable[object]) -> None:
        """Count one case; without faults it went right."""
        told = "; ".join(map(str, faults))
        self._all[kind] += 1
        self._right[kind] += not told
        if told:
            self._faults.append(f"{case}: {told}")

    def ratio(self, kind: str | None = None) -> float:
        """Return the share of right cases, of one class or of all."""
        kinds = [kind] if kind else list(self._all)
        return sum(self._right[one] for one in kinds) / sum(self._all[one] for one in kinds)

    def __str__(self) -> str:
        rows = [f"{kind:<20} {self._right[kind]:>4} of {self._all[kind]:>4}" for kind in self._all]
        total = f"{'all':<20} {sum(self._right.values()):>4} of {sum(self._all.values()):>4}  {self.ratio():.3f}"
        return "\n".join([self._name, *rows, total, *self._faults])
