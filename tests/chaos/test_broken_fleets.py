"""Break a fleet in every way, in short; `make chaos` is the long form."""

from collections.abc import Iterator

import pytest

from tests.chaos.arena import Arena
from tests.chaos.scenarios import ON_A_FLEET, Scenario
from tests.chaos.short import hold, short_arena


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """One fleet for all scenarios."""
    with short_arena(tmp_path_factory.mktemp("chaos")) as arena:
        yield arena


@pytest.mark.parametrize("scenario", ON_A_FLEET, ids=lambda scenario: scenario.__name__)
def test_what_was_promised_holds_when_things_break(
    scenario: Scenario, arena: Arena, capsys: pytest.CaptureFixture[str]
) -> None:
    hold(scenario, arena, capsys)
