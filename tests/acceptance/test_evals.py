"""A set of labelled cases is run by a real fleet, in the batch lane."""

import json

from tests.support.fleet import Fleet
from tests.support.processes import run_command


def test_a_set_is_run_by_the_workers_and_reaches_its_thresholds(fleet: Fleet) -> None:
    environment = {**fleet.environment, "LANGGRAPH_URL": fleet.url}
    ended = run_command("agentic-sales", "eval", "score_recruiter_fit", "--json", environment=environment)
    assert ended.returncode == 0, ended.stderr
    [result] = json.loads(ended.stdout)["sets"]
    assert result["sources"] == {"rules": len(result["cases"])}
    assert result["p95_ms"] >= result["p50_ms"] > 0


def test_a_model_that_runs_may_not_name_ends_it_with_the_setting_that_lets_them(fleet: Fleet) -> None:
    environment = {**fleet.environment, "LANGGRAPH_URL": fleet.url}
    words = "eval", "email_compose", "--model", "openai:dear"
    ended = run_command("agentic-sales", *words, environment=environment)
    assert ended.returncode == 2, ended.stderr
    assert "AGENTIC_SALES_RUN_MODELS" in ended.stderr
