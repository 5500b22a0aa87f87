"""Flows: what a row may say, and that the registries have every step of it."""

import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.control import build_control_plane
from agentic_sales.errors import ConfigurationError, UnknownFlow
from agentic_sales.flows import (
    BY_FLOW,
    FLOWS,
    Discovery,
    Flow,
    FlowError,
    LeadScore,
    LeadStep,
    Limits,
    Mail,
    Outreach,
    SearchArms,
    index_flows,
    load_flows,
)
from agentic_sales.registry import BY_ID
from agentic_sales.settings import Settings

SCORE = LeadScore("find_decision_maker", "company_people", "decision_maker", 0.5)
SMALL = Flow(
    "small",
    "A small one.",
    Discovery("company_discovery", "companies", {"seed_query": "x"}),
    (LeadStep("company_enrichment", "company_site"),),
    SCORE,
    "decision_maker",
    Outreach("legitimate_interest", "the page"),
)
OURS = "from dataclasses import replace\nfrom agentic_sales.flows import FLOWS as OURS\n"


@pytest.fixture
def own_flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module `team_flows` of another team on the path, still empty."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path / "team_flows.py"
    sys.modules.pop("team_flows", None)


def test_a_flow_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        SMALL.people = "nobody"  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        ("discover", {"discover": Discovery("company_discvery", "companies")}),
        ("enrich[1]", {"enrich": (*SMALL.enrich, LeadStep("nothing", "company"))}),
        ("enrich[0]", {"enrich": (LeadStep("import", "company"),)}),
        ("score", {"score": replace(SCORE, assistant_id="import")}),
        ("outreach.mails[0]", {"outreach": replace(SMALL.outreach, mails=(Mail(workflow="email"),))}),
    ],
)
def test_a_step_that_no_registry_has_is_named_with_its_flow_and_its_place(place: str, changes: dict[str, Any]) -> None:
    wrong = replace(SMALL, **changes)
    named = dict(wrong.assistants())[place]
    with pytest.raises(FlowError) as refused:
        index_flows([wrong], known=BY_ID)
    assert f"flow `small`: {place} is `{named}`" in str(refused.value)


def test_the_leads_of_a_flow_may_come_from_a_file() -> None:
    of_file = replace(SMALL, discover=Discovery("import", "companies"))
    assert index_flows([of_file], known=BY_ID) == {"small": of_file}


@pytest.mark.parametrize("threshold", [None, 0, -0.1, 1.1, True, "0.6", float("nan")])
def test_a_flow_without_a_threshold_is_refused(threshold: Any) -> None:
    with pytest.raises(FlowError, match=r"flow `small`: score\.threshold is"):
        replace(SMALL, score=replace(SCORE, threshold=threshold))


def test_a_flow_without_a_score_is_refused() -> None:
    with pytest.raises(FlowError, match="flow `small`: score is None; expected a LeadScore with a threshold"):
        replace(SMALL, score=None)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize("limits", [Limits(leads=0), Limits(at_once=0), Limits(budget_usd=-1.0)])
def test_a_limit_that_lets_nothing_through_is_refused(limits: Limits) -> None:
    with pytest.raises(FlowError, match="expected a number above 0"):
        replace(SMALL, limits=limits)


def test_what_a_round_chooses_among_is_learnt_from_and_has_different_names() -> None:
    arms = SearchArms("source", "sources", ("a", "b"))
    with pytest.raises(FlowError, match=r"flow `small`: learns_from is .*; expected `source` among them"):
        replace(SMALL, discover=replace(SMALL.discover, arms=(arms,)))
    twice = SearchArms("query", "seed_query", ("a", "a"))
    with pytest.raises(FlowError, match=r"flow `small`: arms of kind query is .*; expected different names"):
        replace(SMALL, discover=replace(SMALL.discover, arms=(twice,)))


@pytest.mark.parametrize("flow_id", ["", "Open", "open-source", "2nd"])
def test_an_id_that_is_no_id_is_refused(flow_id: str) -> None:
    with pytest.raises(FlowError, match="flow_id"):
        replace(SMALL, flow_id=flow_id)


def test_two_flows_of_one_id_are_both_named() -> None:
    with pytest.raises(FlowError) as refused:
        index_flows([SMALL], [replace(SMALL, people="dossier")], known=BY_ID)
    assert "flow `small` is there twice" in str(refused.value)
    assert "people='dossier'" in str(refused.value)


def test_the_score_comes_after_the_enrichment_and_before_what_only_kept_leads_get() -> None:
    late = LeadStep("contact_enrich", "person", is_for_kept=True)
    flow = replace(SMALL, enrich=(late, *SMALL.enrich))
    assert flow.steps == (*SMALL.enrich, SCORE, late)


def test_a_team_adds_flows_of_its_own(own_flows: Path) -> None:
    own_flows.write_text(f"{OURS}FLOWS = (replace(OURS[0], flow_id='ours'),)\n")
    plane = build_control_plane(Settings(extra_flows=("team_flows",)))
    assert list(plane.flows) == [*BY_FLOW, "ours"]
    with pytest.raises(UnknownFlow, match="unknown flow `theirs`; this fleet has consultancies, open_source"):
        plane.flow("theirs")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nothing_at_all", "extra flows `team_flows` cannot be imported: ModuleNotFoundError"),
        ("FLOWS = 5", "extra flows `team_flows` must expose FLOWS, a tuple of Flow; found 5"),
        ("FLOWS = ('x',)", "a table of flows holds Flow rows; found 'x'"),
        ("from agentic_sales.flows import FLOWS", "flow `consultancies` is there twice"),
        (
            f"{OURS}FLOWS = (replace(OURS[0], flow_id='ours', people='somebody'),)",
            "flow `ours`: people is `somebody`; rules/lead_steps.py has decision_maker",
        ),
    ],
)
def test_flows_that_cannot_run_stop_the_start(own_flows: Path, text: str, told: str) -> None:
    own_flows.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        build_control_plane(Settings(extra_flows=("team_flows",)))
    assert told in str(refused.value)


def test_the_steps_of_our_flows_are_rows() -> None:
    assert load_flows(known=BY_ID) == {flow.flow_id: flow for flow in FLOWS}
