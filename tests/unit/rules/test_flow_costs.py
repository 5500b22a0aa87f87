"""What leads of a flow cost follows from the counts of one round."""

import pytest

from agentic_sales.rules.flow_costs import FlowCounts, MailCounts, SourceCalls, cost_table, flow_cost

MAIL = MailCounts(model_calls=2, input_tokens=1_000, output_tokens=100)
COUNTS = FlowCounts(
    flow_id="code",
    found=10,
    kept=5,
    mails=2,
    model_calls=10,
    input_tokens=20_000,
    output_tokens=1_000,
    sources={
        "github.code_search": SourceCalls(calls=4, limits=[(10, 60.0)]),
        "youtube.search": SourceCalls(calls=3, units=3, quota=100),
    },
    site_calls=20,
    cpu_s=6.0,
)


def usd(read: int, written: int) -> float:
    return (read * 1.0 + written * 10.0) / 1_000_000


def test_counts_are_scaled_to_the_leads_and_the_mails_of_kept_leads_are_paid_too() -> None:
    cost = flow_cost(COUNTS, MAIL, leads=1_000, children=8, price=usd)
    assert (cost.kept, cost.model_calls, cost.input_tokens, cost.output_tokens) == (500, 3_000, 3_000_000, 200_000)
    assert cost.usd == pytest.approx(5.0, rel=0.01)
    assert {one.source: one.calls for one in cost.sources} == {
        "github.code_search": 400,
        "youtube.search": 300,
        "sites": 2_000,
    }


def test_the_slowest_source_holds_the_leads_up_if_the_children_are_faster() -> None:
    cost = flow_cost(COUNTS, MAIL, leads=1_000, children=8, price=usd)
    assert (cost.sources[0].source, cost.sources[0].minutes) == ("youtube.search", 3 * 1_440)
    assert (cost.held_up_by, cost.minutes) == ("youtube.search", 3 * 1_440)
    assert next(one.minutes for one in cost.sources if one.source == "github.code_search") == 40.0
    work_s = 600 + 2_700 * 0.5 + 3_000 * 8
    assert cost.children_minutes == pytest.approx(work_s / 60 / 8, abs=0.1)
    few = flow_cost(COUNTS.model_copy(update={"sources": {}}), MAIL, leads=1_000, children=1, price=usd)
    assert (few.held_up_by, few.minutes) == ("children", few.children_minutes)


def test_a_model_without_a_price_costs_nobody_knows_what_and_not_nothing() -> None:
    cost = flow_cost(COUNTS, MAIL, leads=10, children=8, price=None)
    assert cost.usd is None
    assert "| unknown |" in cost_table([cost], children=8)


def test_a_round_that_found_nothing_tells_nothing() -> None:
    with pytest.raises(ValueError, match="the counted round of `code` found no lead"):
        flow_cost(COUNTS.model_copy(update={"found": 0}), MAIL, leads=10, children=8, price=usd)
