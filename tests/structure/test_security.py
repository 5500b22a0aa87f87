"""`SECURITY.md` names tests, kinds and limits that are there."""

import re
from pathlib import Path

import pytest

from agentic_sales.facade import connection
from agentic_sales.facade.connections import CallerConnections
from agentic_sales.facade.fleet.request_metrics import RequestMetrics
from agentic_sales.settings import Settings
from agentic_sales.store.threads import MOST_SOUGHT
from tests.hostile.kinds import KINDS

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_test_that_it_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", TEXT))
    assert named - {path.name for path in (PROJECT / "tests").rglob("test_*.py")} == set()
    assert len(named) > 10


def test_every_kind_that_it_names_is_tried_and_every_kind_that_is_tried_is_named() -> None:
    kinds = {kind.name for kind in KINDS} | {"heads"}
    named = {
        name for told in re.findall(r"kinds? ((?:`\w+`(?:, | and )?)+)", TEXT) for name in re.findall(r"\w+", told)
    }
    assert named - {"and"} == kinds


@pytest.mark.parametrize(
    "promise",
    [
        f"head ≤ {connection.LARGEST_HEAD_BYTES // 1024} KiB and {connection.MOST_HEADERS} headers",
        f"target ≤ {connection.LONGEST_TARGET_BYTES // 1024} KiB",
        f"{connection.MOST_PIPELINED} pipelined requests",
        f"at most {MOST_SOUGHT} metadata values",
        f"{Settings.model_fields['connections_per_address'].default:,} connections of an address",
    ],
)
def test_a_limit_that_it_promises_is_the_one_in_force(promise: str) -> None:
    assert promise in " ".join(TEXT.split())


def test_the_times_that_it_promises_are_those_in_force() -> None:
    limits = CallerConnections(per_address=1, requests=RequestMetrics())
    assert f"{limits.head_within_s:g} s for a head, {limits.body_pause_s:g} s between bytes of a body" in TEXT
    assert f"{limits.unread_s:g} s to read an answer" in TEXT
