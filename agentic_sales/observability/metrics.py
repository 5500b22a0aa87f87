"""Name the metrics and the fields that count them.

Counts live in Redis for exactness. The script that ends a run also counts it. A worker's death between the end of a
run
and its report counts nothing twice. The replacement of a child loses nothing. Every facade reports all counts, also
after a restart. Counters in the memory of worker processes would need files that grow with every child
(`prometheus_client`'s multi-process mode). Or the parent would lose the counts between two scrapes. The counts cost a
few hash increments inside scripts that run anyway. That is 20 µs of Redis per run and no further round trip.

Every facade reports the whole fleet's numbers. Take `max` over several facades, not `sum`. Only the metrics of one
process (`agentic_http_…`, `agentic_worker_…`, `process_…`) are counted in its memory.

No label ever names a person, a run or a thread.
"""

from dataclasses import dataclass
from typing import TypeAlias

COUNTS_KEY = "agentic:metrics"
"""Hash from a name and its labels, joined by tabs, to a number."""
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)
"""Upper bounds of every histogram's buckets, in seconds. The largest bound covers a fleet's longest runs."""
SUM = "sum_us"
"""Field of a histogram's sum among its buckets, in whole microseconds."""
BEYOND = "+Inf"
"""The bucket above all bounds."""

RUN_OUTCOMES = ("success", "error", "timeout", "interrupted", "cancelled", "dead")
"""How a run ends. `dead` means that its workers died too often."""
RECOVERY_OUTCOMES = ("resumed", "dead", "released", "republished")
"""How the recovery of a run ended after the loss of its worker or its message.

`resumed` was claimed again. `dead` was given up. `released` was given back by a worker that stops, or because another
run ended its child. `republished` was published again by the sweeper.
"""
SEND_OUTCOMES = ("sent", "failed", "ambiguous", "suppressed", "deferred")
"""How the send door ended a message."""
FALLBACK_CODES = (
    "model_not_configured",
    "model_misconfigured",
    "model_refused",
    "provider_unavailable",
    "rate_limited",
    "budget_exceeded",
)
"""Reasons why rules answered in place of a model."""
DIRECTIONS = ("input", "output")
"""Tokens that a model read, and tokens that it wrote."""

Labels: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric and its labels."""

    name: str
    """Name without the suffix that Prometheus adds to counters and histograms."""
    text: str
    """One sentence for the metric's help."""
    labels: Labels = ()
    """Names of its labels."""

    def field(self, *values: str) -> str:
        """Return the field of `COUNTS_KEY` that counts one series."""
        return "\t".join((self.name, *values))


RUNS = Family("agentic_runs", "Runs that have ended.", ("assistant_id", "queue", "outcome"))
FAILURES = Family("agentic_run_failures", "Runs that ended with a failure, by its code.", ("code",))
DURATION = Family(
    "agentic_run_duration_seconds", "From the claim to the end of a run's last attempt.", ("assistant_id", "queue")
)
QUEUE_WAIT = Family(
    "agentic_run_queue_wait_seconds", "From the submission of a run to its first claim.", ("assistant_id", "queue")
)
RECOVERED = Family("agentic_recovered_runs", "Runs that lost their worker or their message.", ("outcome",))
LOOP_BLOCKS = Family(
    "agentic_loop_blocks", "Steps that kept the other runs of a child waiting for more than 0.1 s.", ("assistant_id",)
)
LLM_CALLS = Family("agentic_llm_calls", "Calls of a model that were answered.", ("assistant_id", "model"))
LLM_TOKENS = Family("agentic_llm_tokens", "Tokens, as providers count them.", ("assistant_id", "model", "direction"))
LLM_COST = Family("agentic_llm_cost_usd", "Cost of model calls at list price, in USD.", ("assistant_id", "model"))
LLM_FALLBACKS = Family("agentic_llm_fallbacks", "Answers by rules in a model's place.", ("assistant_id", "code"))
SENDS = Family("agentic_sends", "Messages that reached the send door.", ("outcome",))

QUEUE_DEPTH = Family("agentic_queue_depth", "Runs that wait for a worker.", ("queue",))
HELD = Family("agentic_held_runs", "Runs that the ledger holds back: of the batch lane, or not due.", ("queue", "lane"))
OLDEST_AGE = Family("agentic_oldest_message_age_seconds", "Age of the run that waits longest; 0: none.", ("queue",))
LIVE_CONSUMERS = Family("agentic_live_consumers", "Workers that consume and have given a sign of life.", ("queue",))
CANARY_AGE = Family(
    "agentic_canary_age_seconds", "Since a message was last seen taken off the queue; +Inf: never.", ("queue",)
)
RUNNING = Family("agentic_running_runs", "Runs that workers hold.")
DEAD = Family("agentic_dead_runs", "Runs on the dead list.")
APPROVALS = Family("agentic_approvals_pending", "Messages that wait for a person's approval.")
UNREADABLE = Family("agentic_unreadable_items", "Mails and events that could not be read, and are kept for people.")
BUDGET_SPENT = Family("agentic_budget_spent_usd", "Spent on models today (UTC); `*`: by all.", ("scope",))
BUDGET_LIMIT = Family("agentic_budget_limit_usd", "What may be spent on models in a day; `*`: by all.", ("scope",))
LEDGER_UP = Family("agentic_ledger_up", "1: Redis answered; 0: it did not, and the fleet's numbers are missing.")
