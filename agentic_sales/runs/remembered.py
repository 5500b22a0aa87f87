"""Keep finished parts of a run in the ledger, so that a later attempt of the run does not do them again.

A worker can die in the middle of a long node. Its run is then delivered again and begins with its input. A part that
was remembered is not done a second time. Outside a worker nothing is remembered.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agentic_sales.runs.patience import patiently
from agentic_sales.runs.purse import current_purse

Part = Mapping[str, Any]
"""Result of a part of a run, as JSON has it."""


def _always(_: Part) -> bool:
    return True


async def remembered(
    name: str, work: Callable[[], Awaitable[Part]], *, is_kept: Callable[[Part], bool] = _always
) -> Part:
    """Do a part of the current run, or return the result of an earlier attempt of the run.

    Args:
        name: Name of the part. No other part of the run has it.
        work: Does the part.
        is_kept: Tells of a result whether it is remembered. A later attempt does the part again if it is not.
    """
    purse = current_purse.get()
    if purse is None:
        return await work()
    ledger, run_id = purse.ledger, purse.run_id
    known = await patiently(lambda: ledger.note(run_id, name), run_id)
    if known is not None:
        return known
    found = await work()
    if is_kept(found):
        return await patiently(lambda: ledger.note_once(run_id, name, found), run_id)
    return found
