"""Name beat's jobs and their intervals.

The data are plain, so beat's configuration and the workers of the jobs agree without importing each other.
"""

from collections.abc import Mapping
from typing import Any


def intervals_s(*, tick_s: float) -> Mapping[str, float]:
    """Return the interval of each job in seconds. A job that was due in an outage is due at the first slot after it.

    Args:
        tick_s: Interval of the campaigns' tick and of reading a provider's received mail.
    """
    return {"tick_campaigns": tick_s, "read_arrivals": tick_s, "read_inboxes": 60.0, "prune_checkpoints": 900.0}


SHORTEST_EXPIRY_S = 5.0
"""Shortest life of a job's message on its queue. A shorter one would let a busy core drop every message."""


def job_task(job: str) -> str:
    """Return the name of the Celery task that does a job."""
    return f"maintenance.{job}"


def beat_entries(queue: str, *, tick_s: float) -> dict[str, dict[str, Any]]:
    """Return beat's schedule with every job on one queue. A job not done before the next one is due is dropped."""
    return {
        job: {
            "task": job_task(job),
            "schedule": interval_s,
            "options": {"queue": queue, "expires": max(interval_s, SHORTEST_EXPIRY_S)},
        }
        for job, interval_s in intervals_s(tick_s=tick_s).items()
    }
