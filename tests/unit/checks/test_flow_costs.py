"""The page tells what the command tells, and the recorded counts are those of today's flows."""

import json

import pytest
from typer.testing import CliRunner

from agentic_sales.checks.flow_costs import CHILDREN, LEADS, MODEL, PAGE, flow_costs, own_counts, with_flow_costs
from agentic_sales.cli.main import app
from agentic_sales.cli.views.costs import measured
from agentic_sales.flows import BY_FLOW
from agentic_sales.rules.flow_costs import FlowCost, cost_table
from tests.structure.sources import ROOT


def test_the_table_of_the_page_is_what_the_command_prints() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert with_flow_costs(page) == page, "run `agentic-sales gen`"
    options = ["--leads", str(LEADS), "--children", str(CHILDREN), "--model", MODEL, "--json"]
    printed = CliRunner().invoke(app, ["flows", "cost", *options])
    assert printed.exit_code == 0, printed.output
    costs = [FlowCost.model_validate(told) for told in json.loads(printed.stdout)]
    assert cost_table(costs, children=CHILDREN) in page


def test_every_flow_was_counted_with_the_workflows_that_it_has_today() -> None:
    counts = {one.flow_id: one for one in own_counts().flows}
    assert counts.keys() == BY_FLOW.keys()
    for flow_id, one in counts.items():
        flow = BY_FLOW[flow_id]
        assert one.mails == len(flow.outreach.mails)
        assert flow.score.assistant_id in one.runs, f"`agentic-sales flows measure {flow_id}` is due"
    assert all(cost.usd for cost in flow_costs(own_counts()))


def test_a_flow_that_was_not_counted_is_named_with_those_that_were() -> None:
    refused = CliRunner().invoke(app, ["flows", "cost", "nothing"])
    assert refused.exit_code == 2
    assert "no counts of flow `nothing`; there are: consultancies" in " ".join(refused.stderr.split())


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("flow_id", ["code", "segments"])
def test_a_round_asks_today_for_what_was_recorded(flow_id: str) -> None:
    recorded = next(one for one in own_counts().flows if one.flow_id == flow_id)
    [today] = measured([BY_FLOW[flow_id]], tell=lambda _: None).flows
    assert (today.runs, today.sources, today.found) == (recorded.runs, recorded.sources, recorded.found)
    assert today.input_tokens == pytest.approx(recorded.input_tokens, rel=0.2)
