"""A set of labelled cases is run by a real fleet, in the batch lane."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.fleet import Fleet


def test_a_set_is_run_by_the_workers_and_reaches_its_thresholds(fleet: Fleet) -> None:
    command = [str(Path(sys.executable).with_name("agentic-sales")), "eval", "score_recruiter_fit", "--json"]
    environment = {**fleet.environment, "LANGGRAPH_URL": fleet.url}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    [result] = json.loads(ended.stdout)["sets"]
    assert result["sources"] == {"rules": len(result["cases"])}
    assert result["p95_ms"] >= result["p50_ms"] > 0


def test_a_model_that_runs_may_not_name_ends_it_with_the_setting_that_lets_them(fleet: Fleet) -> None:
    command = [str(Path(sys.executable).with_name("agentic-sales")), "eval", "email_compose", "--model", "openai:dear"]
    environment = {**fleet.environment, "LANGGRAPH_URL": fleet.url}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2, ended.stderr
    assert "AGENTIC_SALES_RUN_MODELS" in ended.stderr
