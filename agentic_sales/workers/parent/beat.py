"""Keep beat's schedule in a file of the state directory."""

from pathlib import Path

from celery.beat import PersistentScheduler


class FiledScheduler(PersistentScheduler):
    """Celery's scheduler, in a directory that it makes where there is none; Celery's own dies there."""

    def setup_schedule(self) -> None:
        """Open the file."""
        path = Path(self.schedule_filename)  # type: ignore[attr-defined]  # celery-types lacks it
        path.parent.mkdir(parents=True, exist_ok=True)
        super().setup_schedule()
