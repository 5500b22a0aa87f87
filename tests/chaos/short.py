"""Run scenarios in their short form, with few runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.__main__ import CONSOLE
from tests.chaos.arena import Arena, open_arena
from tests.chaos.scenarios import Scenario

RUNS = 36
FREEZE_S = 16.0
"""Longer than the lease and the visibility timeout, so that the frozen worker's runs are taken over."""
SEED = 7


@contextmanager
def short_arena(directory: Path, *, is_empty: bool = False) -> Iterator[Arena]:
    """Open an arena for short scenarios."""
    with open_arena(directory, seed=SEED, runs=RUNS, freeze_s=FREEZE_S, is_empty=is_empty) as arena:
        yield arena


def hold(scenario: Scenario, arena: Arena, capsys: pytest.CaptureFixture[str]) -> None:
    """Run a scenario and print its report. Fail when a promise is broken."""
    report = scenario(arena)
    with capsys.disabled():
        CONSOLE.print(f"\n{scenario.__name__}: {report}")
    assert not report.broken, report
