"""What the demo shows of a finished pipeline run."""

import io
from typing import Any

import pytest
from rich.console import Console

from agentic_sales.client import RunResult
from agentic_sales.local.demo_report import show

DRAFT = {"subject": "Test rigs", "body": "Hi {{name}},\n\nWould a call help?\n\nThanks,\nAda", "source": "rules"}


def shown(**output: Any) -> str:
    file = io.StringIO()
    console = Console(file=file, width=100)
    companies = [{"domain": "harbor.example", "email_compose": DRAFT}]
    show(
        RunResult(
            output={"companies": companies, **output},
            run_id="r",
            trace_id="t",
            langsmith_run_id=None,
            langsmith_run_url=None,
        ),
        console,
    )
    return file.getvalue()


@pytest.mark.parametrize(
    ("given", "greeting"),
    [({}, "Hi,"), ({"recipient_name": ""}, "Hi,"), ({"recipient_name": "Grace Hopper"}, "Hi Grace,")],
)
def test_a_draft_greets_by_name_only_whom_somebody_named(given: dict[str, str], greeting: str) -> None:
    told = shown(**given)
    assert greeting in told
    assert "{{name}}" not in told
