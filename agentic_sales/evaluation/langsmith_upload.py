"""Bring a set and its result to LangSmith: a dataset with an example a case, and an experiment with a run a case.

The dataset has the set's name. Cases that it lacks are added under ids that follow from the case, so that an upload
that is repeated adds nothing twice. Each measure of a case is a feedback of its run.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from langsmith import Client
from langsmith.utils import LangSmithError

from agentic_sales.errors import ConfigurationError
from agentic_sales.evaluation.evaluate import CaseResult, SetResult
from agentic_sales.evaluation.sets import EvalSet
from agentic_sales.settings import Settings

_NAMES = UUID("6f2b6a52-5d0e-4c67-9f3a-0c2f7f5d3b11")
"""Namespace of the ids of examples."""


def check_langsmith(configuration: Settings) -> None:
    """Refuse to upload to nowhere.

    Raises:
        ConfigurationError: LangSmith's own service is named, and there is no key.
    """
    is_own_service = configuration.langsmith_endpoint == Settings.model_fields["langsmith_endpoint"].default
    if configuration.langsmith_api_key is None and is_own_service:
        raise ConfigurationError(
            "`--langsmith` needs LANGSMITH_API_KEY, or LANGSMITH_ENDPOINT of a server that asks for no key"
        )


def upload(given: EvalSet, result: SetResult, configuration: Settings, *, now: datetime | None = None) -> str:
    """Bring a set and its result to LangSmith. Return the name of the experiment.

    Args:
        given: The set.
        result: Its result.
        configuration: Tells LangSmith's URL and key.
        now: When the experiment ended. None: now.

    Raises:
        ConfigurationError: LangSmith refused, or did not answer.
    """
    ended_at = now or datetime.now(UTC)
    key = configuration.langsmith_api_key
    client = Client(
        configuration.langsmith_endpoint,
        api_key=key.get_secret_value() if key else None,
        auto_batch_tracing=False,
    )
    try:
        return _upload(client, given, result, ended_at)
    except LangSmithError as exc:
        raise ConfigurationError(
            f"LangSmith at {configuration.langsmith_endpoint} did not take the set `{given.name}`: {exc}"
        ) from exc
    finally:
        client.cleanup()


def _upload(client: Client, given: EvalSet, result: SetResult, ended_at: datetime) -> str:
    dataset_id = _dataset(client, given)
    experiment = f"{given.name} {ended_at:%Y-%m-%d %H:%M:%S}"
    project = client.create_project(
        experiment,
        reference_dataset_id=dataset_id,
        metadata={"assistant_id": given.assistant_id, "is_met": result.is_met, "models": sorted(result.models)},
    )
    for case, found in zip(given.cases, result.cases, strict=True):
        started_at = ended_at - timedelta(seconds=found.latency_s)
        run_id = uuid5(_NAMES, f"{experiment}/{case.case_id}")
        client.create_run(
            given.assistant_id,
            dict(case.input),
            "chain",
            project_name=experiment,
            id=run_id,
            trace_id=run_id,
            dotted_order=f"{ended_at:%Y%m%dT%H%M%S%f}Z{run_id}",
            reference_example_id=_example_id(given, case.case_id),
            start_time=started_at,
            end_time=ended_at,
            outputs=dict(found.output),
            error=found.error or None,
            tags=list(case.tags),
        )
        for name, score, told in _feedback(found):
            client.create_feedback(
                run_id, name, score=score, comment=told, trace_id=run_id, session_id=project.id, start_time=started_at
            )
    return experiment


def _dataset(client: Client, given: EvalSet) -> UUID:
    """Return the dataset of a set, with an example for each case."""
    if client.has_dataset(dataset_name=given.name):
        dataset = client.read_dataset(dataset_name=given.name)
    else:
        dataset = client.create_dataset(given.name, description=f"Labelled cases of {given.assistant_id}.")
    dataset_id = UUID(str(dataset.id))
    known = {example.id for example in client.list_examples(dataset_id=dataset_id)}
    missing = [case for case in given.cases if _example_id(given, case.case_id) not in known]
    examples: list[Any] = [
        {
            "id": _example_id(given, case.case_id),
            "inputs": dict(case.input),
            "reference_outputs": dict(case.expected),
            "metadata": {"case": case.case_id, "tags": list(case.tags)},
        }
        for case in missing
    ]
    if examples:
        client.create_examples(dataset_id=dataset_id, examples=examples)
    return dataset_id


def _example_id(given: EvalSet, case_id: str) -> UUID:
    return uuid5(_NAMES, f"{given.name}/{case_id}")


def _feedback(found: CaseResult) -> Iterator[tuple[str, float, str | None]]:
    for name, score in found.scores.items():
        is_wrong = score < 1 and not found.error
        told = f"found {found.found.get(name)!r}, labelled {found.expected[name]!r}"[:500] if is_wrong else None
        yield name, score, told
