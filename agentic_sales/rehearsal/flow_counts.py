"""Count the requests of one round of a flow: calls of sources, prompts with their tokens, runs and processor time.

The round goes on in a process of its own, on an empty store, where the environment leads to the sample world and names
no model. The rules answer, and each prompt is counted as a model would have got it. Every call of a source is counted
in its own bucket and never held up. `counted_rounds` starts the processes and counts the calls of sites beside them.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from pydantic import BaseModel

from agentic_sales.campaigns.leads.desk import RoundOrder, begin_round
from agentic_sales.campaigns.visits import clock
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.control import control_plane
from agentic_sales.effects import acting_as
from agentic_sales.flows import IMPORT, Flow
from agentic_sales.llm.ask import current_meter
from agentic_sales.outbound.limits import Bucket, OwnLimiter, Reason, Wait, account_of
from agentic_sales.rehearsal.in_process import InProcessSubRunner
from agentic_sales.rules.flow_costs import FlowCounts, MailCounts, RecordedCounts, SourceCalls
from agentic_sales.runs.subruns import SubRun, current_sub_runner
from agentic_sales.settings import Settings, child_environment, settings
from agentic_sales.sources.service import Place, Source, current_place
from agentic_sales.store.database import close_current_database, current_database
from agentic_sales.store.flow_rounds import FINISHED, FlowRoundRow, flow_round
from agentic_sales.store.leads import stage_counts
from agentic_sales.store.migrate import upgrade
from agentic_sales.workers.loader import load_graph

LEAD_FLOW, WRITES_MAILS = "lead_flow", "email_outreach"
MOST_VISITS = 2_000
_KEPT = {"kept", "waiting", "enrolled"}
_LONGEST_S = 1_800.0
_ROUND = "counted"


class CountingLimiter(OwnLimiter):
    """Lets every call start, and counts it in its bucket."""

    def __init__(self) -> None:
        super().__init__()
        self.buckets: dict[tuple[str, str], SourceCalls] = {}
        """By account and name of the bucket."""

    async def take(self, account: str, bucket: Bucket, *, ticket: str, cost: int) -> Wait | None:
        """Count a call."""
        del ticket
        limits = [(limit.calls, limit.per_s) for limit in bucket.limits]
        quota = bucket.quota.units if bucket.quota else None
        told = self.buckets.setdefault((account, bucket.name), SourceCalls(calls=0, limits=limits, quota=quota))
        told.calls += 1
        told.units += cost if quota else 0
        return None

    async def pause(self, scope: str, reason: Reason, pause_s: float | None) -> float:
        """Keep nobody away."""
        del scope, reason, pause_s
        return 0.0

    def by_source(self, configuration: Settings) -> dict[str, SourceCalls]:
        """Return the calls by `source.bucket`."""
        names = _accounts(configuration)
        found: dict[str, SourceCalls] = {}
        for (account, bucket), told in sorted(self.buckets.items(), key=lambda one: one[0][1]):
            found[f"{names.get(account, 'unknown')}.{bucket}"] = told
        return dict(sorted(found.items()))


class CountingRunner(InProcessSubRunner):
    """Runs every sub-run in this process, and counts it."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: Counter[str] = Counter()

    async def run(self, assistant_id: str, values: Mapping[str, Any]) -> SubRun:
        """Run an assistant to its end."""
        self.runs[assistant_id] += 1
        return await super().run(assistant_id, values)


