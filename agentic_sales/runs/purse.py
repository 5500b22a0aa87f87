"""Count a run's spending on models and stop the run at its budget.

Money counts for the spending run and for every run above it. It counts once for the fleet's day. So a run's budget
covers its sub-runs and all its attempts. All workers check it in Redis before each call and raise it after the call. N
calls in flight at the end of a budget exceed it by no more than their own cost. An unanswered call is not counted
because its cost is unknown.

A worker puts a `Purse` into the context of each run. Outside a worker (as under `langgraph dev`) there is no purse and
no limit.
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
    """The budgets and the spending of one run."""

    def __init__(self, ledger: Ledger, run_id: RunId, assistant_id: str, budgets: Budgets) -> None:
        self.run_id = run_id
        """The run."""
        self.ledger = ledger
        """The record of runs."""
        self._assistant_id, self._budgets = assistant_id, budgets
        self.counts: Counter[str] = Counter()
        """Counts to add with the end of the run by the fields of `observability.metrics`."""

    @property
    def limit_usd(self) -> float | None:
        """Budget of the run for models in USD. None: there is no limit."""
        return self._budgets.of_run(self._assistant_id)

    async def admit(self, model: str, *, is_priced: bool) -> None:
        """Admit one more call of the run or refuse it.

        Raises:
            BudgetExceeded: A budget of the run or of a run above it or of the day is used up.
            ModelMisconfigured: There are budgets and this model has no known price.
            BrokerUnavailable: Redis did not answer. Money is not spent without a look at the budget.
        """
        if not self._budgets:
            return
        if not is_priced:
            raise ModelMisconfigured(
                model, "there are budgets and its price is not known; set AGENTIC_SALES_MODEL_PRICES"
            )
        with reaching_redis(f"looking up the budget of run `{self.run_id}`"):
            spent_today, *chain = await self._run(scripts.STANDING)
        self._check("the fleet", "today (UTC)", float(spent_today), self._budgets.per_day.get(EVERY))
        for assistant_id, by_run, by_day in ((name.decode(), run, day) for name, run, day in chain):
            self._check(f"a run of `{assistant_id}`", "so far", float(by_run), self._budgets.of_run(assistant_id))
            self._check(f"`{assistant_id}`", "today (UTC)", float(by_day), self._budgets.per_day.get(assistant_id))

    async def pay(self, model: str, *, input_tokens: int, output_tokens: int, usd: float | None) -> None:
        """Count an answered call. An unknown cost counts as none. A run with a budget cannot have an unknown cost."""
        try:
            await self._run(scripts.SPEND, model, input_tokens, output_tokens, f"{usd or 0.0:.12f}")
        except RedisError as exc:  # The answer is paid for. Losing it would not bring the money back.
            log.warning("spending_not_counted", run_id=self.run_id, model=model, usd=usd, reason=str(exc))

    def fell_back(self, code: str) -> None:
        """Count an answer by rules."""
        self.counts[LLM_FALLBACKS.field(self._assistant_id, code)] += 1

    def _check(self, who: str, since: str, spent_usd: float, limit_usd: float | None) -> None:
        if limit_usd is not None and spent_usd >= limit_usd:
            raise BudgetExceeded(who, since, spent_usd, limit_usd)

    async def _run(self, script: str, *args: str | int) -> Any:
        async with self.ledger.in_time():
            return await self.ledger.line.script(script)(keys=[], args=[self.run_id, *args])


current_purse: ContextVar[Purse | None] = ContextVar("current_purse", default=None)
"""The purse of the run that a worker executes. None outside a worker."""


def count(field: str) -> None:
    """Add to a count with the end of the run that this worker executes. Outside a run this does nothing.

    Args:
        field: Name of the count as in `observability.metrics.Family.field`.
    """
    if (purse := current_purse.get()) is not None:
        purse.counts[field] += 1
