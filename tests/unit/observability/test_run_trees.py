"""What a caller's headers may say of a run tree, and what leaves the process of one."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from langsmith import Client, configure

from agentic_sales.control import build_control_plane
from agentic_sales.observability.run_trees import RunTrees, Sink, believed
from agentic_sales.observability.tracing import LANGSMITH_BAGGAGE, TraceContext
from agentic_sales.settings import Settings
from tests.support.langsmith_server import LangSmith, langsmith_server

PARENT = "01a20df2-689c-729b-b398-04ad7ad4d563"
DOTTED_ORDER = f"20261124T142520104225Z{PARENT}"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Taken:
    """A client that keeps what it is given."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []

    def create_run(self, **run: Any) -> None:
        self.runs.append(run)

    update_run = create_run


@pytest.fixture
def langsmith() -> Iterator[LangSmith]:
    with langsmith_server() as server:
        yield server


@pytest.fixture
def trees(langsmith: LangSmith) -> Iterator[RunTrees]:
    environment = {**langsmith.environment, "LANGSMITH_PROJECT": "all", "EMAIL_LANGSMITH_PROJECT": "mails"}
    configuration = Settings.model_validate(environment)
    trees = RunTrees(configuration, build_control_plane(configuration))
    assert trees.client.info.version  # asked in the background else, when the server may be gone
    yield trees
    trees.close()
    configure(enabled=None)


def sink(*, is_shown: bool, is_kept: bool) -> tuple[Sink, Taken]:
    taken = Taken()
    return Sink(cast("Client", taken), is_shown=is_shown, is_kept=is_kept), taken


def a_run(**fields: Any) -> dict[str, Any]:
    return {
        "name": "echo",
        "inputs": {"to": "jane@acme.example"},
        "outputs": None,
        "tags": ["of jane@acme.example"],
    } | fields


def test_a_pool_without_a_project_of_its_own_writes_to_the_common_one(trees: RunTrees) -> None:
    assert (trees.project("email_compose"), trees.project("pipeline")) == ("mails", "all")


def test_a_run_goes_on_below_the_parent_that_the_headers_name(trees: RunTrees) -> None:
    gate, _ = sink(is_shown=False, is_kept=True)
    trace = TraceContext({"traceparent": TRACEPARENT, "langsmith-trace": DOTTED_ORDER, "baggage": "langsmith-tags=a"})
    parent = trees.parent(trace, gate, "mails")
    assert parent is not None
    assert (str(parent.id), parent.session_name, parent.tags) == (PARENT, "mails", ["a"])


@pytest.mark.parametrize("dotted_order", ["", "x", PARENT, f"{DOTTED_ORDER}.", f"{DOTTED_ORDER}\n{DOTTED_ORDER}"])
def test_a_parent_that_cannot_be_one_is_ignored(trees: RunTrees, dotted_order: str) -> None:
    gate, _ = sink(is_shown=False, is_kept=True)
    trace = TraceContext({"traceparent": TRACEPARENT, "langsmith-trace": dotted_order})
    assert trees.parent(trace, gate, "mails") is None


def test_of_a_callers_baggage_only_metadata_and_tags_are_believed() -> None:
    sent = "who=us, langsmith-tags=a,langsmith-project=theirs,langsmith-replicas=%5B%5D,langsmith-metadata=%7B%7D"
    assert believed({"baggage": sent}) == "langsmith-tags=a,langsmith-metadata=%7B%7D"
    assert (
        believed({"baggage": sent, LANGSMITH_BAGGAGE: "langsmith-tags=b,langsmith-project=ours"}) == "langsmith-tags=b"
    )
    assert believed({}) == ""


def test_what_people_wrote_does_not_even_reach_the_client_unless_it_is_shown() -> None:
    gate, taken = sink(is_shown=False, is_kept=True)
    gate.create_run(**a_run(error="ValueError('x')\n\nTraceback (most recent call last): …"))
    shown, shown_taken = sink(is_shown=True, is_kept=True)
    shown.create_run(**a_run())
    assert taken.runs == [a_run(inputs={}, tags=["of [email]"], error="ValueError('x')")]
    assert shown_taken.runs[0]["inputs"] == {"to": "jane@acme.example"}  # the client redacts it


def test_a_run_that_is_not_kept_waits_and_is_sent_whole_once_it_has_failed() -> None:
    gate, taken = sink(is_shown=False, is_kept=False)
    gate.create_run(**a_run())
    gate.update_run(**a_run(outputs={"y": 1}))
    assert taken.runs == []
    gate.keep()
    gate.create_run(**a_run(name="later"))
    assert [run["name"] for run in taken.runs] == ["echo", "echo", "later"]


def test_the_link_to_a_run_is_known_once_langsmith_has_told_of_its_project(
    trees: RunTrees, langsmith: LangSmith
) -> None:
    assert trees.url("email_compose", PARENT) is None
    trees.learn_projects()
    assert langsmith.projects.keys() == {"all", "mails"}
    assert (trees.url("email_compose", PARENT) or "").endswith(f"/p/{langsmith.projects['mails']}/r/{PARENT}?poll=true")
