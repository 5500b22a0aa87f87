"""What the processes are told: queues, commands and tasks all follow from the control plane."""

import re
import shlex

import pytest
from celery import Celery
from honcho.environ import parse_procfile  # type: ignore[import-untyped]  # honcho ships no types

from agentic_sales.celery import app
from agentic_sales.control import build_control_plane, control_plane
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.webhooks import DELIVER_TASK
from agentic_sales.schedule import beat_entries, intervals_s
from agentic_sales.settings import Settings
from agentic_sales.workers.maintenance import JOBS
from agentic_sales.workers.task import HARD_LIMIT_GRACE_S, SOFT_LIMIT_GRACE_S
from tests.structure.rows import ROWS, each_row
from tests.structure.sources import ROOT

PROCFILE: dict[str, str] = dict(parse_procfile((ROOT / "Procfile").read_text(encoding="utf-8")).processes)
WORKERS = {name: command for name, command in PROCFILE.items() if name.startswith("worker-")}
POOLS = build_control_plane(Settings.model_construct()).queues
PROCESSES = ["web", *(f"worker-{pool}" for pool in POOLS), "beat", "flower"]


@pytest.fixture(scope="module")
def celery_app() -> Celery:
    """The fleet's app, configured."""
    app.loader.import_default_modules()
    return app


def queue_of(command: str) -> str:
    """Return what a worker's command consumes."""
    words = shlex.split(command)
    return words[words.index("-Q") + 1]


def test_the_queues_of_celery_are_the_queues_of_the_routing_contract(celery_app: Celery) -> None:
    assert [queue.name for queue in celery_app.conf.task_queues] == list(control_plane().queues)
    assert celery_app.conf.task_default_queue == control_plane().default_queue
    assert celery_app.conf.task_create_missing_queues is False


def test_the_procfile_starts_exactly_the_processes_of_the_fleet() -> None:
    assert sorted(PROCFILE) == sorted(PROCESSES)


def test_every_queue_of_the_routing_contract_has_exactly_one_worker() -> None:
    assert sorted(map(queue_of, WORKERS.values())) == sorted(control_plane().queues)


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_of_the_procfile_serves_the_queue_of_its_name(name: str) -> None:
    assert queue_of(WORKERS[name]) == name.removeprefix("worker-")
    assert re.search(rf"-n {queue_of(WORKERS[name])}@%h", WORKERS[name])


def test_the_registered_tasks_are_the_rows_the_jobs_of_beat_and_the_rounds_of_webhooks(celery_app: Celery) -> None:
    ours = {name for name, task in celery_app.tasks.items() if task.__module__.startswith("agentic_sales")}
    jobs = {f"maintenance.{job}" for job in JOBS}
    assert ours == {f"run.{row.assistant_id}" for row in ROWS} | jobs | {DELIVER_TASK}


def test_every_job_of_the_schedule_is_sent_to_core_and_has_somebody_who_does_it(celery_app: Celery) -> None:
    assert JOBS.keys() == intervals_s(tick_s=1.0, boards_s=86_400.0, freshness_s=86_400.0).keys()
    entries = celery_app.conf.beat_schedule
    assert {entry["task"] for entry in entries.values()} == {f"maintenance.{job}" for job in intervals_s(tick_s=1.0)}
    assert {entry["options"]["queue"] for entry in entries.values()} == {control_plane().default_queue}


def test_a_nightly_job_is_off_until_it_is_configured_and_then_asked_for_within_the_quarter_of_an_hour() -> None:
    assert not {"read_boards", "check_freshness"} & Settings().job_intervals_s.keys()
    entries = beat_entries("core", Settings(boards_every_s=86_400.0).job_intervals_s)
    assert entries["read_boards"]["schedule"] == 900.0
    assert "check_freshness" not in entries


@each_row
def test_the_limits_of_a_task_follow_from_its_row(row: GraphSpec, celery_app: Celery) -> None:
    task = celery_app.tasks[f"run.{row.assistant_id}"]
    assert task.soft_time_limit == row.time_limit_s + SOFT_LIMIT_GRACE_S
    assert task.time_limit == row.time_limit_s + HARD_LIMIT_GRACE_S
    assert row.time_limit_s < task.soft_time_limit < task.time_limit


def test_only_json_crosses_the_broker(celery_app: Celery) -> None:
    conf = celery_app.conf
    assert {conf.task_serializer, conf.result_serializer, conf.event_serializer} == {"json"}
    assert conf.accept_content == conf.result_accept_content == ["json"]
