"""The task of every workflow, as a worker child calls it."""

from collections.abc import Iterator

import pytest
from celery.exceptions import Reject

from agentic_sales.celery import app
from agentic_sales.contracts import RunId
from agentic_sales.control import build_control_plane
from agentic_sales.runs import patience
from agentic_sales.settings import Settings
from agentic_sales.workers import current
from agentic_sales.workers.child.process import Child
from agentic_sales.workers.task import RunTask

RUN_ID = RunId("01890000-0000-7000-8000-000000000000")
NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture
def cut_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make this process a worker child whose ledger is away for longer than it waits."""
    configuration = Settings.model_validate({"REDIS_URL": NOBODY_LISTENS})
    child = Child(configuration, build_control_plane(configuration))
    monkeypatch.setattr(current, "_child", child)
    monkeypatch.setattr(patience, "LEDGER_PATIENCE_S", 0.1)
    yield
    child.close()


@pytest.mark.usefixtures("cut_off")
def test_a_run_whose_ledger_stays_away_goes_back_to_the_queue() -> None:
    task = app.tasks["run.email_compose"]
    assert isinstance(task, RunTask)
    with pytest.raises(Reject) as given_back:
        task.run(RUN_ID)
    _, requeue = given_back.value.args
    assert requeue
