"""A part of a run that is finished is not done again by a later attempt of the run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from agentic_sales.contracts import RunId
from agentic_sales.runs.budgets import NO_BUDGETS
from agentic_sales.runs.ledger import Ledger
from agentic_sales.runs.purse import Purse, current_purse
from agentic_sales.runs.remembered import remembered
from tests.support.recorded_runs import new_run, recorded


class Work:
    """Counts how often it is done."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> Mapping[str, Any]:
        """Do it."""
        self.times += 1
        return {"times": self.times}


@contextmanager
def in_run(ledger: Ledger, run_id: RunId) -> Iterator[None]:
    """Be an attempt of a run."""
    token = current_purse.set(Purse(ledger, run_id, "echo", NO_BUDGETS))
    try:
        yield
    finally:
        current_purse.reset(token)


async def test_a_part_is_done_once_however_often_its_run_begins(ledger: Ledger) -> None:
    run_id, work = await recorded(ledger, new_run()), Work()
    for _ in range(3):
        with in_run(ledger, run_id):
            assert await remembered("company:a", work) == {"times": 1}
    assert work.times == 1


async def test_another_part_and_another_run_have_their_own(ledger: Ledger) -> None:
    work = Work()
    for _ in range(2):
        with in_run(ledger, await recorded(ledger, new_run())):
            await remembered("company:a", work)
            await remembered("company:b", work)
    assert work.times == 4


async def test_a_part_that_is_not_to_be_kept_is_done_again(ledger: Ledger) -> None:
    run_id, work = await recorded(ledger, new_run()), Work()
    for times in (1, 2):
        with in_run(ledger, run_id):
            assert await remembered("company:a", work, is_kept=lambda found: found["times"] > 1) == {"times": times}
    with in_run(ledger, run_id):
        assert await remembered("company:a", work) == {"times": 2}


async def test_a_part_that_fails_is_done_again(ledger: Ledger) -> None:
    async def fail() -> Mapping[str, Any]:
        raise ValueError("not today")

    run_id, work = await recorded(ledger, new_run()), Work()
    with in_run(ledger, run_id):
        with pytest.raises(ValueError, match="not today"):
            await remembered("company:a", fail)
        assert await remembered("company:a", work) == {"times": 1}


async def test_outside_a_worker_nothing_is_remembered() -> None:
    work = Work()
    for times in (1, 2):
        assert await remembered("company:a", work) == {"times": times}
