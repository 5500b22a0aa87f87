"""What is counted: by the step that makes it so, exactly once, and told with a zero for all that has not happened."""

from collections.abc import Iterator

import pytest
from prometheus_client.core import Metric
from redis.asyncio import Redis

from agentic_sales.control import ControlPlane, build_control_plane
from agentic_sales.observability import metrics
from agentic_sales.observability.exposition import Counts
from agentic_sales.observability.metrics import BUCKETS_S, COUNTS_KEY
from agentic_sales.runs.budgets import NO_BUDGETS
from agentic_sales.runs.fleet_metrics import fleet_families, read_fleet
from agentic_sales.runs.holds import Holds
from agentic_sales.runs.ledger import Ledger
from agentic_sales.runs.purse import Purse, current_purse
from agentic_sales.settings import Settings
from tests.support.recorded_runs import BRIEF_S, claimed, failed, hold_of, new_queue, new_run, recorded, success
from tests.support.small_campaign import NOW, small_campaign

pytestmark = pytest.mark.usefixtures("nothing_counted")


@pytest.fixture
async def nothing_counted(redis: Redis) -> None:
    """Begin every test with nothing counted."""
    await redis.delete(COUNTS_KEY)


@pytest.fixture(scope="module")
def control() -> ControlPlane:
    """The control plane of a fleet that nobody configured."""
    return build_control_plane(Settings.model_validate({}))


async def counts(redis: Redis) -> dict[str, float]:
    """Return what was counted, by name and labels."""
    found = Counts.parse(await redis.hgetall(COUNTS_KEY))
    return {
        " ".join((name, *labels)): value for name, series in found.by_name.items() for labels, value in series.items()
    }


def samples(families: Iterator[Metric]) -> dict[tuple[str, ...], float]:
    """Return every sample by its name and the values of its labels."""
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


async def test_a_run_is_counted_when_it_ends_and_only_then(ledger: Ledger, redis: Redis) -> None:
    run_id = await recorded(ledger)
    claim = await claimed(ledger, run_id)
    assert "agentic_runs echo core success" not in await counts(redis)
    assert await ledger.finish(claim, success(run_id))
    assert not await ledger.finish(claim, success(run_id))
    found = await counts(redis)
    assert found["agentic_runs echo core success"] == 1
    assert not [name for name in found if name.startswith("agentic_run_failures")]


async def test_a_failure_is_counted_by_its_code(ledger: Ledger, redis: Redis) -> None:
    run_id = await recorded(ledger)
    await ledger.finish(await claimed(ledger, run_id), failed(run_id))
    found = await counts(redis)
    assert (found["agentic_runs echo core error"], found["agentic_run_failures bug"]) == (1, 1)


@pytest.mark.parametrize("stage", ["waiting", "running"])
async def test_a_cancelled_run_is_counted_once_whether_it_waited_or_ran(
    ledger: Ledger, redis: Redis, stage: str
) -> None:
    run_id = await recorded(ledger)
    claim = await claimed(ledger, run_id) if stage == "running" else None
    await ledger.cancel(run_id)
    if claim is not None:
        await ledger.finish(claim, success(run_id))
    await ledger.cancel(run_id)
    found = await counts(redis)
    assert found["agentic_runs echo core cancelled"] == found["agentic_run_failures cancelled"] == 1
    assert "agentic_runs echo core success" not in found


async def test_a_run_that_lost_its_worker_is_counted_as_resumed_and_at_last_as_dead(
    ledger: Ledger, redis: Redis
) -> None:
    run_id = await recorded(ledger)
    for _ in range(2):
        await claimed(ledger, run_id, max_attempts=2, lease_s=BRIEF_S)
    last = await claimed(ledger, run_id, max_attempts=2, lease_s=BRIEF_S)
    await ledger.finish(last, failed(run_id))
    found = await counts(redis)
    assert (found["agentic_recovered_runs resumed"], found["agentic_recovered_runs dead"]) == (1, 1)
    assert found["agentic_runs echo core dead"] == 1


async def test_a_run_that_a_stopping_worker_gives_back_is_counted(ledger: Ledger, redis: Redis, holds: Holds) -> None:
    run_id = await recorded(ledger)
    await claimed(ledger, run_id)
    hold = await hold_of(ledger, run_id)
    assert holds.release(hold)
    assert not holds.release(hold)
    assert (await counts(redis))["agentic_recovered_runs released"] == 1


