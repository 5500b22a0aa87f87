"""Name beat's jobs and their intervals.

The data are plain, so beat's configuration and the workers of the jobs agree without importing each other.
"""

from collections.abc import Mapping
from typing import Any

LONGEST_PAUSE_S = 900.0
"""Longest time between two messages of a job. Of those within one interval, one does the job. So a job that is due once
a day is done soon after midnight UTC, whenever beat was started, and a failed one is tried again."""


def intervals_s(
    *, tick_s: float, boards_s: float | None = None, freshness_s: float | None = None
) -> Mapping[str, float]:
    """Return the interval of each job in seconds. A job that was due in an outage is due at the first slot after it.

    Args:
        tick_s: Interval of the ticks of campaigns, flows and verticals, of telling events and of reading received mail.
        boards_s: Interval of looking for job boards and reading the known ones. None leaves it out.
        freshness_s: Interval of looking whether the sites of products have changed. None leaves it out.
    """
    every = {
        "tick_campaigns": tick_s,
        "tick_flows": tick_s,
        "tick_verticals": tick_s,
        "deliver_events": tick_s,
        "read_arrivals": tick_s,
        "read_inboxes": 60.0,
        "prune_checkpoints": 900.0,
        "index_documents": 300.0,
        "read_boards": boards_s,
        "check_freshness": freshness_s,
    }
    return {job: interval_s for job, interval_s in every.items() if interval_s is not None}


SHORTEST_EXPIRY_S = 5.0
"""Shortest life of a job's message on its queue. A shorter one would let a busy core drop every message."""


def job_task(job: str) -> str:
    """Return the name of the Celery task that does a job."""
    return f"maintenance.{job}"


def beat_entries(queue: str, intervals: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Return beat's schedule with every job on one queue. A message not taken before the next one is due is dropped.

    Args:
        queue: Queue of the jobs.
        intervals: Interval of each job in seconds.
    """
    pauses_s = {job: min(interval_s, LONGEST_PAUSE_S) for job, interval_s in intervals.items()}
    return {
        job: {
            "task": job_task(job),
            "schedule": pause_s,
            "options": {"queue": queue, "expires": max(pause_s, SHORTEST_EXPIRY_S)},
        }
        for job, pause_s in pauses_s.items()
    }
