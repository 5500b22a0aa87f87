"""Name the keys of the ledger in Redis."""

from agentic_sales.runs.records import Idempotency

WORKERS_KEY = "agentic:workers"
"""Hash from a worker's name to its own note as JSON. `workers.presence` writes it."""
RUNNING_KEY = "agentic:running"
"""Sorted set of the runs that workers hold. A run's score is the end of its lease."""
RUNS_KEY = "agentic:runs"
"""Sorted set of the last requested runs. A run's score is the time of its request."""
DEAD_KEY = "agentic:dead"
"""Sorted set of the runs that lost their workers too often. A run's score is the time of giving up."""
RUN_PREFIX = "agentic:run:"


def alive_key(queue: str) -> str:
    """Name the sorted set of workers that consume a queue. A worker's score is the expiry of its sign of life."""
    return f"agentic:alive:{queue}"


def pending_key(queue: str) -> str:
    """Name the sorted set of runs that wait for a worker of a queue. A run's score is the start of its wait."""
    return f"agentic:pending:{queue}"


def events_key(run_id: str) -> str:
    """Name the stream of a run's events."""
    return f"agentic:events:{run_id}"


def once_key(idempotency: Idempotency) -> str:
    """Name the hash of the run that was started under an idempotency key."""
    return f"agentic:once:{idempotency.scope}"


def subruns_key(run_id: str) -> str:
    """Name the set of the runs that a run asked for."""
    return f"agentic:subruns:{run_id}"


def run_key(run_id: str) -> str:
    """Name the hash of a run."""
    return f"{RUN_PREFIX}{run_id}"
