"""Check each message before Celery believes it, because anything that reaches the broker can fill a queue.

A message that no publisher of ours wrote is refused and acknowledged. The log has its size and its fault, never its
content. Without this, kombu 5.7 and Celery 5.7 let the worker die of bytes that are no envelope, and of bad headers.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import structlog
from celery.worker.consumer import Consumer
from kombu.exceptions import ContentDisallowed, DecodeError
from kombu.message import Message
from kombu.transport.redis import Channel

from agentic_sales.workers.parent.canary import is_canary, note_taken
from agentic_sales.workers.task import RunTask

log = structlog.get_logger()

LARGEST_MESSAGE_BYTES = 64 * 1024
"""Our messages carry an id and the headers of a trace: a tenth of this."""
LONGEST_NAME_CHARS = 100
"""Most letters that are logged of the name of an unknown task."""
_MALFORMED = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""Errors of reading a message whose sender told a wrong form."""

_OPTIONS = ("eta", "expires", "group", "replaced_task_nesting", "retries", "stamped_headers")
"""Headers by which a sender could change how long, when or how often a run is executed."""

Handler = Callable[[Message], Any]


class Reception(Consumer):
    """Celery's consumer, with a look at every message before its own handler gets it."""

    def create_task_handler(self, *args: Any, **options: Any) -> Handler:
        """Return the function that the worker's event loop calls for every message of its queues."""
        channel = self.task_consumer.channel  # type: ignore[attr-defined]  # the Tasks step sets it
        if isinstance(channel, Channel):
            survive_what_is_no_envelope(channel)
        handle: Handler = super().create_task_handler(*args, **options)

        def receive(message: Message) -> None:
            note_taken(message)
            if is_canary(message):
                message.ack_log_error(log, self.connection_errors)  # type: ignore[attr-defined]  # celery-types lacks it
            elif (fault := self._fault_of(message)) is None:
                handle(message)
            else:
                self._refuse(message, fault)

        return receive

    def _fault_of(self, message: Message) -> str | None:
        """Return the fault of a message. None means that it is ours."""
        size_bytes = len(message.body or "")
        if size_bytes > LARGEST_MESSAGE_BYTES:
            return f"its body has {size_bytes} bytes, more than {LARGEST_MESSAGE_BYTES}"
        try:
            name = message.headers["task"]
            if (task := self.app.tasks.get(name)) is None:
                return f"its task {name[:LONGEST_NAME_CHARS]!r} is not known here"
            return _fault_of_run(message, task) if isinstance(task, RunTask) else None
        except (ContentDisallowed, DecodeError, *_MALFORMED) as exc:
            return f"it cannot be read: {type(exc).__name__}"

    def _refuse(self, message: Message, fault: str) -> None:
        queue = (message.delivery_info or {}).get("routing_key")
        log.error("message_refused", worker=self.hostname, queue=queue, fault=fault)
        message.reject_log_error(log, self.connection_errors)  # type: ignore[attr-defined]  # celery-types lacks it


def _fault_of_run(message: Message, task: RunTask) -> str | None:
    args, options, embedded = message.payload
    if len(args) != 1 or options or not _is_run_id(args[0]):
        return "its argument is not the id of one run"
    if not _is_run_id(message.headers["id"]):
        return "its task id is not the id of a run"
    if asked := sorted(_asked(message.headers, embedded, task)):
        return f"it asks for {', '.join(asked)}, which only a row may decide"
    return None


def _asked(headers: Mapping[str, Any], embedded: Mapping[str, Any], task: RunTask) -> Iterator[str]:
    """Name the options of Celery that a message sets: other limits, a later start, tasks that follow."""
    yield from (name for name in _OPTIONS if headers.get(name))
    own_limits = [task.time_limit, task.soft_time_limit]  # a process that has the task sends its limits along
    if headers.get("timelimit") not in (None, [None, None], own_limits):
        yield "timelimit"
    yield from (name for name, value in embedded.items() if value)


def _is_run_id(value: object) -> bool:
    return isinstance(value, str) and len(value) == len(str(UUID(int=0))) and UUID(value).version is not None


def survive_what_is_no_envelope(channel: Channel) -> None:
    """Let a channel drop messages that it cannot read. kombu would let the worker die of them.

    This function alone reaches into kombu, by replacing the channel's handler. A test fails when kombu changes.
    """
    read = channel.handlers["BRPOP"]

    def read_or_drop() -> bool:
        try:
            return bool(read())
        except _MALFORMED as exc:
            log.exception("message_refused", fault=f"it is no envelope: {type(exc).__name__}")
            return True

    channel.handlers["BRPOP"] = read_or_drop
