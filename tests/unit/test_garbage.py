"""The garbage collector rests while a process loads what it keeps for life."""

import gc

import pytest

from agentic_sales.garbage import uncollected


def test_nothing_is_collected_while_modules_load_and_again_after_one_that_fails() -> None:
    def load() -> None:
        with uncollected():
            assert not gc.isenabled()
            raise ImportError

    with pytest.raises(ImportError):
        load()
    assert gc.isenabled()
