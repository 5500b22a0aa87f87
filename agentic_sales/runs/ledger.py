"""Keep the record of every run in Redis. It holds the request and the worker and the end of a run.

The ledger is the truth about a run. The queue only carries its id. Every change is one atomic script. A second delivery
of a finished run does nothing. A delivery of a run in the hands of a live worker does nothing. A late finish by a
worker that lost its claim is refused.

Each kind of act has a file in `acts/`. This module puts them together and names what belongs to the ledger.
"""

from agentic_sales.runs.acts.claim import LEASE_S, ClaimsRuns
from agentic_sales.runs.acts.commands import ANSWER_TIMEOUT_S
from agentic_sales.runs.acts.finish import EndsRuns, finish_args
from agentic_sales.runs.acts.read import ReadsRuns
from agentic_sales.runs.acts.record import RecordsRuns
from agentic_sales.runs.keys import (
    DEAD_KEY,
    RUN_PREFIX,
    RUNNING_KEY,
    RUNS_KEY,
    WORKERS_KEY,
    alive_key,
    events_key,
    pending_key,
    run_key,
)
from agentic_sales.runs.records import CANCELLED, Claim, Idempotency, NewRun, Outcome, RunRecord
from agentic_sales.runs.rows import failure_status, parse_reply

__all__ = [
    "ANSWER_TIMEOUT_S",
    "CANCELLED",
    "DEAD_KEY",
    "LEASE_S",
    "RUNNING_KEY",
    "RUNS_KEY",
    "RUN_PREFIX",
    "WORKERS_KEY",
    "Claim",
    "Idempotency",
    "Ledger",
    "NewRun",
    "Outcome",
    "RunRecord",
    "alive_key",
    "events_key",
    "failure_status",
    "finish_args",
    "parse_reply",
    "pending_key",
    "run_key",
]


class Ledger(RecordsRuns, ClaimsRuns, EndsRuns, ReadsRuns):
    """The record of runs, for one event loop."""
