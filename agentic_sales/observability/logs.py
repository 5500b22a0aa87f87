"""Write one structured log event per line: JSON for machines, colours for a terminal.

Events are constants in the past tense (`run_finished`); everything that varies is a field; ids, never payloads.
"""

import logging
import sys

import structlog

_TOLD_TWICE = ("celery.worker.strategy", "celery.app.trace")
"""Loggers that tell of every task, at level info, that it came and that it ended; `run_finished` tells both at once."""
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logs(level: str) -> None:
    """Send structlog's and the standard library's events to standard error, in one format.

    Args:
        level: Least severe level that is written: `debug`, `info`, `warning` or `error`.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    on_terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*(shared[:-1] if on_terminal else shared), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        # One write per line: what prints the newline apart mixes the lines of processes that share a stream.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=_LEVELS[level], handlers=[handler], force=True)
    for name in _TOLD_TWICE:
        logging.getLogger(name).setLevel(logging.WARNING if level == "info" else logging.NOTSET)  # noqa: TID251 - theirs
