"""Let runs that share a child with others block it, kill it and be cancelled: the others' deaths by a neighbour."""

import signal
from contextlib import suppress

from agentic_sales.outbound.http import httpx
from tests.chaos.arena import BOTH, FIRST, Arena
from tests.chaos.asked import Asked, Wish, asking, naps
from tests.chaos.report import Report
from tests.support.fleet import PROCFILE
from tests.support.waiting import eventually

SHARED = "worker-core-3"
CHILDREN, SLOTS = 2, 16
RUNS_PER_CHILD = 8
NAPS_S = (2.0, 1.0, 3.0)
CULPRITS = (Wish("stuck", {"block_s": 60, "stubborn": True}), Wish("poison", {"lethal": True}))
ENDS = {"stuck": "timeout", "poison": "error", "sleepy": "interrupted"}


def shared_children(arena: Arena) -> Report:
    """In children of many runs one blocks the loop, one kills the process and one is cancelled: no other run pays."""
    report, fleet = Report(), arena.fleet
    fleet.revive(*BOTH)
    slots = {
        "CORE_WORKER_SLOTS": str(SLOTS),
        "AGENTIC_SALES_WORKER_CONCURRENCY": str(CHILDREN),
        "AGENTIC_SALES_MAX_TASKS_PER_CHILD": str(RUNS_PER_CHILD),
    }
    fleet.start_command(SHARED, PROCFILE[FIRST].replace("core@%h", "core3@%h"), slots)
    eventually("the third worker consumes", lambda: fleet.pools()["core"], lambda count: count == 3, within_s=60)
    for worker in BOTH:
        fleet.kill(worker, signal.SIGTERM)
    eventually("it is alone", lambda: fleet.pools()["core"], lambda count: count == 1, within_s=60)
    culprits = Asked(fleet)
    with asking(fleet, naps(fleet, arena.runs // 2, seconds=NAPS_S)) as asked:
        culprits.ask([*CULPRITS, Wish("sleepy", {"wait_s": 60.0})])
        _cancel_last(arena, culprits)
    records = asked.settle(report)
    eventually("the culprits end", lambda: _ends(culprits), lambda ends: ends == ENDS, within_s=60)
    losses = sum(int(record["losses"]) for record in records.values())
    moved = sum(int(record["attempt"]) > 1 for record in records.values())
    report.count(neighbours_moved=moved, losses=losses)
    report.hold("neighbours are hit", holds=moved > 0, found=moved)
    report.hold("a neighbour's fault spends no attempt", holds=losses == 0, found=losses)
    fleet.revive(*BOTH)
    fleet.retire(SHARED)
    return report


def _cancel_last(arena: Arena, culprits: Asked) -> None:
    run_id = list(culprits.wishes)[-1]
    eventually("the run to be cancelled runs", lambda: arena.fleet.run(run_id)["status"], lambda s: s == "running")
    with suppress(httpx.TransportError):
        arena.fleet.http.post(f"/runs/{run_id}/cancel", params={"wait": False})


def _ends(culprits: Asked) -> dict[str, str]:
    return {wish.assistant_id: culprits.records()[run_id].get("status", "") for run_id, wish in culprits.wishes.items()}
