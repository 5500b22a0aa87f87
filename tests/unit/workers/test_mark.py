"""What a child leaves behind of what it did last."""

import os
import signal

import pytest

from agentic_sales.workers.mark import Mark, entry_of

FIRST, SECOND = "01890000-0000-7000-8000-000000000001", "01890000-0000-7000-8000-000000000002"


def test_the_run_whose_step_was_executed_is_named_after_a_kill() -> None:
    mark = Mark()
    pid = os.fork()
    if pid == 0:
        mark.enter(entry_of(FIRST))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert mark.culprit == FIRST


def test_nobody_is_named_where_no_step_was_executed() -> None:
    mark = Mark()
    mark.enter(entry_of(FIRST))
    mark.leave()
    assert mark.culprit is None


def test_a_run_that_is_to_blame_is_named_before_the_one_whose_step_was_executed() -> None:
    mark = Mark()
    mark.blame(FIRST)
    mark.enter(entry_of(SECOND))
    assert mark.culprit == FIRST


def test_an_id_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"run id 'x' has 1 characters; expected the 36 of a UUID"):
        entry_of("x")
