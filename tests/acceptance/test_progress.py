"""A run tells how far it is, from its nodes through worker, stream and facade to the command line."""

import json
from typing import Any

from agentic_sales.client import Client
from tests.acceptance.examples import example_of
from tests.support.fleet import Fleet
from tests.support.processes import run_command

ASSISTANT = "company_discovery"


def test_a_caller_sees_each_stage_of_a_discovery_to_its_end(fleet: Fleet) -> None:
    told: list[dict[str, Any]] = []
    with Client(fleet.url, fleet.token) as client:
        result = client.run_followed(ASSISTANT, example_of(ASSISTANT), told.append)
    assert [event["done"] for event in told if event["stage"] == "search"] == [
        *range(1, len(result.output["queries"]) + 1)
    ]
    assert {event["stage"] for event in told} <= {"search", "pre_score"}
    assert all(event["note"] and event["done"] <= event["of"] for event in told)


def test_the_command_line_tells_the_stages_and_prints_the_output_alone(fleet: Fleet) -> None:
    arguments = "run", ASSISTANT, "--input", json.dumps(example_of(ASSISTANT) | {"dry_run": True})
    environment = {**fleet.environment, "LANGGRAPH_URL": fleet.url}
    ended = run_command("agentic-sales", *arguments, environment=environment, check=True)
    queries = json.loads(ended.stdout)["queries"]
    assert [line for line in ended.stderr.splitlines() if line.startswith(f"search 1/{len(queries)} ")]
    assert f"search {len(queries)}/{len(queries)} " in ended.stderr
