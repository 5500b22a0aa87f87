"""Receive messages: a queue is open to whatever can reach the broker, so each is looked at before Celery believes it.

A message that no publisher of ours wrote is refused, acknowledged and logged by its size and what is wrong with it,
never by its content. The worker lives: kombu and Celery, left alone, let it die of bytes that are no envelope, and of
headers that are none (kombu 5.7, Celery 5.7).
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
"""What is told of the name of a task that nobody knows."""
_MALFORMED = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading raises where the sender's word on the form of a message was believed."""

_OPTIONS = ("eta", "expires", "group", "replaced_task_nesting", "retries", "stamped_headers")
"""Headers by which a sender could change how long, when or how often a run is executed."""

Handler = Callable[[Message], Any]


class Reception(Consumer):
    """Celery's consumer, with a look at every message before its own handler gets it."""

    def create_task_handler(self, *args: Any, **options: Any) -> Handler:
        """Return what the worker's event loop calls for every message of its queues."""
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
        """Say what is wrong with a message; None: it is ours."""
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
    """Let a channel drop what it cannot read, where kombu would let the worker die of it.

    Replacing the channel's handler is reaching into kombu; it happens here and nowhere else, and a test fails when
    kombu changes.
    """
    read = channel.handlers["BRPOP"]

    def read_or_drop() -> bool:
        try:
            return bool(read())
        except _MALFORMED as exc:
            log.exception("message_refused", fault=f"it is no envelope: {type(exc).__name__}")
            return True

    channel.handlers["BRPOP"] = read_or_drop
