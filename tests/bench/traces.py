"""What tracing costs a run: nothing worth a name where it is off, and where it is on, as a share of the rate."""

import time

from agentic_sales.contracts import RunId
from agentic_sales.observability.spans import RunIdentity, publishing
from agentic_sales.observability.tracing import parse_inbound
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.ledger import Claim, Outcome
from agentic_sales.workers.child.traced import traced, traced_config

OFF_ROUNDS = 20_000


def off_us_per_run() -> float:
    """Return the microseconds that a run spends on being traced where tracing is off, facade and worker together."""
    row, identity = GraphSpec("echo", "tests.workflows.echo"), RunIdentity("echo", "run", "thread", "core")
    claim = Claim(RunId("run"), 1, is_exhausted=False, request={}, trace=parse_inbound({}))
    outcome, config = Outcome(claim.run_id, "success", b"{}", None), {"run_name": "echo"}
    started_s = time.perf_counter()
    for _ in range(OFF_ROUNDS):
        with publishing(claim.trace, identity):
            pass
        with traced(row, claim, queue="core") as trace:
            traced_config(config)
            trace.end(outcome)
    return 1e6 * (time.perf_counter() - started_s) / OFF_ROUNDS
