"""Show a finished pipeline run to a person: each run's worker, each stage's result, the drafted mail and the trace."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from agentic_sales.client import RunResult
from agentic_sales.rules.names import filled

_COLOURS: Mapping[str, str] = {"OK": "green", "PARTIAL": "yellow", "FAIL": "red", "SKIP": "yellow"}


def show(result: RunResult, console: Console) -> None:
    """Print tables of the runs and the stages, each drafted mail and the trace id."""
    console.print(_runs_table(result.output.get("runs", [])))
    console.print(_stages_table(result.output.get("reports", [])))
    reader = result.output.get("recipient_name") or ""
    for panel in _mails(result.output.get("companies", []), reader):
        console.print(panel)
    for name, value in (("trace", result.trace_id), ("run", result.run_id), ("LangSmith", result.langsmith_run_url)):
        if value:
            console.print(f"{name} {value}", highlight=False, soft_wrap=True)


def failures(output: Mapping[str, Any], *, may_skip: bool) -> list[str]:
    """Say why a pipeline run is not a success. An empty answer means that it is one.

    Args:
        output: The pipeline's final state.
        may_skip: A stage may find nothing to do, as with a site that does not name the place of its company.
    """
    fine = {"OK", "SKIP"} if may_skip else {"OK"}
    reports = output.get("reports", [])
    return [_told(report) for report in reports if report["status"] not in fine] if reports else ["no stage reported"]


def _told(report: Mapping[str, Any]) -> str:
    return f"stage {report['stage']} is {report['status']}: {'; '.join(map(str, report['errors'])) or 'no error given'}"


def _runs_table(runs: list[Mapping[str, Any]]) -> Table:
    table = Table("assistant", "queue", "worker pid", "ms", "source", title="Runs", title_justify="left")
    for run in runs:
        table.add_row(
            run["assistant_id"], run["queue"], _cell(run["worker_pid"]), _ms(run["duration_ms"]), _cell(run["source"])
        )
    return table


def _stages_table(reports: list[Mapping[str, Any]]) -> Table:
    table = Table("stage", "status", "processed", "created", "ms", "errors", title="Stages", title_justify="left")
    for report in reports:
        table.add_row(
            report["stage"],
            f"[{_COLOURS.get(report['status'], 'red')}]{report['status']}[/]",
            str(report["processed"]),
            str(report["created"]),
            _ms(report["duration_ms"]),
            "\n".join(map(str, report["errors"])),
        )
    return table


def _mails(companies: list[Mapping[str, Any]], reader: str) -> Iterator[Panel]:
    """Show each draft as its reader would get it. Without a known name it greets nobody by name."""
    for company in companies:
        if mail := company.get("email_compose"):
            about = (company.get("company_enrichment") or {}).get("company", {})
            title = f"Draft for {about.get('name') or company['domain']} (source: {mail.get('source', 'unknown')})"
            text = f"Subject: {mail.get('subject', '')}\n\n{mail.get('body', '')}"
            yield Panel(filled(text, reader), title=title)


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _cell(value: object) -> str:
    return "" if value is None else str(value)
