"""Let weeks of campaigns pass, in short."""

import pytest

from tests.chaos.scenarios import MONTHS, Scenario
from tests.chaos.short import hold, short_arena

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.parametrize("scenario", MONTHS, ids=lambda scenario: scenario.__name__)
def test_weeks_of_campaigns_keep_every_rule(
    scenario: Scenario, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    with short_arena(tmp_path_factory.mktemp("chaos"), is_empty=True) as arena:
        hold(scenario, arena, capsys)
