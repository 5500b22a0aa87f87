"""A long streaming run on a real worker: its reader may leave and come back, and a cancellation stops it in a node."""

import time
from itertools import islice

from agentic_sales.local.world.server import WorldServer
from tests.acceptance.test_streams import followed, frames
from tests.support.fleet import Fleet

GIVEN = {"topic": "retrieval", "vertical": "ingestible", "sources": ["papers"], "max_people": 2, "dry_run": True}
BODY = {"assistant_id": "topic_outreach", "input": GIVEN, "stream_mode": ["custom"]}


def test_a_reader_who_leaves_misses_nothing_and_a_cancelled_run_ends_within_its_node(
    fleet: Fleet, world_of_fleet: WorldServer
) -> None:
    with fleet.http.stream("POST", "/runs/stream", json=BODY) as response:
        before = list(islice(frames(response), 3))
        path, run_id = response.headers["location"], response.headers["x-run-id"]
    after = followed(fleet, path, after=before[-1].event_id or "")
    assert before + after == followed(fleet, path)
    told = [frame.data for frame in (*before, *after) if frame.event == "custom"]
    final = fleet.get(f"/runs/{run_id}/join").json()
    by_event = {name: [data["who"] for data in told if data.get("event") == name] for name in ("found", "drafted")}
    assert len(by_event["found"]) == final["found"] > 2
    assert sorted(by_event["drafted"]) == sorted(draft["who"] for draft in final["drafts"])
    assert (after[-1].event, len(final["drafts"])) == ("end", 2)
    assert fleet.run(run_id)["attempt"] == "1"

    world_of_fleet.misbehave("slow", "openalex")
    another = {**BODY, "input": GIVEN | {"topic": "sparse retrieval with few labels"}}  # No answer of it is kept.
    try:
        with fleet.http.stream("POST", "/runs/stream", json=another) as response:
            run_id = response.headers["x-run-id"]
            told_later = frames(response)
            beat = next(frame for frame in told_later if frame.event == "custom")
            assert beat.data == {"event": "heartbeat", "stage": "find", "elapsed_s": beat.data["elapsed_s"]}
            asked_s = time.monotonic()
            fleet.http.post(f"/runs/{run_id}/cancel")
            last = list(told_later)[-1]
        assert last.event == "error"
        assert fleet.get(f"/runs/{run_id}/join").json()["code"] == "cancelled"
        assert time.monotonic() - asked_s < 15.0
        assert fleet.run(run_id)["status"] == "interrupted"
    finally:
        world_of_fleet.failures.clear()
