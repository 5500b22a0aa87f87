"""Ask for runs while things break, and find out what became of every one of them."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from agentic_sales.outbound.http import httpx
from tests.chaos.report import Report
from tests.support.fleet import Fleet
from tests.support.waiting import eventually

ENDED = {"success", "error", "timeout", "interrupted"}
STEPS = ("first", "second", "third")
ACCEPTED_WITHIN_S = 60.0
RECOVERED_WITHIN_S = 30.0
ENDED_WITHIN_S = 90.0
PAUSE_S = 0.02
AGAIN_AFTER_S = 0.2


@dataclass(frozen=True)
class Wish:
    """A run that somebody wants."""

    assistant_id: str
    """Workflow."""
    values: Mapping[str, Any]
    """Its input."""


def naps(fleet: Fleet, count: int, *, seconds: Sequence[float]) -> list[Wish]:
    """Wish for runs that wait, and for half as many resumable ones that note their steps in a file each."""
    short = [Wish("sleepy", {"wait_s": seconds[number % len(seconds)]}) for number in range(count - count // 3)]
    steps = [
        Wish("steps", {"log": str(fleet.directory / f"steps-{uuid4()}"), "step_s": seconds[0]})
        for _ in range(count // 3)
    ]
    return [wish for pair in zip(steps, short, strict=False) for wish in pair] + short[len(steps) :]


class Asked:
    """The runs that were accepted so far, each with its wish."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.wishes: dict[str, Wish] = {}
        self.struck: dict[str, tuple[str, float]] = {}
        """What struck the process of a run, and when, for the runs that were running then."""

    def ask(self, wishes: Sequence[Wish]) -> None:
        """Ask for runs one after the other; one that is refused is asked for again under its key."""
        for wish in wishes:
            self.wishes[self._accepted(wish)] = wish
            time.sleep(PAUSE_S)

    def note_struck(self, pids: Sequence[int], by: str) -> None:
        """Note which runs are running in processes to which something happens now."""
        for run_id in map(str, self._fleet.redis.zrange("agentic:running", 0, -1)):
            if self._fleet.run(run_id).get("worker", "").rpartition("/")[2] in map(str, pids):
                self.struck[run_id] = by, time.time()

    def records(self) -> dict[str, dict[str, str]]:
        """Return the ledger's record of every run, by its id."""
        return {run_id: self._fleet.run(run_id) for run_id in self.wishes}

    def settle(self, report: Report, *, within_s: float = ENDED_WITHIN_S) -> dict[str, dict[str, str]]:
        """Wait until every run has ended; count what became of them, and hold the promises about all of them."""
        with suppress(AssertionError):  # what has not ended is counted as lost
            eventually("all runs end", self._open, lambda still: not still, within_s=within_s)
        records = self.records()
        ends = {run_id: self._ends(run_id) for run_id in records}
        lost = [run_id for run_id, record in records.items() if record.get("status") not in ENDED]
        failed = {run_id: r.get("failure") for run_id, r in records.items() if r.get("status") in ENDED - {"success"}}
        twice = [run_id for run_id, count in ends.items() if count > 1]
        repeated = [
            wish.values["log"] for wish in self.wishes.values() if wish.assistant_id == "steps" and is_repeated(wish)
        ]
        report.count(
            asked=len(records),
            finished=len(records) - len(lost) - len(failed),
            lost=len(lost),
            started_twice=sum(int(record.get("attempt", 0)) > 1 for record in records.values()),
            ended_twice=len(twice),
            finished_nodes_repeated=len(repeated),
        )
        for by in sorted({by for by, _ in self.struck.values()}):
            times_s = self._recoveries(records, by)
            report.count_times(f"taken_up_after_{by}", times_s)
            is_in_time = max(times_s, default=0.0) <= RECOVERED_WITHIN_S
            report.hold(f"a run is taken up in time after {by}", holds=is_in_time, found=times_s)
        report.hold("no run is lost", holds=not lost, found=lost)
        report.hold("no run fails", holds=not failed, found=failed)
        report.hold("no run ends twice", holds=not twice, found=twice)
        report.hold("no finished node of a resumable run is repeated", holds=not repeated, found=repeated)
        return records

    def _accepted(self, wish: Wish) -> str:
        body = {"assistant_id": wish.assistant_id, "input": dict(wish.values)}
        headers, give_up_at_s = {"idempotency-key": str(uuid4())}, time.monotonic() + ACCEPTED_WITHIN_S
        while True:
            try:
                response = self._fleet.http.post("/runs", json=body, headers=headers)
                if response.is_success:
                    return str(response.json()["run_id"])
                told = response.text
            except httpx.TransportError as exc:
                told = repr(exc)
            assert time.monotonic() < give_up_at_s, f"no run was accepted within {ACCEPTED_WITHIN_S:g} s: {told}"
            time.sleep(AGAIN_AFTER_S)

    def _open(self) -> list[str]:
        with self._fleet.redis.pipeline(transaction=False) as pipe:
            for run_id in self.wishes:
                pipe.hget(f"agentic:run:{run_id}", "status")
            return [run_id for run_id, status in zip(self.wishes, pipe.execute(), strict=True) if status not in ENDED]

    def _ends(self, run_id: str) -> int:
        events: Any = self._fleet.redis.xrange(f"agentic:events:{run_id}")
        return sum(fields["event"] in {"end", "error"} for _, fields in events)

    def _recoveries(self, records: Mapping[str, Mapping[str, str]], by: str) -> list[float]:
        struck_at_s = {run_id: at_s for run_id, (what, at_s) in self.struck.items() if what == by}
        started_at_s = {run_id: float(records[run_id].get("started_at") or 0) for run_id in struck_at_s}
        return [started_at_s[run_id] - at_s for run_id, at_s in struck_at_s.items() if started_at_s[run_id] > at_s]


def is_repeated(wish: Wish) -> bool:
    """Tell whether a step was taken again although the next one had been begun."""
    path = Path(wish.values["log"])
    taken = [STEPS.index(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return taken != sorted(taken)


@contextmanager
def asking(fleet: Fleet, wishes: Sequence[Wish]) -> Iterator[Asked]:
    """Ask for runs in the background for as long as it takes; leaving the context waits for the last to be accepted."""
    asked, failures = Asked(fleet), []

    def ask() -> None:
        try:
            asked.ask(wishes)
        except AssertionError as exc:
            failures.append(exc)

    thread = threading.Thread(target=ask, name="asking")
    thread.start()
    try:
        yield asked
    finally:
        thread.join()
    if failures:
        raise failures[0]
