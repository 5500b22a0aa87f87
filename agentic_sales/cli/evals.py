"""Run the labelled cases of workflows and compare the answers with the labels."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agentic_sales.cli.output import FAILED, UNREACHED, WRONG, AsJson, Url, end, note, print_json


def evaluate(
    assistant: Annotated[str | None, typer.Argument(help="Name of the workflow.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every workflow that has a set.")] = False,
    file: Annotated[
        Path | None, typer.Option("--set", metavar="FILE", help="Another set of the workflow, as JSON Lines.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An earlier result of --json to compare with.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", help="Model that the runs ask, as `openai:gpt-4.1-mini`.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", metavar="MODEL", help="Model that judges each answer from 0 to 1.")
    ] = None,
    readme: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table between the two comments of this file.")
    ] = None,
    langsmith: Annotated[
        bool, typer.Option("--langsmith", help="Bring the sets and the results to LangSmith as experiments.")
    ] = False,
    at_once: Annotated[int, typer.Option(help="Most runs at the same time.", min=1, max=64)] = 8,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Run labelled cases through the fleet, in the batch lane, and score the answers.

    agentic-sales eval country_classify --json > before.json

    Exit status: 0 every threshold is reached, 1 one is not, 2 the request is wrong, 3 the fleet does not answer.
    """
    from agentic_sales.cli.views import evals
    from agentic_sales.evaluation.report import as_data, as_table, confusion_table, differences, faults, read_baseline

    if (assistant is None) is not every:
        end(WRONG, "name a workflow, or give --all")
    before = read_baseline(baseline) if baseline else None
    sets = evals.sets_of(assistant, file)
    if langsmith:
        evals.check_upload()
    try:
        results = evals.run_sets(sets, url, at_once=at_once, models=evals.Models(model, judge))
    except evals.NoFleetError as exc:
        end(exc.exit_status, str(exc), UNREACHED)
    if as_json:
        print_json(as_data(results))
    else:
        console = Console()
        console.print(as_table(results))
        if not every:
            for one in (one for result in results for one in result.measures if one.confusion):
                console.print(confusion_table(one))
    note(*(str(one) for one in (differences(before, results) if before is not None else ())))
    if readme is not None:
        evals.write_readme(readme, results)
    note(*(evals.upload_all(sets, results) if langsmith else ()))
    if missed := [*(evals.unasked_models(results, model) if model else ()), *faults(results)]:
        end(FAILED, *missed)
