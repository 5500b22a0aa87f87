"""Kill campaigns at their durable steps, in short."""

import pytest

from tests.chaos.scenarios import CAMPAIGNS, Scenario
from tests.chaos.short import hold, short_arena

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("scenario", CAMPAIGNS, ids=lambda scenario: scenario.__name__)
def test_nothing_is_sent_twice_and_nobody_is_lost_when_campaigns_die(
    scenario: Scenario, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    with short_arena(tmp_path_factory.mktemp("chaos"), is_empty=True) as arena:
        hold(scenario, arena, capsys)