async def test_what_a_run_counts_of_itself_is_counted_with_its_end_or_not_at_all(ledger: Ledger, redis: Redis) -> None:
    field = metrics.LLM_FALLBACKS.field("echo", "rate_limited")
    run_id = await recorded(ledger)
    lost = await claimed(ledger, run_id, lease_s=BRIEF_S)
    claim = await claimed(ledger, run_id)
    assert not await ledger.finish(lost, success(run_id), {field: 5})
    assert await ledger.finish(claim, success(run_id), {field: 2})
    assert (await counts(redis))["agentic_llm_fallbacks echo rate_limited"] == 2


async def test_times_are_cumulated_into_the_buckets_that_prometheus_reads() -> None:
    series = {b"a_seconds\techo\tcore\t0.25": b"2", b"a_seconds\techo\tcore\t+Inf": b"1"}
    found = Counts.parse({**series, b"a_seconds\techo\tcore\tsum_us": b"1500000"})
    family = metrics.Family("a_seconds", "A time.", ("assistant_id", "queue"))
    told = samples(iter([found.histogram(family, [("echo", "core"), ("other", "core")])]))
    buckets = [told["a_seconds_bucket", "echo", "core", le] for le in (*(f"{b:g}" for b in BUCKETS_S), "+Inf")]
    assert buckets == [0.0] * 5 + [2.0] * (len(BUCKETS_S) - 5) + [3.0]
    assert (told["a_seconds_sum", "echo", "core"], told["a_seconds_count", "echo", "core"]) == (1.5, 3)
    assert told["a_seconds_count", "other", "core"] == 0


async def test_the_time_of_a_run_and_of_its_wait_are_observed(ledger: Ledger, control: ControlPlane) -> None:
    run_id = await recorded(ledger)
    await ledger.finish(await claimed(ledger, run_id), success(run_id))
    told = samples(fleet_families(control, await read_fleet(ledger, ["core"]), [], NO_BUDGETS))
    for name in ("agentic_run_queue_wait_seconds", "agentic_run_duration_seconds"):
        assert told[f"{name}_count", "echo", "core"] == told[f"{name}_bucket", "echo", "core", "0.25"] == 1
        assert 0 < told[f"{name}_sum", "echo", "core"] < 0.25


async def test_a_fleet_that_has_done_nothing_tells_a_zero_for_every_row_and_outcome(
    ledger: Ledger, control: ControlPlane
) -> None:
    told = samples(
        fleet_families(control, await read_fleet(ledger, control.queues), ["openai:gpt-4.1-mini"], NO_BUDGETS)
    )
    for assistant_id in control.rows:
        queue = control.decide(assistant_id).queue
        for outcome in metrics.RUN_OUTCOMES:
            assert told["agentic_runs_total", assistant_id, queue, outcome] == 0
        assert told["agentic_llm_tokens_total", assistant_id, "openai:gpt-4.1-mini", "output"] == 0
        assert told["agentic_run_duration_seconds_bucket", assistant_id, queue, "+Inf"] == 0
    assert told["agentic_run_failures_total", "queue_full"] == told["agentic_run_failures_total", "worker_lost"] == 0
    assert told["agentic_sends_total", "ambiguous"] == 0


async def test_the_state_of_a_queue_is_told_as_it_is_now(ledger: Ledger) -> None:
    queue = new_queue()
    for _ in range(3):
        await recorded(ledger, new_run(queue=queue))
    state = (await read_fleet(ledger, [queue])).queues[queue]
    assert (state.waiting, state.consumers) == (3, 1)
    assert 0 < state.oldest_age_s < 5


async def test_runs_that_are_held_back_are_told_by_their_lane(ledger: Ledger) -> None:
    queue = new_queue()
    for request in ({"priority": "batch"}, {"priority": "batch"}, {"after_seconds": 60}):
        await recorded(ledger, new_run(queue=queue, **request))
    state = (await read_fleet(ledger, [queue])).queues[queue]
    assert (state.waiting, state.held) == (0, {"batch": 2, "due": 1})


async def test_what_happens_at_the_send_door_is_counted_with_the_run_that_sends(
    ledger: Ledger, redis: Redis, migrated: Settings
) -> None:
    run_id = await recorded(ledger)
    claim, purse = await claimed(ledger, run_id), Purse(ledger, run_id, "echo", NO_BUDGETS)
    token = current_purse.set(purse)
    try:
        async with small_campaign(migrated) as campaign:
            touch_id = await campaign.message()
            await campaign.door().send(touch_id, now=NOW)
            await campaign.door().send(touch_id, now=NOW)
    finally:
        current_purse.reset(token)
    await ledger.finish(claim, success(run_id), purse.counts)
    found = await counts(redis)
    assert {name: n for name, n in found.items() if "sends" in name} == {"agentic_sends sent": 1}
