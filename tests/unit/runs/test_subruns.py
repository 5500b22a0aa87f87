"""A graph asks another workflow for many inputs, a few at the same time."""

import asyncio
from collections.abc import Mapping
from typing import Any

from agentic_sales.errors import RunFailed
from agentic_sales.rehearsal.in_process import InProcessSubRunner
from agentic_sales.runs.subruns import SubRun, current_sub_runner, run_each


class Counted(InProcessSubRunner):
    """Counts what runs at the same time, and fails for one input."""

    def __init__(self) -> None:
        self.now, self.most = 0, 0

    async def run(self, assistant_id: str, values: Mapping[str, Any]) -> SubRun:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0)
            if values["location"] == "nowhere":
                raise RunFailed("r", "bug", "it broke", is_retryable=False)
            return await super().run(assistant_id, values)
        finally:
            self.now -= 1


async def test_each_input_gets_its_answer_or_its_error_in_order_and_no_more_run_at_once_than_allowed() -> None:
    runner = Counted()
    token = current_sub_runner.set(runner)
    try:
        inputs = [{"location": place} for place in ("Paris, France", "nowhere", "Porto, Portugal", "Rome, Italy")]
        answers = await run_each("country_classify", inputs, at_once=2)
    finally:
        current_sub_runner.reset(token)
    told = [answer.output["country"] if isinstance(answer, SubRun) else type(answer) for answer in answers]
    assert told == ["FR", RunFailed, "PT", "IT"]
    assert runner.most == 2
