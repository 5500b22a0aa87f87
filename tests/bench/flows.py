"""How soon campaigns visit their people, quiet and beside a round of every flow."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

from agentic_sales.flows import BY_FLOW
from agentic_sales.local.world.server import serve_world
from tests.support.fleet import WEB, WORKERS, Fleet, fleet_of
from tests.support.services import redis_server
from tests.support.waiting import eventually

PEOPLE = 40
"""People whom a campaign writes to, each time."""
ALWAYS = {"starts": "00:00:00", "ends": "23:59:59", "days": [1, 2, 3, 4, 5, 6, 7]}
LISTED = [{"domain": "northwind-signals.example"}, {"domain": "quillmark.example"}]
WITHIN_S = 120.0


@dataclass(frozen=True)
class VisitTimes:
    """What visits took, from the submission to the end."""

    quiet_ms: float
    """95th percentile on a fleet that does nothing else."""
    busy_ms: float
    """95th percentile while a round of every flow is under way."""
    rounds_under_way: int
    """Rounds that had not ended after the last visit."""


def visit_times() -> VisitTimes:
    """Measure the visits of two campaigns, the second one beside all flows. The sample world has its real limits."""
    with TemporaryDirectory(prefix="agentic-sales-bench-") as folder, serve_world(has_real_limits=True) as world:
        told = {**world.environment(), "AGENTIC_SALES_CAMPAIGN_TICK_S": "0.5"}
        names = (WEB, *WORKERS, "beat")
        with (
            redis_server(Path(folder)) as redis,
            fleet_of(Path(folder), redis, told, names=names) as fleet,
        ):
            fleet.wait_until_ready()
            box = {"mailbox_id": "sales", "address": "ann@sales.example", "postal_address": "1 Main Street"}
            _post(fleet, "/campaigns/mailboxes", box)
            quiet_ms = _p95_ms(fleet, "quiet")
            for flow_id in BY_FLOW:
                given = {"input": {"leads": LISTED}} if flow_id == "list" else {}
                _post(fleet, f"/flows/{flow_id}/run", {"round": f"r-{flow_id}", **given})
            busy_ms = _p95_ms(fleet, "busy")
            states = [fleet.get(f"/flows/r-{flow_id}/report").json()["state"] for flow_id in BY_FLOW]
            fleet.stop()
    return VisitTimes(quiet_ms, busy_ms, states.count("running"))


def _p95_ms(fleet: Fleet, campaign: str) -> float:
    """Let a campaign write to its people, and return what its visits took."""
    plan = {"mailboxes": ["sales"], "steps": [{}], "window": ALWAYS}
    _post(fleet, "/campaigns", {"campaign_id": campaign, "plan": plan})
    _post(fleet, f"/campaigns/{campaign}/start", None)
    people = "email,first name\n" + "".join(f"{campaign}{n}@northwind-signals.example,Jo\n" for n in range(PEOPLE))
    path = f"/campaigns/{campaign}/import?basis=consent&source=a%20fair"
    answer = fleet.http.post(path, content=people.encode()).raise_for_status()
    refused = [line for line in answer.json()["lines"] if line["status"] == "refused"]
    assert not refused, f"the import refused people: {refused[0]['problems']}"
    eventually(
        f"{PEOPLE} people of `{campaign}` were visited",
        lambda: _visits(fleet, campaign),
        lambda visits: len(visits) >= PEOPLE,
        within_s=WITHIN_S,
    )
    return quantiles(_visits(fleet, campaign), n=20)[-1]


def _visits(fleet: Fleet, campaign: str) -> list[float]:
    """Return the milliseconds of each visit that has ended."""
    runs: list[Mapping[str, Any]] = [
        fleet.run(str(key).rpartition(":")[2]) for key in fleet.redis.scan_iter("agentic:run:*", count=1000)
    ]
    mine = [run for run in runs if run["thread_id"].startswith(f"campaign-{campaign}-") and run.get("ended_at")]
    return [1000 * (float(run["ended_at"]) - float(run["created_at"])) for run in mine]


def _post(fleet: Fleet, path: str, body: Any) -> None:
    fleet.http.post(path, json=body).raise_for_status()
