"""Publish runs to their queues from one dedicated thread. A slow broker then never blocks an event loop.

The message carries only the run's id. No personal data reaches the broker or Flower or events or logs.
"""

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable, Mapping

from celery import Celery
from kombu import Producer
from kombu.exceptions import OperationalError

from agentic_sales.celery import app
from agentic_sales.contracts import RunId
from agentic_sales.errors import BrokerUnavailable

PUBLISH_RETRIES = {"max_retries": 2, "interval_start": 0.05, "interval_step": 0.1, "interval_max": 0.2}
"""Tries after the first. With the connect timeout of `celeryconfig` they fit into the two seconds of a 503."""


def task_name(assistant_id: str) -> str:
    """Return the name of the Celery task that runs an assistant."""
    return f"run.{assistant_id}"


def send_run(
    app: Celery,
    run_id: RunId,
    assistant_id: str,
    queue_name: str,
    headers: Mapping[str, str] | None = None,
    *,
    producer: Producer | None = None,
) -> None:
    """Put a run on its queue. Block until the broker has taken it.

    Args:
        app: The Celery app.
        run_id: The run.
        assistant_id: Its workflow.
        queue_name: Its queue.
        headers: Trace headers that make the trace known beside the message. None means that the ledger has them.
        producer: Sender of the message. None means one of the app's.

    Raises:
        kombu.exceptions.OperationalError: The broker did not take it within the retries.
    """
    app.send_task(
        task_name(assistant_id),
        args=(run_id,),
        task_id=run_id,
        queue=queue_name,
        headers=dict(headers or {}),
        producer=producer,
        retry=True,
        retry_policy=PUBLISH_RETRIES,
    )


def send_job(app: Celery, name: str, queue_name: str) -> None:
    """Put a job of the fleet on a queue. A job is no run and takes no argument.

    Raises:
        kombu.exceptions.OperationalError: The broker did not take it within the retries.
    """
    app.send_task(name, queue=queue_name, retry=True, retry_policy=PUBLISH_RETRIES)


async def publish_aside(run_id: RunId, assistant_id: str, queue_name: str) -> None:
    """Put a run on its queue from a temporary thread. This suits a process that seldom publishes.

    Raises:
        BrokerUnavailable: The broker did not take it within the retries.
    """
    try:
        await asyncio.to_thread(send_run, app, run_id, assistant_id, queue_name)
    except (OperationalError, OSError) as exc:
        raise BrokerUnavailable(f"publishing run `{run_id}`", exc) from exc


class Publisher:
    """One thread that owns one producer connection."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="run-publisher", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Publish the accepted runs. Then end the thread."""
        self._jobs.put(None)
        self._thread.join()

    async def publish(
        self, run_id: RunId, assistant_id: str, queue_name: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Put a run on its queue. Return when the broker has taken it.

        Raises:
            BrokerUnavailable: The broker did not take it within the retries.
        """
        loop = asyncio.get_running_loop()
        accepted: asyncio.Future[None] = loop.create_future()
        context = contextvars.copy_context()

        def job() -> None:
            try:
                context.run(send_run, self._app, run_id, assistant_id, queue_name, headers)
            except (OperationalError, OSError) as exc:
                loop.call_soon_threadsafe(_settle, accepted, BrokerUnavailable(f"publishing run `{run_id}`", exc))
            except Exception as exc:  # noqa: BLE001 - it is the caller's to see, and must not end the thread for all
                loop.call_soon_threadsafe(_settle, accepted, exc)
            else:
                loop.call_soon_threadsafe(_settle, accepted, None)

        self._jobs.put(job)
        await accepted

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _settle(accepted: asyncio.Future[None], error: Exception | None) -> None:
    if accepted.done():
        return
    if error is None:
        accepted.set_result(None)
    else:
        accepted.set_exception(error)
