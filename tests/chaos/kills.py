"""Kill children and parents at random, and cut the ground from under them: the workers' own deaths."""

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress

from tests.chaos.arena import BOTH, Arena
from tests.chaos.asked import Wish, asking, naps
from tests.chaos.probe import undisturbed
from tests.chaos.report import Report
from tests.support.waiting import eventually

CHILD, WORKER = "child_death", "worker_death"
NAPS_S = (0.3, 0.1, 0.5, 0.8)
CHILD_KILLS_PER_RUN = 1 / 12
PARENT_KILLS_PER_RUN = 1 / 70
KILL_PAUSE_S = (0.3, 1.2)
STARTED_BEFORE_FREEZING = 4


def random_kills(arena: Arena) -> Report:
    """SIGKILL random children, and whole workers with all their children, which are started again."""
    report, fleet = Report(), arena.fleet
    children, parents = round(arena.runs * CHILD_KILLS_PER_RUN), max(1, round(arena.runs * PARENT_KILLS_PER_RUN))
    victims = [CHILD] * children + [WORKER] * parents
    arena.rng.shuffle(victims)
    with undisturbed(fleet, report), asking(fleet, naps(fleet, arena.runs, seconds=NAPS_S)) as asked:
        for victim in victims:
            time.sleep(arena.rng.uniform(*KILL_PAUSE_S))
            worker = arena.rng.choice(BOTH)
            pids = arena.random_child(worker) if victim == CHILD else fleet.children(worker)
            asked.note_struck(pids, victim)  # before it strikes: the run may be taken up soon after
            if victim == CHILD:
                kill_each(pids)
            else:
                fleet.kill(worker)
                fleet.restart(worker)
    report.count(children_killed=children, parents_killed=parents)
    asked.settle(report)
    return report


def kill_each(pids: Iterable[int]) -> None:
    """Kill processes, some of which may have ended by themselves."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def frozen_worker(arena: Arena) -> Report:
    """SIGSTOP a worker with its runs: another takes them over; the frozen one, woken up, cannot end or stream them."""
    report, fleet = Report(), arena.fleet
    fleet.revive(*BOTH)
    long = [Wish("sleepy", {"wait_s": 4.0}) for _ in range(2 * STARTED_BEFORE_FREEZING)]
    with undisturbed(fleet, report), asking(fleet, [*long, *naps(fleet, arena.runs // 4, seconds=NAPS_S)]) as asked:
        eventually("both workers are busy", lambda: fleet.redis.zcard("agentic:running"), lambda n: n >= len(long) - 1)
        asked.note_struck(arena.signal_all(BOTH[0], signal.SIGSTOP), "freezing")
        frozen_at_s = time.monotonic()
        try:
            time.sleep(arena.freeze_s)
        finally:
            arena.signal_all(BOTH[0], signal.SIGCONT)
    report.count(frozen_s=round(time.monotonic() - frozen_at_s, 1), runs_of_the_frozen=len(asked.struck))
    records = asked.settle(report)
    taken_over = [run_id for run_id in asked.struck if int(records[run_id]["attempt"]) > 1]
    report.count(taken_over=len(taken_over))
    report.hold("the frozen worker's runs are taken over", holds=set(taken_over) == set(asked.struck))
    return report


def rolling_restart(arena: Arena) -> Report:
    """SIGTERM one worker after the other under load, as a deployment does: nothing is lost, and no attempt is spent."""
    report, fleet = Report(), arena.fleet
    fleet.revive(*BOTH)
    with asking(fleet, naps(fleet, arena.runs // 2, seconds=NAPS_S)) as asked:
        for worker in BOTH:
            fleet.kill(worker, signal.SIGTERM)
            fleet.services[worker].process.wait(30)
            fleet.restart(worker)
            eventually("both consume", lambda: fleet.pools()["core"], lambda count: count == len(BOTH), within_s=60)
    records = asked.settle(report)
    losses = sum(int(record["losses"]) for record in records.values())
    report.count(workers_restarted=len(BOTH), losses=losses)
    report.hold("a restart spends no attempt", holds=losses == 0, found=losses)
    return report
