"""A set becomes a dataset of LangSmith, and each result an experiment with a run and its feedback for every case."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentic_sales.errors import ConfigurationError
from agentic_sales.evaluation.evaluate import CaseResult, SetResult
from agentic_sales.evaluation.langsmith_upload import check_langsmith, upload
from agentic_sales.evaluation.sets import Case, EvalSet
from agentic_sales.settings import Settings, settings
from tests.support.langsmith_server import LangSmith, langsmith_server

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
GIVEN = EvalSet(
    "country_classify",
    "places",
    (
        Case("a", {"location": "Berlin"}, {"country": "DE"}, ("city",)),
        Case("b", {"location": "Paris"}, {"country": "FR"}),
    ),
    (),
)
RESULT = SetResult(
    "country_classify",
    "places",
    (
        CaseResult(
            "a", {"country": 1.0}, {"country": "DE"}, {"country": "DE"}, 0.2, 0.0, "rules", "", {"country": "DE"}
        ),
        CaseResult(
            "b", {"country": 0.0}, {"country": "US"}, {"country": "FR"}, 0.1, 0.0, "rules", "", {"country": "US"}
        ),
    ),
    (),
)


@pytest.fixture
def langsmith() -> Iterator[LangSmith]:
    """LangSmith on loopback."""
    with langsmith_server() as server:
        yield server


@pytest.fixture
def configuration(langsmith: LangSmith, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that name it. Nothing is traced."""
    for name, value in langsmith.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LANGSMITH_TRACING", "false")
    settings.cache_clear()
    return settings()


def test_a_set_becomes_a_dataset_with_an_example_for_each_case(langsmith: LangSmith, configuration: Settings) -> None:
    upload(GIVEN, RESULT, configuration, now=NOW)
    assert [*langsmith.datasets] == ["places"]
    examples: list[dict[str, Any]] = [*langsmith.examples.values()]
    assert [each["inputs"] for each in examples] == [{"location": "Berlin"}, {"location": "Paris"}]
    assert [each["outputs"] for each in examples] == [{"country": "DE"}, {"country": "FR"}]


def test_a_result_becomes_an_experiment_with_a_run_and_its_feedback_for_each_case(
    langsmith: LangSmith, configuration: Settings
) -> None:
    name = upload(GIVEN, RESULT, configuration, now=NOW)
    assert langsmith.experiments[name] == langsmith.datasets["places"]
    runs = [run for run in langsmith.runs.values() if run["session_name"] == name]
    assert [run["outputs"] for run in runs] == [{"country": "DE"}, {"country": "US"}]
    assert {run["reference_example_id"] for run in runs} == langsmith.examples.keys()
    told = {one["run_id"]: (one["key"], one["score"], one.get("comment")) for one in langsmith.feedback}
    assert [told[run["id"]] for run in runs] == [
        ("country", 1, None),
        ("country", 0, "found 'US', labelled 'FR'"),
    ]


def test_a_second_experiment_adds_no_example_and_a_new_case_one(langsmith: LangSmith, configuration: Settings) -> None:
    first = upload(GIVEN, RESULT, configuration, now=NOW)
    second = upload(GIVEN, RESULT, configuration, now=NOW + timedelta(hours=1))
    assert first != second
    assert len(langsmith.examples) == 2
    more = replace(GIVEN, cases=(*GIVEN.cases, Case("c", {"location": "Rome"}, {"country": "IT"})))
    result = replace(RESULT, cases=(*RESULT.cases, replace(RESULT.cases[0], case_id="c")))
    upload(more, result, configuration, now=NOW + timedelta(hours=2))
    assert len(langsmith.examples) == 3
    assert [*langsmith.datasets] == ["places"]


def test_a_langsmith_that_is_away_is_one_error_with_its_address(langsmith: LangSmith, configuration: Settings) -> None:
    langsmith.is_away = True
    with pytest.raises(ConfigurationError, match=r"LangSmith at http://127\.0\.0\.1:\d+ did not take the set `places`"):
        upload(GIVEN, RESULT, configuration, now=NOW)


def test_without_a_key_for_langsmiths_own_service_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANGSMITH_API_KEY", "LANGSMITH_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    with pytest.raises(ConfigurationError, match="LANGSMITH_API_KEY"):
        check_langsmith(settings())
