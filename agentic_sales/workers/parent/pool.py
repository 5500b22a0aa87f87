"""Give a child several runs at once: Celery's prefork pool, with as many places in each child as its pool has slots.

With one slot it is Celery's pool, unchanged. With more, the parent still knows where each run is. So everything that
follows a run stays as it is: late acknowledgement, leases, redelivery, hard time limits, `inspect`, events. Three
things change: when a child counts as busy, how many messages are taken, and how a child waits between two jobs.

This file alone reaches into Celery and billiard. `tests/acceptance/test_slots.py` fails when they change.
"""

import os
from asyncio import AbstractEventLoop
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from time import monotonic
from typing import Any

import structlog
from billiard.common import terminate_handler_fired  # type: ignore[attr-defined]  # its types are older
from billiard.einfo import ExceptionInfo
from billiard.pool import ACK, EX_OK, EX_RECYCLE, READY
from celery.concurrency import asynpool, prefork
from greenlet import GreenletExit, getcurrent, greenlet  # type: ignore[import-untyped]  # greenlet ships no types

from agentic_sales.celery import app
from agentic_sales.control import control_plane
from agentic_sales.workers import current
from agentic_sales.workers.mark import Mark, keep_mark

log = structlog.get_logger()

_Worker: Any = asynpool.Worker
_AsynPool: Any = asynpool.AsynPool
_TaskPool: Any = prefork.TaskPool
# celery-types and billiard's types lack what is overridden here.


class Places(set[int]):
    """The children that take nothing more, by the descriptors of their pipes; a set, as Celery's pool has it.

    Celery adds a child for every job that it gives away, and discards it for every job that ends. It is in the set
    while it has as many jobs as slots.
    """

    def __init__(self, slots: int) -> None:
        super().__init__()
        self._slots = slots
        self._taken: Counter[int] = Counter()
        self._closed: set[int] = set()

    def taken(self, fd: int) -> int:
        """Return how many jobs a child has."""
        return self._taken[fd]

    def add(self, fd: int) -> None:
        """Count a job that a child gets."""
        self.count(fd, self._taken[fd] + 1)

    def discard(self, fd: Any) -> None:
        """Count a job that a child has ended."""
        self.count(fd, self._taken[fd] - 1)

    def count(self, fd: int, jobs: int) -> None:
        """Say how many jobs a child has."""
        self._taken[fd] = max(jobs, 0)
        if self._taken[fd] >= self._slots or fd in self._closed:
            super().add(fd)
        else:
            super().discard(fd)

    def close(self, fd: int) -> None:
        """Give a child no further job."""
        self._closed.add(fd)
        super().add(fd)

    def forget(self, fd: int) -> None:
        """Forget a child that is gone; its descriptor may be another's soon."""
        self._closed.discard(fd)
        self._taken.pop(fd, None)
        super().discard(fd)

    def recount(self, executing: Iterable[int]) -> None:
        """Count anew, by the child of each job that is being executed."""
        jobs = Counter(executing)
        for fd in {*self._taken, *jobs}:
            self.count(fd, jobs[fd])


class SlotWorker(_Worker):  # type: ignore[misc]  # untyped, see above
    """The child process: it takes jobs as they come, and executes each in a greenlet that waits for the child's loop.

    All of it happens in the main thread. Threads in place of the greenlets took a sixth of the child's processor time,
    most of it for the hand-over of the interpreter's lock and for waking the loop.
    """

    def __init__(self, *args: Any, slots: int, **options: Any) -> None:
        self.slots = slots
        self.mark = Mark()
        self._executing: set[greenlet] = set()
        self._taken = 0
        self._takes_more = True
        super().__init__(*args, **options)

    def contribute_to_object(self, obj: Any) -> Any:
        """Let the parent's object of this process have the mark."""
        obj.mark = self.mark
        return super().contribute_to_object(obj)

    def workloop(self, *_: Any, pid: int, **__: Any) -> int:
        """Execute jobs until the parent wants no more, or this child retires; return the exit code."""
        child = current.child()
        child.serve(self.mark, partial(self._begin, pid))
        return EX_RECYCLE if self.mark.is_retiring else EX_OK

    def _begin(self, pid: int, loop: AbstractEventLoop) -> None:
        loop.add_reader(self._jobs, self._take, loop, pid)
        os.set_blocking(self._jobs, True)  # libuv has changed that, and half a job would count as the end of the pipe

    def _take(self, loop: AbstractEventLoop, pid: int) -> None:
        """Take a job that the parent has written."""
        try:
            request = self.wait_for_job()
        except SystemExit:  # the parent stops, or is gone
            if terminate_handler_fired():
                raise
            log.debug("child_takes_no_more", pid=pid, taken=self._taken)
            self._takes_more = False
            loop.remove_reader(self._jobs)
            self._leave_if_over(loop)
            return
        if request is None:
            return
        _, (job, i, function, args, options) = request
        self._taken += 1
        if self.maxtasks and self._taken >= self.maxtasks:
            self.mark.retire()
        self.outq.put((ACK, (job, i, monotonic(), pid, self.synqW_fd)))
        executing = greenlet(self._execute)
        self._executing.add(executing)
        executing.switch(job, i, partial(function, *args, **options), loop)

    def _execute(self, job: int, i: int, execute: Callable[[], Any], loop: AbstractEventLoop) -> None:
        try:
            result = (True, self.prepare_result(execute()))
        except GreenletExit:  # this process ends; the parent knows what it held
            return
        except BaseException as exc:
            if terminate_handler_fired():
                raise
            result = (False, ExceptionInfo())
            if isinstance(exc, SystemExit):
                self.mark.retire()
        self._executing.discard(getcurrent())
        self.outq.put((READY, (job, i, result, self.inqW_fd)))
        self._leave_if_over(loop)

    @property
    def _jobs(self) -> int:
        """Descriptor of the pipe from which jobs are read."""
        return int(self.inq._reader.fileno())  # noqa: SLF001 - billiard has no public face of it

    def _leave_if_over(self, loop: AbstractEventLoop) -> None:
        """Leave after the last run if no other is taken. The parent hands its unbegun messages to another child."""
        if not self._executing and (self.mark.is_retiring or not self._takes_more):
            loop.stop()


