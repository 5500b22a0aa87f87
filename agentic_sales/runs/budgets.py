"""Read the limits on model costs per run and per day.

A limit holds for all assistants or for one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from agentic_sales.errors import ConfigurationError
from agentic_sales.settings import Settings

EVERY = "*"
"""Stands for all assistants together."""


def spent_key(epoch_s: float) -> str:
    """Name the hash of a UTC day's spending.

    It maps an `assistant_id` or `EVERY` to USD.
    """
    return f"agentic:spent:{int(epoch_s // 86_400)}"


@dataclass(frozen=True, slots=True)
class Budgets:
    """Limits in USD. A missing name has no limit."""

    per_run: Mapping[str, float] = field(default_factory=dict)
    """Limit of one run by `assistant_id`, sub-runs included. `EVERY` limits a run without its own entry."""
    per_day: Mapping[str, float] = field(default_factory=dict)
    """Limit of all runs of one UTC day by `assistant_id`, sub-runs included. `EVERY` limits all runs together."""

    @classmethod
    def of(cls, configuration: Settings, known: Collection[str]) -> "Budgets":
        """Read the budgets of a configuration.

        Args:
            configuration: The settings that hold them.
            known: Every `assistant_id` that a registry has.

        Raises:
            ConfigurationError: An entry is no budget or names an assistant outside the registries.
        """
        limits: dict[str, dict[str, float]] = {"run": {}, "day": {}}
        if configuration.budget_usd_per_run is not None:
            limits["run"][EVERY] = configuration.budget_usd_per_run
        if configuration.budget_usd_per_day is not None:
            limits["day"][EVERY] = configuration.budget_usd_per_day
        for entry in configuration.budgets:
            assistant_id, usd, period = _parse(entry)
            if assistant_id not in known:
                raise ConfigurationError(f"AGENTIC_SALES_BUDGETS names `{assistant_id}`, which no registry has")
            limits[period][assistant_id] = usd
        return cls(limits["run"], limits["day"])

    def __bool__(self) -> bool:
        return bool(self.per_run or self.per_day)

    def of_run(self, assistant_id: str) -> float | None:
        """Return the limit of one run of an assistant. None means no limit."""
        return self.per_run.get(assistant_id, self.per_run.get(EVERY))


NO_BUDGETS = Budgets()


def _parse(entry: str) -> tuple[str, float, str]:
    name, _, limit = entry.partition("=")
    amount, _, period = limit.partition("/")
    try:
        usd = float(amount)
    except ValueError:
        usd = -1.0
    if not name.strip() or not 0 < usd < float("inf") or period not in {"run", "day"}:
        raise ConfigurationError(
            f"AGENTIC_SALES_BUDGETS has `{entry}`; an entry is `assistant_id=USD/run` or `assistant_id=USD/day`, "
            "e.g. `email_compose=0.05/run`"
        )
    return name.strip(), usd, period
