"""Say what beat sends, and how often: the jobs that the fleet needs done from time to time.

Plain data, so that beat's configuration and the workers that do the jobs agree without importing each other.
"""

from collections.abc import Mapping
from typing import Any


def intervals_s(*, tick_s: float) -> Mapping[str, float]:
    """Return how often each job is due, in seconds; what was due while all was down is due at the first slot after.

    Args:
        tick_s: Interval of the campaigns' tick, and of reading what a provider received.
    """
    return {"tick_campaigns": tick_s, "read_arrivals": tick_s, "read_inboxes": 60.0, "prune_checkpoints": 900.0}


SHORTEST_EXPIRY_S = 5.0
"""A job's message waits at least this long on its queue, so that a busy core does not drop every one of them."""


def job_task(job: str) -> str:
    """Return the name of the Celery task that does a job."""
    return f"maintenance.{job}"


def beat_entries(queue: str, *, tick_s: float) -> dict[str, dict[str, Any]]:
    """Return beat's schedule: every job on one queue; one that nobody did before the next is due is dropped."""
    return {
        job: {
            "task": job_task(job),
            "schedule": interval_s,
            "options": {"queue": queue, "expires": max(interval_s, SHORTEST_EXPIRY_S)},
        }
        for job, interval_s in intervals_s(tick_s=tick_s).items()
    }
