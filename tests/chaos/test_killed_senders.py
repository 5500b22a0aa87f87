"""Kill senders at every point of the send door, in short."""

import pytest

from tests.chaos.scenarios import SENDERS, Scenario
from tests.chaos.short import hold, short_arena

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("scenario", SENDERS, ids=lambda scenario: scenario.__name__)
def test_no_mail_leaves_twice_and_no_unknown_is_hidden_when_senders_die(
    scenario: Scenario, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    with short_arena(tmp_path_factory.mktemp("chaos"), is_empty=True) as arena:
        hold(scenario, arena, capsys)
