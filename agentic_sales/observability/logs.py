"""Write one structured log event per line, as JSON for machines or as text for a terminal.

Event names are constants in the past tense (`run_finished`). Values that vary are fields. Fields hold ids but never
payloads. Every event of a run carries its `run_id`, `assistant_id` and `trace_id`. Every event of a request carries
its
`request_id`. These ids stand in structlog's context, so that no call has to pass them.

An exception's message may quote the run's input. A log therefore holds only the exception's class and place. The
message stands in the run's record behind the caller's key.
"""

import logging
import sys
import traceback
from typing import Literal

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

LogFormat = Literal["auto", "json", "text"]

_TOLD_TWICE = ("celery.worker.strategy", "celery.app.trace")
"""Loggers that report the start and the end of every task at level info. `run_finished` reports both at once."""
_TALKATIVE = ("httpx", "httpx2")
"""Loggers that report every requested address at level info, queries included."""
_LONGEST_CHAIN = 10
"""Most exceptions that are logged of one chain of causes."""
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logs(level: str, log_format: LogFormat = "auto") -> None:
    """Send the events of structlog and of the standard library to standard error in one format.

    Args:
        level: Least severe level that is written (`debug`, `info`, `warning` or `error`). Libraries' events at level
            debug
            are never written. Some of them quote whole requests.
        log_format: `json`, `text` or `auto`. `auto` writes text on a terminal and JSON elsewhere.
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
        # One write per line. A separate write of the newline mixes the lines of processes that share a stream.
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
    """Return the class and the place of an exception without its message."""
    told: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(told) < _LONGEST_CHAIN:
        frames = (f"{f.filename}:{f.lineno} in {f.name}\n" for f in traceback.extract_tb(error.__traceback__))
        told.insert(0, f"{''.join(frames)}{type(error).__module__}.{type(error).__qualname__}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nof which came, or while it was handled:\n\n".join(told)


def _without_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Cut the values that two standard loggers quote. One quotes a task's error, and one a warning's value."""
    if event["logger"] == "asyncio":
        event["event"] = event["event"].partition("\n")[0]
    elif event["logger"] == "py.warnings":
        event["event"] = ":".join(event["event"].split(":", 3)[:3])
    return event
