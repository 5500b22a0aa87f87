"""What is watched exists, and who is called is told what to do."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.files import DEPLOY, WORKERS, document
from tests.support.fleet import PROJECT

COMPOSE = document(DEPLOY / "compose.yml")["services"]
ALERTS: list[dict[str, Any]] = [r for g in document(DEPLOY / "alerts.yml")["groups"] for r in g["rules"]]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboards/fleet.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
HEADINGS = re.findall(r"^## (.+)$", (DEPLOY / "README.md").read_text("utf-8"), re.MULTILINE)
NAMED_IN_CODE = {
    name
    for path in (PROJECT / "agentic_sales").rglob("*.py")
    for name in re.findall(r"[\"'](agentic_[a-z_]+)[\"']", path.read_text("utf-8"))
}
SUFFIXES = ("", "_total", "_bucket", "_sum", "_count")
"""What Prometheus puts behind the name of a counter and of a histogram."""


def metrics_of(expression: str) -> set[str]:
    """Return the metrics of ours that an expression reads."""
    return set(re.findall(r"\bagentic_[a-z_]+", expression))


def is_measured(metric: str) -> bool:
    """Tell whether the code has a metric of this name."""
    return any(metric.removesuffix(suffix) in NAMED_IN_CODE for suffix in SUFFIXES if metric.endswith(suffix))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
class TestAnAlert:
    def test_names_the_heading_of_the_runbook_that_says_what_to_do(self, alert: dict[str, Any]) -> None:
        assert alert["annotations"]["runbook"] in HEADINGS
        assert alert["annotations"]["summary"]
        assert alert["labels"]["severity"] in {"page", "ticket"}

    def test_reads_metrics_that_the_code_has(self, alert: dict[str, Any]) -> None:
        assert metrics_of(alert["expr"]) or "up{" in alert["expr"]
        assert [metric for metric in metrics_of(alert["expr"]) if not is_measured(metric)] == []


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_reads_metrics_that_the_code_has(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert metrics_of(target["expr"])
        assert [metric for metric in metrics_of(target["expr"]) if not is_measured(metric)] == []
    assert panel["description"]


def test_the_dashboard_shows_what_an_operator_asks_first() -> None:
    shown = {metric for panel in PANELS for target in panel["targets"] for metric in metrics_of(target["expr"])}
    assert {
        *("agentic_runs_total", "agentic_run_duration_seconds_bucket", "agentic_run_queue_wait_seconds_bucket"),
        *("agentic_queue_depth", "agentic_oldest_message_age_seconds", "agentic_live_consumers", "agentic_dead_runs"),
        *("agentic_recovered_runs_total", "agentic_llm_cost_usd_total", "agentic_llm_fallbacks_total"),
    } <= shown


def test_the_dashboard_can_be_drawn() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    places = [tuple(panel["gridPos"][side] for side in "xy") for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    assert len(set(places)) == len(places)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in DASHBOARD["panels"])
    provisioned = document(DEPLOY / "grafana/provisioning/datasources/fleet.yml")["datasources"]
    assert {panel["datasource"]["uid"] for panel in PANELS} <= {source["uid"] for source in provisioned}
    assert {re.sub(r"^http://(.*):\d+$", r"\1", source["url"]) for source in provisioned} <= set(COMPOSE)
    [provider] = document(DEPLOY / "grafana/provisioning/dashboards/fleet.yml")["providers"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in COMPOSE["grafana"]["volumes"]


def test_prometheus_takes_its_files_and_calls_for_what_it_should() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        return  # what it looks at has tests of its own above; it adds the grammar of expressions
    tests = Path(__file__).with_name("alerts_test.yml")
    for arguments in (
        ("check", "rules", "alerts.yml"),
        ("check", "config", "--syntax-only", "prometheus.yml"),
        ("test", "rules", str(tests)),
    ):
        command = [promtool, *arguments]
        done = subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_reads_every_process_that_has_numbers_at_the_port_where_it_has_them() -> None:
    jobs = {job["job_name"]: job for job in document(DEPLOY / "prometheus.yml")["scrape_configs"]}
    [workers] = jobs["workers"]["dns_sd_configs"]
    [web] = jobs["web"]["dns_sd_configs"]
    assert {name: COMPOSE[name]["networks"]["data"]["aliases"] for name in WORKERS} == dict.fromkeys(
        WORKERS, workers["names"]
    )
    assert {COMPOSE[name]["environment"]["AGENTIC_SALES_METRICS_PORT"] for name in WORKERS} == {str(workers["port"])}
    assert (web["names"], COMPOSE["web"]["ports"][0].split(":")[-1]) == (["web"], str(web["port"]))
    assert jobs["web"]["authorization"]["credentials_file"] == "/run/secrets/metrics-token"
    assert "metrics-token" in COMPOSE["prometheus"]["secrets"]


def test_the_collector_listens_where_processes_send_and_uses_what_it_defines() -> None:
    collector = document(DEPLOY / "otel-collector.yaml")
    for pipeline in collector["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) <= set(collector[kind]), kind
    port = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].split(":")[1]
    assert COMPOSE["web"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://otel-collector:{port}"


def test_every_file_that_is_mounted_is_there() -> None:
    mounted = [v.split(":")[0] for service in COMPOSE.values() for v in service.get("volumes", []) if v[0] == "."]
    assert mounted
    assert all((DEPLOY / path).exists() for path in mounted)
