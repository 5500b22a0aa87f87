"""The pinned versions of the two environments agree."""

from tests.support.fleet import PROJECT

HELD_BACK = {"jsonschema_rs", "protobuf", "structlog"}
"""What langgraph-api does not take in the versions that ours uses."""


def pins(path: str) -> dict[str, str]:
    lines = (PROJECT / path).read_text("utf-8").splitlines()
    return {name: version for name, _, version in (line.partition("==") for line in lines if not line.startswith("#"))}


def test_langgraph_dev_runs_with_the_versions_of_the_product_where_it_can() -> None:
    ours, theirs = pins("constraints.txt"), pins("tests/langgraph-dev.txt")
    assert {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]} == HELD_BACK


def test_every_pin_is_one_exact_version() -> None:
    for path in ("constraints.txt", "tests/langgraph-dev.txt"):
        assert [name for name, version in pins(path).items() if not version] == []
