"""List runs with the latest first. An index of the last runs makes a list cost no more than its page.

The index holds ids alone. A run with an expired record is passed over.
"""

from collections.abc import Callable
from itertools import count

from agentic_sales.contracts import RunId
from agentic_sales.runs.ledger import RUNS_KEY, Ledger, RunRecord

_PAGE = 200


async def latest_runs(
    ledger: Ledger, is_wanted: Callable[[RunRecord], bool], *, limit: int, offset: int = 0
) -> list[RunRecord]:
    """Return the requested runs with the latest first.

    Args:
        ledger: The record of runs.
        is_wanted: Says whether a run belongs to the list.
        limit: Most runs to return.
        offset: Wanted runs to pass over.
    """
    found: list[RunRecord] = []
    for start in count(step=_PAGE):
        async with ledger.in_time():
            ids: list[bytes] = await ledger.redis.zrevrange(  # type: ignore[assignment]  # without scores, members only
                RUNS_KEY, start, start + _PAGE - 1
            )
        found += [record for record in await ledger.load_all(RunId(i.decode()) for i in ids) if is_wanted(record)]
        if len(ids) < _PAGE or len(found) >= offset + limit:
            break
    return found[offset : offset + limit]
