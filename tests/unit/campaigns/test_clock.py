"""The clock of campaigns: a file that a whole fleet reads, and that never goes back."""

from datetime import UTC, timedelta
from pathlib import Path

import pytest

from agentic_sales.campaigns.visits.clock import ClockFile
from agentic_sales.errors import ConfigurationError
from tests.support.small_campaign import NOW, later


@pytest.fixture
def clock(tmp_path: Path) -> ClockFile:
    """A clock that shows NOW."""
    clock = ClockFile(tmp_path / "clock")
    clock.forward_to(NOW)
    return clock


def test_it_shows_in_utc_what_it_was_put_forward_to(clock: ClockFile) -> None:
    clock.forward_to(later(days=3).astimezone())
    assert clock.now() == later(days=3)
    assert clock.now().tzinfo is UTC


def test_it_never_goes_back(clock: ClockFile) -> None:
    clock.forward_to(NOW - timedelta(seconds=1))
    assert clock.now() == NOW


@pytest.mark.parametrize("shown", ["", "tomorrow", "2026-03-02T10:00:00"])
def test_a_file_that_shows_no_moment_is_named(clock: ClockFile, shown: str) -> None:
    clock.path.write_text(shown)
    with pytest.raises(ConfigurationError, match=str(clock.path)):
        clock.now()


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no-clock"):
        ClockFile(tmp_path / "no-clock").now()
