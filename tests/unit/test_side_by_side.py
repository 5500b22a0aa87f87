"""Work side by side keeps to its bounds, and what fails ends the rest."""

import asyncio

import pytest

from agentic_sales.side_by_side import ask_while


class Asked:
    """Answers twice the number after a moment, and counts."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.most = 0

    async def __call__(self, number: int) -> int:
        """Answer, or fail for a negative number."""
        self.begun.append(number)
        self.most = max(self.most, len(self.begun) - len(self.ended))
        await asyncio.sleep(0.001 * (number % 3))
        if number < 0:
            raise ValueError(f"{number} is negative")
        self.ended.append(number)
        return 2 * number


async def test_every_item_has_one_answer_in_the_order_of_the_items() -> None:
    asked = Asked()
    answers = await ask_while(range(20), asked, may_start=lambda under_way: under_way < 4)
    assert answers == [2 * number for number in range(20)]
    assert asked.most == 4


async def test_nothing_is_started_once_nothing_may_be_and_what_is_under_way_ends() -> None:
    asked = Asked()
    answers = await ask_while(range(20), asked, may_start=lambda under_way: under_way < 4 and len(asked.ended) < 5)
    assert len(answers) < 20
    assert answers == [2 * number for number in range(len(answers))]
    assert sorted(asked.ended) == list(range(len(answers)))


async def test_items_that_may_not_start_yet_start_after_an_answer() -> None:
    asked = Asked()
    answers = await ask_while(range(5), asked, may_start=lambda under_way: under_way == 0)
    assert (len(answers), asked.most) == (5, 1)


async def test_a_failure_is_raised_and_ends_the_others() -> None:
    asked = Asked()
    with pytest.raises(ValueError, match="-1 is negative"):
        await ask_while([2, -1, 2, 2], asked, may_start=lambda under_way: under_way < 2)
    before = [*asked.begun], [*asked.ended]
    await asyncio.sleep(0.02)
    assert (asked.begun, asked.ended) == before
    assert len(asked.begun) <= 3
