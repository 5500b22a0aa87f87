"""Find the sets of labelled cases and run them through the fleet."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentic_sales.cli.views.run import WRONG, default_timeout_s, exit_status
from agentic_sales.client import Client, LangGraphError
from agentic_sales.control import control_plane, schemas_path
from agentic_sales.errors import ConfigurationError
from agentic_sales.evaluation.evaluate import RunFailedError, SetResult, evaluate
from agentic_sales.evaluation.judging import check_judge, judged
from agentic_sales.evaluation.readme import with_eval_table
from agentic_sales.evaluation.sets import EvalSet, read_set, set_files
from agentic_sales.packaged import PACKAGED
from agentic_sales.settings import settings

_UNREACHED = frozenset({0, 401, 403, 404})
"""Statuses that say nothing about a case. 503 is among them below, since it names a pool that is away."""


class NoFleetError(Exception):
    """Raised when the fleet cannot be asked at all."""

    def __init__(self, error: LangGraphError) -> None:
        super().__init__(str(error))
        self.exit_status = exit_status(error)
        """Exit status of the command."""


def folders() -> list[Path]:
    """Return where sets are: the product's, and those beside the registries of teams."""
    beside = [schemas_path(registry).parent for registry in settings().extra_registries]
    return [folder / "evals" for folder in (PACKAGED, *beside)]


def sets_of(assistant_id: str | None, file: Path | None) -> list[EvalSet]:
    """Return the sets of a workflow, or of all that have one.

    Raises:
        ConfigurationError: There is no such workflow or no set, or a set cannot be read.
    """
    if assistant_id is None:
        return [read_set(name, found) for name in control_plane().rows for found in set_files(name, folders())]
    if assistant_id not in control_plane().rows:
        raise ConfigurationError(f"there is no workflow `{assistant_id}`; `agentic-sales routes` lists all names")
    files = [file] if file else set_files(assistant_id, folders())
    if not files:
        raise ConfigurationError(f"`{assistant_id}` has no set; add evals/{assistant_id}.jsonl")
    return [read_set(assistant_id, found) for found in files]


@dataclass(frozen=True, slots=True)
class Models:
    """The models of an evaluation. None: the fleet's own, and no judge."""

    run: str | None = None
    """Model that the runs ask."""
    judge: str | None = None
    """Model that judges their answers."""


def run_sets(sets: Sequence[EvalSet], url: str | None, *, at_once: int, models: Models = Models()) -> list[SetResult]:
    """Run sets through the fleet, one after the other, and let a judge look at the answers if there is one.

    Raises:
        NoFleetError: The fleet cannot be asked, or its runs may not name the model.
        ConfigurationError: The judge cannot be asked.
    """
    if models.judge is not None:
        check_judge(models.judge, settings())
    with Client(url, max_concurrency=at_once) as client:
        return asyncio.run(_run(sets, client, at_once, models))


def write_readme(file: Path, results: Sequence[SetResult]) -> None:
    """Write the table of all results into a file.

    Raises:
        ConfigurationError: The file cannot be read or written, or has no place for the table.
    """
    try:
        file.write_text(with_eval_table(file.read_text(encoding="utf-8"), results), encoding="utf-8")
    except OSError as exc:
        raise ConfigurationError(f"`{file}` cannot be read and written: {exc.strerror}") from exc


def check_upload() -> None:
    """Refuse to upload to nowhere, before any run.

    Raises:
        ConfigurationError: LangSmith is not configured.
    """
    from agentic_sales.evaluation.langsmith_upload import check_langsmith  # noqa: PLC0415 - see `upload_all`

    check_langsmith(settings())


def upload_all(sets: Sequence[EvalSet], results: Sequence[SetResult]) -> list[str]:
    """Bring sets and results to LangSmith. Return a line on each.

    Raises:
        ConfigurationError: LangSmith is not configured, refused, or did not answer.
    """
    from agentic_sales.evaluation.langsmith_upload import upload  # noqa: PLC0415 - it imports LangSmith's client

    configuration = settings()
    return [
        f"LangSmith: dataset `{given.name}`, experiment `{upload(given, result, configuration)}`"
        for given, result in zip(sets, results, strict=True)
    ]


def unasked_models(results: Sequence[SetResult], model: str) -> list[str]:
    """Return the sets without an answer of a chosen model that should have given it, each in a line."""
    return [
        f"`{result.set_name}`: `{model}` answered none of {len(result.cases)} cases; the rules did. The log of the "
        "workers says why"
        for result in results
        if result.sources["rules"] and not result.models
    ]


async def _run(sets: Sequence[EvalSet], client: Client, at_once: int, models: Models) -> list[SetResult]:
    async def ask(assistant_id: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            timeout_s = default_timeout_s(control_plane(), assistant_id)
            given = _without_writing(assistant_id, values)
            ran = await client.arun(assistant_id, given, timeout_s=timeout_s, priority="batch", model=models.run)
        except LangGraphError as exc:
            if exc.status in _UNREACHED and exc.kind != "timeout" and exit_status(exc) >= WRONG:
                raise NoFleetError(exc) from exc
            raise RunFailedError(exc.body_text) from exc
        return ran.output

    results = [await evaluate(one, ask, at_once=at_once) for one in sets]
    if models.judge is None:
        return results
    pairs = zip(sets, results, strict=True)
    return [await judged(given, result, models.judge, at_once=at_once) for given, result in pairs]


def _without_writing(assistant_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an input with `dry_run`, if the workflow knows it. An evaluation leaves nothing in the book."""
    fields = control_plane().schemas[assistant_id]["input"].get("properties", {})
    return {**values, "dry_run": True} if "dry_run" in fields else dict(values)