class SlottedPool(_AsynPool):  # type: ignore[misc]  # untyped, see above
    """Celery's pool of processes, each of which executes several jobs."""

    def __init__(self, *args: Any, slots: int, **options: Any) -> None:
        self.Worker = partial(SlotWorker, slots=slots)
        self._slots = slots
        super().__init__(*args, **options)
        self._busy_workers = self._places = Places(slots)
        self._mark_worker_as_available = self._places.discard

    def grow(self, n: int = 1) -> None:
        """Add children, and the places of each."""
        super().grow(n)
        self._putlock.grow(n * (self._slots - 1))

    def shrink(self, n: int = 1) -> None:
        """Remove children that have nothing to do, and the places of each."""
        before = self._processes
        try:
            super().shrink(n)
        finally:
            self._putlock.shrink((before - self._processes) * (self._slots - 1))

    def flush(self) -> None:
        """Drop the messages that no child has begun. The broker delivers them again."""
        super().flush()
        executing = (job._write_to or job._scheduled_for for job in self._cache.values() if job._accepted)  # noqa: SLF001
        self._places.recount(proc.inqW_fd for proc in executing if proc is not None and proc._is_alive())  # noqa: SLF001

    def _create_worker_process(self, i: int) -> Any:
        process = super()._create_worker_process(i)
        keep_mark(process.pid, process.mark)
        return process

    def _create_process_handlers(self, hub: Any) -> None:
        super()._create_process_handlers(hub)
        take_down = self.on_process_down  # type: ignore[has-type]  # untyped, see above

        def on_process_down(process: Any) -> None:
            take_down(process)
            self._places.forget(process.inqW_fd)

        self.on_process_down = on_process_down

    def _create_write_handlers(self, hub: Any, **options: Any) -> None:
        super()._create_write_handlers(hub, **options)
        look_for_jobs = self.on_poll_start  # type: ignore[has-type]  # untyped, see above
        write = hub.consolidate_callback

        def on_poll_start() -> None:
            self._let_retire()
            look_for_jobs()

        self.on_poll_start = on_poll_start
        hub.consolidate_callback = lambda ready: write(sorted(ready, key=self._places.taken))

    def _let_retire(self) -> None:
        """Give no further job to children that retire, but for so few of them at a time that the pool works on.

        A child that is the only one goes on until it happens to have nothing to do.
        """
        children = self._fileno_to_inq
        retiring = [fd for fd, process in children.items() if process.mark.is_retiring]
        for fd in retiring[: max(len(children) // 4, min(1, len(children) - 1))]:
            self._places.close(fd)

    def _maintain_pool(self) -> None:
        """Replace children that have ended, and free the places of all that each of them executed; Celery frees one."""
        ended = self._join_exited_workers()
        self._repopulate_pool(ended)
        if ended:
            taken = self._putlock.initial_value - self._putlock.value
            for _ in range(taken - len(self._cache)):
                self._putlock.release()


class SlotPool(_TaskPool):  # type: ignore[misc]  # untyped, see above
    """Celery's prefork pool for a worker whose children have the slots that the control plane gives its queues."""

    slots = 1
    """Runs that a child executes at once."""

    def on_start(self) -> None:
        """Start the children."""
        self.slots = control_plane().slots_of(app.amqp.queues.consume_from)
        if self.slots > 1:
            self.Pool = partial(SlottedPool, slots=self.slots)
            self.options["semaphore"].grow(self.limit * (self.slots - 1))
        super().on_start()


def places_of(pool: Any) -> int:
    """Return how many runs a worker's children execute at once."""
    return int(pool.num_processes) * int(getattr(pool, "slots", 1))
