"""Keep what a run spends on models, and stop it where its budget ends.

Money counts for the run that spends it, for every run that asked for that one, and once for the fleet's day; so a run's
budget covers its sub-runs and all its attempts. It is looked at before each call and raised after it, in Redis, by all
workers: with N calls in flight at the moment when a budget is used up, it is exceeded by what those N cost, and by no
more. A call that got no answer is not counted, since nobody tells what it cost.

A worker puts a `Purse` into the context of each run; outside a worker, as under `langgraph dev`, nobody pays.
"""

from collections import Counter
from contextvars import ContextVar
from typing import Any

import structlog
from redis.exceptions import RedisError

from agentic_sales.contracts import RunId
from agentic_sales.errors import BudgetExceeded, ModelMisconfigured
from agentic_sales.observability.metrics import LLM_FALLBACKS
from agentic_sales.runs import scripts
from agentic_sales.runs.budgets import EVERY, Budgets
from agentic_sales.runs.ledger import Ledger
from agentic_sales.runs.reaching import reaching_redis

log = structlog.get_logger()


class Purse:
    """What one run may spend and has spent."""

    def __init__(self, ledger: Ledger, run_id: RunId, assistant_id: str, budgets: Budgets) -> None:
        self._ledger, self._run_id, self._assistant_id, self._budgets = ledger, run_id, assistant_id, budgets
        self.counts: Counter[str] = Counter()
        """What is to be counted with the end of the run, by the fields of `observability.metrics`."""

    async def admit(self, model: str, *, is_priced: bool) -> None:
        """Let the run make one more call, or refuse it.

        Raises:
            BudgetExceeded: A budget of the run, of a run that asked for it, or of the day is used up.
            ModelMisconfigured: There are budgets, and nobody knows what this model costs.
            BrokerUnavailable: Redis did not answer; what nobody can look up is not spent.
        """
        if not self._budgets:
            return
        if not is_priced:
            raise ModelMisconfigured(
                model, "there are budgets and its price is not known; set AGENTIC_SALES_MODEL_PRICES"
            )
        with reaching_redis(f"looking up the budget of run `{self._run_id}`"):
            spent_today, *chain = await self._run(scripts.STANDING)
        self._check("the fleet", "today (UTC)", float(spent_today), self._budgets.per_day.get(EVERY))
        for assistant_id, by_run, by_day in ((name.decode(), run, day) for name, run, day in chain):
            self._check(f"a run of `{assistant_id}`", "so far", float(by_run), self._budgets.of_run(assistant_id))
            self._check(f"`{assistant_id}`", "today (UTC)", float(by_day), self._budgets.per_day.get(assistant_id))

    async def pay(self, model: str, *, input_tokens: int, output_tokens: int, usd: float | None) -> None:
        """Count an answered call; a cost that nobody knows counts as none, which no run with a budget can have."""
        try:
            await self._run(scripts.SPEND, model, input_tokens, output_tokens, f"{usd or 0.0:.12f}")
        except RedisError as exc:  # the answer is there and paid for; losing it would not bring the money back
            log.warning("spending_not_counted", run_id=self._run_id, model=model, usd=usd, reason=str(exc))

    def fell_back(self, code: str) -> None:
        """Count an answer by rules."""
        self.counts[LLM_FALLBACKS.field(self._assistant_id, code)] += 1

    def _check(self, who: str, since: str, spent_usd: float, limit_usd: float | None) -> None:
        if limit_usd is not None and spent_usd >= limit_usd:
            raise BudgetExceeded(who, since, spent_usd, limit_usd)

    async def _run(self, script: str, *args: str | int) -> Any:
        async with self._ledger.in_time():
            return await self._ledger.redis.register_script(script)(keys=[], args=[self._run_id, *args])


current_purse: ContextVar[Purse | None] = ContextVar("current_purse", default=None)
"""The purse of the run that a worker executes; None outside a worker."""


def count(field: str) -> None:
    """Count something with the end of the run that this worker executes; outside a run nothing is counted.

    Args:
        field: What to count, as `observability.metrics.Family.field` names it.
    """
    if (purse := current_purse.get()) is not None:
        purse.counts[field] += 1
