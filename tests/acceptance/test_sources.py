"""Every source through HTTP, queue and worker: what it finds, what is said of one that fails, and the real limits."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from agentic_sales.local.world.misbehaviour import Kind
from agentic_sales.local.world.server import WorldServer, serve_world
from agentic_sales.outbound.answer_cache import ENTRY_PREFIX
from agentic_sales.outbound.shared_limits import LIMIT_PREFIX
from tests.support.fleet import ONLY_CORE, WEB, Fleet, fleet_of
from tests.support.services import redis_server
from tests.support.source_calls import SOURCE_CALLS

ALL = sorted(SOURCE_CALLS)
NEIGHBOURS = ("greenhouse", "serper", "hugging_face")
ARXIV_SPAN_S = 3.0
"""arXiv takes one request in this span, which is longer than a call waits."""
SAID: dict[Kind, str] = {
    "429": "asked for a pause of 60 s",
    "5xx": "503|fewer requests",
    "changed-field": "in a form that its client does not know",
}
FAILURES = [(name, kind) for name in ALL for kind in SAID if (name, kind) != ("common_crawl_data", "changed-field")]
"""What is tried. The archive answers with pages, which have no member that could be renamed."""


@pytest.fixture(scope="module")
def real_world() -> Iterator[WorldServer]:
    """A world that counts by the limits of the real services."""
    with serve_world(has_real_limits=True) as world:
        yield world


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, real_world: WorldServer) -> Iterator[Fleet]:
    """A facade and one core worker whose sources are the world's."""
    directory = tmp_path_factory.mktemp("sources")
    environment = {**ONLY_CORE, **real_world.environment()}
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=(WEB, "worker-core")) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


@pytest.fixture
def rested(shared: Fleet, real_world: WorldServer) -> Fleet:
    """The fleet, which has asked nobody yet, in a world that behaves well."""
    real_world.failures.clear()
    real_world.visits.clear()
    real_world.meters.forget()
    forget(shared, LIMIT_PREFIX)
    forget(shared, ENTRY_PREFIX)
    return shared


def forget(fleet: Fleet, prefix: str) -> None:
    """Drop the counts or the kept answers of the workers."""
    for key in fleet.redis.scan_iter(f"{prefix}*"):
        fleet.redis.delete(key)


def ask(fleet: Fleet, *sources: str) -> dict[str, Any]:
    response = fleet.call("ask_sources", {"sources": sources})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def statuses(world: WorldServer, service: str) -> list[int]:
    return [visit.status for visit in world.visits if visit.service == service]


def test_every_source_serves_a_worker(rested: Fleet) -> None:
    answer = ask(rested, *ALL)
    assert answer["unavailable_sources"] == []
    assert sorted(name for name, count in answer["found"].items() if count) == ALL


@pytest.mark.parametrize(("service", "kind"), FAILURES)
def test_a_source_that_misbehaves_is_named_and_what_the_others_found_is_kept(
    rested: Fleet, real_world: WorldServer, service: str, kind: Kind
) -> None:
    real_world.misbehave(kind, service)
    others = [name for name in NEIGHBOURS if name != service]
    answer = ask(rested, others[0], service, *others[1:])
    [told] = answer["unavailable_sources"]
    assert told.startswith(f"{service}: ")
    assert f"`{service}`" in told
    assert re.search(SAID[kind], told)
    assert sorted(answer["found"]) == sorted(others)
    assert all(answer["found"].values())


def test_an_interactive_run_goes_on_without_a_source_whose_limit_is_reached(
    rested: Fleet, real_world: WorldServer
) -> None:
    answer = ask(rested, "arxiv", "arxiv", "crossref")
    [told] = answer["unavailable_sources"]
    assert told.startswith("arxiv: `arxiv` asked for a pause of ")
    assert answer["found"]["arxiv"], "what it found before the limit is kept"
    assert answer["found"]["crossref"]
    assert statuses(real_world, "arxiv") == [200]


def test_a_batch_run_waits_in_its_lane_until_the_limit_allows_it_and_asks_nothing_twice(
    rested: Fleet, real_world: WorldServer
) -> None:
    body = {"assistant_id": "ask_sources", "input": {"sources": ["tavily", "arxiv", "arxiv"]}, "priority": "batch"}
    run_id = rested.http.post("/runs", json=body).json()["run_id"]
    answer = rested.get(f"/runs/{run_id}/join").json()
    assert answer["unavailable_sources"] == []
    assert all(answer["found"][name] for name in ("arxiv", "tavily"))
    first, second = [visit for visit in real_world.visits if visit.service == "arxiv"]
    assert (first.status, second.status) == (200, 200)
    assert second.at_s - first.at_s >= ARXIV_SPAN_S
    assert statuses(real_world, "tavily") == [200]
    record = rested.run(run_id)
    assert (record["deferrals"], record["losses"]) == ("1", "0")
