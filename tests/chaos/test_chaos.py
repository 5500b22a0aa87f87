"""The short form of `make chaos`: every scenario once, with few runs."""

from collections.abc import Iterator

import pytest

from tests.chaos.__main__ import CONSOLE
from tests.chaos.arena import Arena, open_arena
from tests.chaos.scenarios import SCENARIOS, Scenario

RUNS = 36
FREEZE_S = 16.0
"""Longer than the lease and the visibility timeout, so that the frozen worker's runs are taken over."""
SEED = 7


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """One fleet for all scenarios."""
    with open_arena(tmp_path_factory.mktemp("chaos"), seed=SEED, runs=RUNS, freeze_s=FREEZE_S) as arena:
        yield arena


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_what_was_promised_holds_when_things_break(
    scenario: Scenario, arena: Arena, capsys: pytest.CaptureFixture[str]
) -> None:
    report = scenario(arena)
    with capsys.disabled():
        CONSOLE.print(f"\n{scenario.__name__}: {report}")
    assert not report.broken, report