class PromptMeter:
    """Counts the prompts that a model would have got, and the answers of the rules, in tokens of four characters."""

    def __init__(self) -> None:
        self.counts = MailCounts()

    def __call__(self, prompt: Sequence[BaseMessage], answer: BaseModel) -> None:
        """Count one prompt with its answer."""
        self.counts.model_calls += 1
        self.counts.input_tokens += count_tokens_approximately(prompt)
        self.counts.output_tokens += -(-len(answer.model_dump_json()) // 4)


def counted_rounds(
    flows: Iterable[Flow],
    environment: Mapping[str, str],
    *,
    site_calls: Callable[[], int],
    listed: Sequence[Mapping[str, str]],
    tell: Callable[[str], None] = lambda _: None,
) -> RecordedCounts:
    """Count a round of each flow, one after the other, and one message.

    Args:
        flows: The flows.
        environment: Settings that lead to the sample world.
        site_calls: Counts the pages of sites that were asked for so far.
        listed: Leads of a flow that takes a list.
        tell: Told of each flow before its round.

    Raises:
        RuntimeError: A process failed. The message has its output.
    """
    found = list[FlowCounts]()
    for flow in flows:
        tell(flow.flow_id)
        given = {"leads": list(listed)} if flow.discover.assistant_id == IMPORT else {}
        before = site_calls()
        counts = FlowCounts.model_validate(_in_process([flow.flow_id, json.dumps(given)], environment))
        found.append(counts.model_copy(update={"site_calls": site_calls() - before}))
    return RecordedCounts(flows=found, mail=MailCounts.model_validate(_in_process(["--mail"], environment)))


def _in_process(arguments: Sequence[str], environment: Mapping[str, str]) -> Any:
    with TemporaryDirectory(prefix="agentic-sales-counts-") as folder:
        upgrade(Settings(state_dir=Path(folder)))
        own = {**environment, "AGENTIC_SALES_STATE_DIR": folder, "AGENTIC_SALES_SOURCE_LIMITS": None}
        own |= dict.fromkeys(("DATABASE_URL", "AGENTIC_SALES_MODEL", "AGENTIC_SALES_MODEL_DEEP"))
        command = [sys.executable, "-m", __name__, *arguments]
        done = subprocess.run(  # noqa: S603 - it is this interpreter, with the id of a flow
            command, env=child_environment(own), capture_output=True, text=True, timeout=_LONGEST_S, check=False
        )
    if done.returncode:
        raise RuntimeError(f"the round of {arguments[0]} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


async def count_round(flow: Flow, given: Mapping[str, Any]) -> FlowCounts:
    """Count a round of a flow in this process."""
    runner, limiter, meter = CountingRunner(), CountingLimiter(), PromptMeter()
    row, at = control_plane().row(LEAD_FLOW), VirtualClock(datetime.now(UTC))
    current_sub_runner.set(runner)
    current_place.set(Place(limiter=limiter))
    current_meter.set(meter)
    graph, began_s = load_graph(row).graph, time.process_time()
    standing: FlowRoundRow | None = None
    counts: Mapping[str, int] = {}
    with clock.going_by(at.now), acting_as(row):
        await _begin(flow, given, at.now())
        # A run on another thread than the round's own makes one visit and ends.
        for _ in range(MOST_VISITS):
            await graph.ainvoke({"flow": flow.flow_id, "round": _ROUND})
            async with current_database(settings()).reading() as connection:
                standing = await flow_round(connection, _ROUND)
                counts = await stage_counts(connection, round_id=_ROUND)
            if standing is None or standing.state != "running":
                break
            at.forward_to((standing.wake_at or at.now()) + timedelta(seconds=1))
    if standing is None or standing.state != FINISHED:
        raise RuntimeError(f"the round is {standing.state if standing else 'gone'}: {standing and standing.reason}")
    return FlowCounts(
        flow_id=flow.flow_id,
        found=sum(counts.values()),
        kept=sum(count for stage, count in counts.items() if stage in _KEPT),
        mails=len(flow.outreach.mails),
        runs=dict(sorted(runner.runs.items())),
        **meter.counts.model_dump(),
        sources=limiter.by_source(settings()),
        cpu_s=round(time.process_time() - began_s, 1),
    )


async def _begin(flow: Flow, given: Mapping[str, Any], now: datetime) -> None:
    order = RoundOrder(flow.flow_id, budget_usd=1_000.0, given=given)
    await begin_round(current_database(settings()), _ROUND, order, trace={}, now=now)


async def count_mail() -> MailCounts:
    """Count the prompts of one message, by the example of the workflow that writes it."""
    meter, row = PromptMeter(), control_plane().row(WRITES_MAILS)
    current_meter.set(meter)
    loaded = load_graph(row)
    with acting_as(row):
        await loaded.graph.ainvoke(dict(loaded.module.EXAMPLE))
    return meter.counts


def _accounts(configuration: Settings) -> dict[str, str]:
    """Return the name of the source of each account that this configuration can have."""
    values = configuration.model_dump()
    urls = [value.rstrip("/") for name, value in values.items() if name.endswith("_url") and isinstance(value, str)]
    secrets = {"", *(one.get_secret_value() for one in values.values() if hasattr(one, "get_secret_value"))}
    names = {kind.name for kind in _kinds(Source) if getattr(kind, "name", "")}
    return {account_of(name, url, secret): name for name in names for url in urls for secret in secrets}


def _kinds(kind: type[Source]) -> Iterator[type[Source]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


async def _main() -> None:
    flow_id, *rest = sys.argv[1:]
    if flow_id == "--mail":
        told = (await count_mail()).model_dump(mode="json")
    else:
        told = (await count_round(control_plane().flow(flow_id), json.loads(rest[0]))).model_dump(mode="json")
    await close_current_database()
    print(json.dumps(told))  # noqa: T201 - the asking process reads it


if __name__ == "__main__":
    asyncio.run(_main())
