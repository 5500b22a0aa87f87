"""Find the runs of flows that name a person. Their steps read whole teams, so they are about other leads, too."""

from collections.abc import AsyncIterator, Collection
from itertools import count

from agentic_sales.campaigns.leads.arms import MOST_ROUNDS
from agentic_sales.campaigns.leads.desk import thread_of
from agentic_sales.contracts import RunId
from agentic_sales.facade.state import FacadeState
from agentic_sales.runs.reaching import reaching_redis
from agentic_sales.store.flow_rounds import flow_rounds
from agentic_sales.store.traces import naming

RUNS_AT_ONCE = 100
"""Runs that are read at a time, with inputs and answers."""


async def step_runs_naming(facade: FacadeState, words: Collection[str]) -> list[RunId]:
    """Return the runs that rounds of flows asked for and whose input or answer has one of some words.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    is_named, found = naming(words), list[RunId]()
    async for ids in _step_runs(facade):
        with reaching_redis("reading runs of flows"):
            told = await facade.runs.ledger.payloads(ids)
        found += [run_id for run_id, values in told if is_named(*values)]
    return found


async def _step_runs(facade: FacadeState) -> AsyncIterator[list[RunId]]:
    """Yield the runs below the visits to rounds, a part at a time."""
    async with facade.database.reading() as connection:
        rounds = await flow_rounds(connection, limit=MOST_ROUNDS)
    for row in rounds:
        for start in count(0, RUNS_AT_ONCE):
            visits = await facade.threads.runs(thread_of(row.round_id), limit=RUNS_AT_ONCE, offset=start, status=None)
            ids = await facade.runs.with_sub_runs(record.run_id for record in visits)
            for first in range(0, len(ids), RUNS_AT_ONCE):
                yield ids[first : first + RUNS_AT_ONCE]
            if len(visits) < RUNS_AT_ONCE:
                break
