"""Say what beat sends, and how often: the jobs that the fleet needs done from time to time.

Plain data, so that beat's configuration and the workers that do the jobs agree without importing each other.
"""

from collections.abc import Mapping
from typing import Any

INTERVALS_S: Mapping[str, float] = {"tick_campaigns": 5.0, "read_inboxes": 60.0, "prune_checkpoints": 900.0}
"""Job to its interval, in seconds. What was due while all was down is due at the first slot after, once."""


def job_task(job: str) -> str:
    """Return the name of the Celery task that does a job."""
    return f"maintenance.{job}"


def beat_entries(queue: str) -> dict[str, dict[str, Any]]:
    """Return beat's schedule: every job on one queue; a message that waited longer than its interval is dropped."""
    return {
        job: {"task": job_task(job), "schedule": interval_s, "options": {"queue": queue, "expires": interval_s}}
        for job, interval_s in INTERVALS_S.items()
    }
