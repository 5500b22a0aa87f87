"""The trace of one user action: carried as it came, started where there is none."""

import re

import pytest

from agentic_sales.contracts import TRACE_HEADERS
from agentic_sales.observability.tracing import LANGSMITH_BAGGAGE, TraceContext, parse_inbound

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


def test_the_four_headers_are_carried_as_they_came_and_no_other() -> None:
    sent = {
        "traceparent": TRACEPARENT,
        "tracestate": "congo=t61rcWkgMzE",
        "baggage": "userId=alice,isProduction=false",
        "langsmith-trace": "20240101T000000000000Zabc",
    }
    assert set(sent) == set(TRACE_HEADERS)
    trace = parse_inbound({**sent, "authorization": "Bearer secret", "x-request-id": "1"})
    assert dict(trace.headers) == sent
    assert trace.trace_id == TRACE_ID


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "garbage",
        TRACEPARENT.upper(),
        f"01-{TRACE_ID}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"{TRACEPARENT}-more",
        f"{TRACEPARENT}\n",
        f"00-{TRACE_ID[:-1]}-b7ad6b7169203331-01",
    ],
)
def test_a_trace_that_is_none_is_replaced_and_its_state_dropped(traceparent: str) -> None:
    trace = parse_inbound({"traceparent": traceparent, "tracestate": "congo=1", "baggage": "who=us"})
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", trace.headers["traceparent"])
    assert trace.trace_id != TRACE_ID
    assert dict(trace.headers) == {"traceparent": trace.headers["traceparent"], "baggage": "who=us"}


def test_every_action_without_a_trace_starts_one_of_its_own() -> None:
    assert len({parse_inbound({}).trace_id for _ in range(100)}) == 100


def test_an_endless_header_is_not_carried() -> None:
    trace = parse_inbound({"traceparent": TRACEPARENT, "baggage": "a" * 8193, "tracestate": "a" * 8192})
    assert trace.headers.keys() == {"traceparent", "tracestate"}


def test_both_baggages_travel_apart_and_leave_the_fleet_as_one() -> None:
    caller = parse_inbound({"traceparent": TRACEPARENT, "baggage": "who=us,langsmith-tags=a", "langsmith-trace": "x"})
    inside = TraceContext({**caller.headers, LANGSMITH_BAGGAGE: "langsmith-tags=b,langsmith-project=mails"})
    assert inside.headers["baggage"] == "who=us,langsmith-tags=a"
    assert inside.outbound() == {
        "traceparent": TRACEPARENT,
        "langsmith-trace": "x",
        "baggage": "who=us,langsmith-tags=b,langsmith-project=mails",
    }
    assert caller.outbound() == dict(caller.headers)


def test_a_trace_is_kept_as_its_flags_say_and_in_a_run_tree_that_goes_on() -> None:
    not_kept = parse_inbound({"traceparent": f"{TRACEPARENT[:-2]}00"})
    assert (parse_inbound({"traceparent": TRACEPARENT}).is_sampled, not_kept.is_sampled) == (True, False)
    assert not not_kept.is_in_run_tree
    assert parse_inbound({**not_kept.headers, "langsmith-trace": "x"}).is_in_run_tree
    assert (not_kept.is_decided, parse_inbound({}).is_decided) == (True, False)
