"""No input of a stranger stops the product, short form; `make hostile` tries for as long as it is let."""

import sys

import pytest

from agentic_sales.settings import Settings
from tests.hostile.heads import heads
from tests.hostile.kinds import KINDS, Kind, tried
from tests.hostile.operations import failures_of

INPUTS = 100
HEADS = 60
INPUTS_PER_OPERATION = 4


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_input_of_a_kind_is_read_or_refused(kind: Kind) -> None:
    became = tried(kind, most=INPUTS)
    sys.stdout.write(f"{became}\n")
    assert became.failure is None
    assert became.inputs >= INPUTS // 3, "too few inputs to say anything"


def test_no_head_of_a_request_stops_the_server_or_keeps_its_connection_open() -> None:
    with heads() as kind:
        became = tried(kind, most=HEADS)
    sys.stdout.write(f"{became}\n")
    assert became.failure is None


def test_every_operation_answers_what_its_document_promises(migrated: Settings, redis_url: str) -> None:
    became = failures_of(migrated.model_copy(update={"redis_url": redis_url}), most=INPUTS_PER_OPERATION)
    sys.stdout.write("".join(f"{one}\n" for one in became))
    assert [str(one) for one in became if one.failure] == []
    assert sum(one.inputs for one in became) > 100
