"""One action is one trace: from the caller through the facade, the queues and the workers to every node."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from agentic_sales.outbound.http import httpx
from tests.acceptance.examples import example_of
from tests.support.collector import Collector, Sent, collector
from tests.support.fleet import MISBEHAVING, ONLY_CORE, WEB, WORKERS, Fleet, fleet_of
from tests.support.javascript import installed, run_script
from tests.support.langsmith_server import langsmith_server
from tests.support.services import redis_server
from tests.support.waiting import eventually

JAVASCRIPT_PACKAGES = (
    *("@langchain/langgraph-sdk@2.0.0", "@langchain/core@1.2.13", "@opentelemetry/api@1.9.1"),
    *("@opentelemetry/sdk-trace-node@2.12.0", "@opentelemetry/exporter-trace-otlp-proto@0.223.1"),
)
SCRIPT = Path(__file__).with_name("traced_call.mjs")
POOLS_OF_PIPELINE = {"core", "discovery", "classify", "email"}
EMAIL, PHONE, KEY = "jane.doe@acme.example", "+49 30 1234567", "sk-live-0123456789abcdef"
PLANTED = f"write to {EMAIL}, call {PHONE}, use {KEY}"
SETTINGS = {
    "AGENTIC_SALES_TRACE_SAMPLE": "sleepy=0,boom=0",
    "AGENTIC_SALES_TRACE_PAYLOADS": "echo",
}


@pytest.fixture(scope="module")
def spans() -> Iterator[Collector]:
    """The collector that the fleet sends its spans to."""
    with collector() as collected:
        yield collected


@pytest.fixture(scope="module")
def traced_fleet(tmp_path_factory: pytest.TempPathFactory, sample_site: str, spans: Collector) -> Iterator[Fleet]:
    """A fleet whose tracing is on."""
    directory = tmp_path_factory.mktemp("traced")
    site = {"AGENTIC_SALES_ALLOW_PRIVATE_HOSTS": urlsplit(sample_site).netloc}
    environment = {**MISBEHAVING, **spans.environment, **SETTINGS, **site}
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=(WEB, *WORKERS)) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


def asked(fleet: Fleet, assistant_id: str, values: dict[str, object], **headers: str) -> httpx.Response:
    return fleet.http.post("/runs/wait", json={"assistant_id": assistant_id, "input": values}, headers=headers)


def chain(trace: dict[str, Sent], *names: str) -> bool:
    """Tell whether each span is the parent of the next."""
    return all(trace[child].parent_id == trace[parent].span_id for parent, child in pairwise(names))


def test_one_run_is_one_trace_and_every_span_says_which_run_it_is(traced_fleet: Fleet, spans: Collector) -> None:
    trace_id = "ab" * 16
    answer = asked(traced_fleet, "echo", {"x": 1}, traceparent=f"00-{trace_id}-{'12' * 8}-01")
    assert answer.headers["x-trace-id"] == trace_id
    names = ("POST /runs/wait", "publish email", "process email", "invoke_workflow echo", "node echo")
    trace = spans.wait_for(trace_id, *names)
    assert trace.keys() == set(names)
    assert trace["POST /runs/wait"].parent_id == "12" * 8
    assert chain(trace, *names)
    assert [trace[name].kind for name in names] == ["SERVER", "PRODUCER", "CONSUMER", "INTERNAL", "INTERNAL"]
    run = traced_fleet.run(answer.headers["x-run-id"])
    for span in trace.values():
        assert span.attributes["langgraph.assistant_id"] == "echo"
        assert span.attributes["langgraph.run_id"] == answer.headers["x-run-id"]
        assert span.attributes["langgraph.thread_id"] == run["thread_id"]
        assert span.attributes["agentic.queue"] == "email"
        assert span.attributes["agentic.attempt"] == (0 if span.attributes["agentic.role"] == "facade" else 1)


def test_children_that_end_after_one_run_lose_neither_span_nor_run_tree(tmp_path: Path, spans: Collector) -> None:
    one_run_each = {"AGENTIC_SALES_MAX_TASKS_PER_CHILD": "1", "AGENTIC_SALES_WORKER_CONCURRENCY": "5"}
    slow_to_send = {"OTEL_BSP_SCHEDULE_DELAY": "60000"}  # so that nothing is sent but at the end of a process
    with (
        langsmith_server() as langsmith,
        redis_server(tmp_path) as redis,
        fleet_of(
            tmp_path,
            redis,
            {**ONLY_CORE, **spans.environment, **langsmith.environment, **one_run_each, **slow_to_send},
            names=(WEB, "worker-core"),
        ) as fleet,
    ):
        fleet.wait_until_ready()
        calls = [fleet.begin("echo", {"x": n}, flags="01") for n in range(10)]
        assert [call.response().status_code for call in calls] == [200] * 10
        for call in calls:
            spans.wait_for(call.trace_id, "process core", "invoke_workflow echo", "node echo")
            langsmith.wait_for(call.response().headers["x-langsmith-run-id"])
        fleet.stop()
    for call in calls:
        assert len(spans.of(call.trace_id)) == 5


def test_an_assistant_that_is_not_sampled_leaves_a_trace_of_its_failures_alone(
    traced_fleet: Fleet, spans: Collector
) -> None:
    quiet = asked(traced_fleet, "sleepy", {"wait_s": 0.0}).headers["x-trace-id"]
    failed = asked(traced_fleet, "boom", {})
    kept = ("POST /runs/wait", "publish classify", "process classify", "invoke_workflow boom", "node explode")
    trace = spans.wait_for(failed.headers["x-trace-id"], *kept)
    assert {name for name, span in trace.items() if span.is_error} == {*kept} - {"publish classify", "process classify"}
    assert trace["node explode"].attributes["error.type"] == "bug"
    assert chain(trace, *kept)
    assert spans.of(quiet) == []


def test_the_decision_of_the_caller_stands(traced_fleet: Fleet, spans: Collector) -> None:
    asked(traced_fleet, "echo", {"x": 1}, traceparent=f"00-{'a0' * 16}-{'12' * 8}-00")
    asked(traced_fleet, "sleepy", {"wait_s": 0.0}, traceparent=f"00-{'a1' * 16}-{'12' * 8}-01")
    spans.wait_for("a1" * 16, "POST /runs/wait", "node doze")
    assert spans.of("a0" * 16) == []


def test_who_has_no_key_leaves_no_trace(traced_fleet: Fleet, spans: Collector) -> None:
    headers = {"traceparent": f"00-{'b0' * 16}-{'12' * 8}-01"}
    assert httpx.post(f"{traced_fleet.url}/runs/wait", json={}, headers=headers, trust_env=False).status_code == 401
    later = asked(traced_fleet, "echo", {"x": 1}).headers["x-trace-id"]
    spans.wait_for(later, "POST /runs/wait")
    assert spans.of("b0" * 16) == []


def test_a_recipient_chooses_no_trace_and_its_token_is_never_sent(traced_fleet: Fleet, spans: Collector) -> None:
    headers, token = {"traceparent": f"00-{'b1' * 16}-{'12' * 8}-01"}, "unsubscribe-me." + "a" * 7000
    for method in ("GET", "POST"):
        answer = httpx.request(method, f"{traced_fleet.url}/unsubscribe/{token}", headers=headers, trust_env=False)
        assert answer.status_code == 200
    later = asked(traced_fleet, "echo", {"x": 1}).headers["x-trace-id"]
    spans.wait_for(later, "POST /runs/wait")
    assert spans.of("b1" * 16) == []
    assert [body for body in spans.bodies if b"unsubscribe-me" in body] == []


def test_what_people_wrote_is_hidden_and_never_leaves_unredacted(traced_fleet: Fleet, spans: Collector) -> None:
    shown = asked(traced_fleet, "echo", {"x": 1, "text": PLANTED}).headers["x-trace-id"]
    hidden = asked(traced_fleet, "boom", {"message": PLANTED}).headers["x-trace-id"]
    workflow = spans.wait_for(shown, "invoke_workflow echo")["invoke_workflow echo"]
    assert workflow.attributes["langgraph.input"] == '{"x":1,"text":"write to [email], call [phone], use [key]"}'
    assert "[email]" in str(workflow.attributes["langgraph.output"])
    failed = spans.wait_for(hidden, "invoke_workflow boom", "POST /runs/wait")["invoke_workflow boom"]
    assert failed.message == "`boom` failed: ExplosionError: write to [email], call [phone], use [key]"
    assert "langgraph.input" not in failed.attributes
    sent = b"".join(spans.bodies)
    assert [secret for secret in (EMAIL, PHONE, KEY) if secret.encode() in sent] == []


def test_a_trace_of_javascript_goes_on_over_every_pool_of_the_fleet(
    request: pytest.FixtureRequest, traced_fleet: Fleet, spans: Collector, sample_site: str
) -> None:
    packages = installed(request.config, "javascript-tracing", *JAVASCRIPT_PACKAGES)
    values = json.dumps(example_of("pipeline") | {"domains": [sample_site]})
    told = run_script(SCRIPT, packages, traced_fleet.url, traced_fleet.token, spans.url, "pipeline", values)
    assert told["answer"]["reports"]
    trace = spans.wait_for(told["traceId"], "the user's click", "POST /runs/wait", "node compose", "process email")
    assert trace["POST /runs/wait"].parent_id == told["spanId"]
    assert {span.attributes["agentic.queue"] for span in trace.values() if "node" in span.name} == POOLS_OF_PIPELINE
    # A sub-run on another pool is below the node that asked for it.
    assert chain(trace, "node compose", "publish email", "process email", "invoke_workflow email_compose")
    eventually("every span has its parent", lambda: orphans(spans.of(told["traceId"])), lambda found: not found)


def orphans(trace: list[Sent]) -> list[str]:
    known = {span.span_id for span in trace}
    return [span.name for span in trace if span.parent_id and span.parent_id not in known]
