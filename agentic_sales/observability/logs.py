"""Write one structured log event per line: JSON for machines, readable on a terminal.

Events are constants in the past tense (`run_finished`); everything that varies is a field; ids, never payloads. What is
logged during a run carries its `run_id`, `assistant_id` and `trace_id`, during a request its `request_id`, whoever logs
it: they stand in structlog's context, not in every call.

The words of an exception may quote what a run was given, so a log has its class and where it was raised. What was said
stands in the run's record, where the caller's key opens it.
"""

import logging
import sys
import traceback
from typing import Literal

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

LogFormat = Literal["auto", "json", "text"]

_TOLD_TWICE = ("celery.worker.strategy", "celery.app.trace")
"""Loggers that tell of every task, at level info, that it came and that it ended; `run_finished` tells both at once."""
_TALKATIVE = ("httpx", "httpx2")
"""Loggers that tell at level info what others do not tell at all: every address that is asked, queries included."""
_LONGEST_CHAIN = 10
"""Exceptions that are told of one that was raised from another, and so on."""
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logs(level: str, log_format: LogFormat = "auto") -> None:
    """Send structlog's and the standard library's events to standard error, in one format.

    Args:
        level: Least severe level that is written: `debug`, `info`, `warning` or `error`. What libraries say at level
            debug is never written, since some of them quote whole requests there.
        log_format: `json`, `text`, or `auto`: text on a terminal, else JSON.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_raised),
    ]
    renderer = _renderer(log_format)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        # One write per line: what prints the newline apart mixes the lines of processes that share a stream.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, _without_values],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=max(_LEVELS[level], logging.INFO), handlers=[handler], force=True)
    logging.captureWarnings(True)
    quiet = (*_TALKATIVE, *(_TOLD_TWICE if level == "info" else ()))
    for name in (*_TALKATIVE, *_TOLD_TWICE):
        logging.getLogger(name).setLevel(logging.WARNING if name in quiet else logging.NOTSET)  # noqa: TID251 - theirs


def _renderer(log_format: LogFormat) -> Processor:
    on_terminal = sys.stderr.isatty()
    if log_format == "json" or (log_format == "auto" and not on_terminal):
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=on_terminal, exception_formatter=structlog.dev.plain_traceback)


def _raised(exc_info: ExcInfo) -> str:
    """Tell what was raised and where, but not its words."""
    told: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(told) < _LONGEST_CHAIN:
        frames = (f"{f.filename}:{f.lineno} in {f.name}\n" for f in traceback.extract_tb(error.__traceback__))
        told.insert(0, f"{''.join(frames)}{type(error).__module__}.{type(error).__qualname__}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nof which came, or while it was handled:\n\n".join(told)


def _without_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Cut what two loggers of the standard library quote: the error of a task, and the value that was warned of."""
    if event["logger"] == "asyncio":
        event["event"] = event["event"].partition("\n")[0]
    elif event["logger"] == "py.warnings":
        event["event"] = ":".join(event["event"].split(":", 3)[:3])
    return event
