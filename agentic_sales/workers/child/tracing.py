"""Open and close the traces of one worker child, as its life begins and ends."""

from agentic_sales.observability.plane import close_plane, open_plane, plane
from agentic_sales.settings import Settings


def open_tracing(configuration: Settings) -> None:
    """Begin to trace this child's messages, if the configuration asks for it; call it after the fork."""
    opened = open_plane(configuration, "worker")
    if opened is not None and opened.telemetry is not None:
        from agentic_sales.observability.celery_spans import instrument_celery  # noqa: PLC0415 - only where it is on

        instrument_celery(opened.telemetry.provider)


def close_tracing() -> None:
    """Send the recorded spans, so that the exit of a child loses none, also after one run."""
    closing = plane()
    if closing is not None and closing.telemetry is not None:
        from agentic_sales.observability.celery_spans import release_celery  # noqa: PLC0415 - as above

        release_celery()
    close_plane()
