"""The command that runs labelled cases: its sets, its exit status, what it prints, and how two results differ."""

import json
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.cli.main import main
from agentic_sales.errors import ConfigurationError
from agentic_sales.evaluation.readme import BEGIN, END, told_values
from agentic_sales.evaluation.sets import Measure, read_set, set_files
from agentic_sales.settings import settings
from tests.support.langsmith_server import langsmith_server
from tests.support.model_server import MODEL, answer, model_server
from tests.support.small_facade import Facade, answering, facade

__all__ = ["facade"]  # pytest finds the fixture here

Run = Callable[..., tuple[int, str, str]]
LINES = [
    {"id": "a", "input": {"location": "Berlin"}, "expected": {"country": "DE"}, "tags": []},
    {"id": "b", "input": {"location": "Paris"}, "expected": {"country": "FR"}, "tags": []},
]


@pytest.fixture
def country_set(tmp_path: Path) -> Path:
    """A set of two cases with a threshold of one half."""
    (tmp_path / "measures.toml").write_text("[country_classify]\ncountry = { metric = 'macro_f1', least = 0.5 }\n")
    file = tmp_path / "few.jsonl"
    file.write_text("\n".join(map(json.dumps, LINES)), encoding="utf-8")
    return file


@pytest.fixture
def run(facade: Facade, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `agentic-sales eval` against the small facade."""
    monkeypatch.setenv("LANGGRAPH_URL", facade.url)
    monkeypatch.setenv("COLUMNS", "300")

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["agentic-sales", "eval", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return command


def says(facade: Facade, **countries: str) -> None:
    """Let the facade answer a country for each location."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked = facade.requests[-1][1]["input"]["location"]
        told = {"country": countries[asked], "source": "rules", "graph_meta": {"totals": {"total_cost_usd": 0.25}}}
        answering(200, told)(handler)

    facade.answer = answer


def test_a_set_that_reaches_its_threshold_is_told_in_one_table(facade: Facade, run: Run, country_set: Path) -> None:
    says(facade, Berlin="DE", Paris="FR")
    status, out, _ = run("country_classify", "--set", country_set, "--at-once", 1)
    assert status == 0
    assert {"country", "macro_f1", "1.000", "$0.5000"} <= set(out.split())
    assert "few: rules 2, p50 " in out
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert [body["priority"] for _, body in facade.requests] == ["batch", "batch"]


def test_a_set_below_its_threshold_ends_with_1_and_says_which(facade: Facade, run: Run, country_set: Path) -> None:
    says(facade, Berlin="FR", Paris="DE")
    status, _, err = run("country_classify", "--set", country_set, "--at-once", 1)
    assert status == 1
    assert "`few`: country is 0.000; at least 0.5 is wanted" in err


def test_a_run_that_fails_is_a_wrong_case_and_no_end(facade: Facade, run: Run, country_set: Path) -> None:
    facade.answer = answering(500, {"detail": "it broke", "code": "bug"})
    status, out, _ = run("country_classify", "--set", country_set, "--json", "--at-once", 1)
    assert status == 1
    assert [case["error"] for case in json.loads(out)["sets"][0]["cases"]] == ["it broke"] * 2


def test_a_fleet_that_is_not_there_ends_it_with_3(run: Run, country_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGGRAPH_URL", "http://127.0.0.1:9")
    status, _, err = run("country_classify", "--set", country_set)
    assert status == 3
    assert "cannot be reached" in err


def test_a_result_is_compared_with_an_earlier_one_case_by_case(
    facade: Facade, run: Run, country_set: Path, tmp_path: Path
) -> None:
    says(facade, Berlin="FR", Paris="FR")
    _, out, _ = run("country_classify", "--set", country_set, "--json", "--at-once", 1)
    (tmp_path / "before.json").write_text(out, encoding="utf-8")
    says(facade, Berlin="DE", Paris="FR")
    arguments = "--set", country_set, "--baseline", tmp_path / "before.json", "--at-once", 1
    status, _, err = run("country_classify", *arguments)
    assert status == 0
    assert "`few`: country 0.333 → 1.000 (1 cases better, 0 worse; within noise)" in err


def test_the_runs_name_the_model_that_was_asked_for(facade: Facade, run: Run, country_set: Path) -> None:
    answered = {"country": "DE", "source": "llm", "graph_meta": {"model": "openai:other", "totals": {}}}
    facade.answer = answering(200, answered)
    run("country_classify", "--set", country_set, "--model", "openai:other", "--at-once", 1)
    named = [body["config"]["configurable"]["agentic_sales_model"] for _, body in facade.requests]
    assert named == ["openai:other"] * 2


def test_a_model_that_answered_nothing_ends_it_with_1_and_is_named(facade: Facade, run: Run, country_set: Path) -> None:
    says(facade, Berlin="DE", Paris="FR")
    status, _, err = run("country_classify", "--set", country_set, "--model", "openai:other", "--at-once", 1)
    assert status == 1
    assert "`openai:other` answered none of 2 cases" in err


def test_a_model_that_runs_may_not_name_is_one_error(facade: Facade, run: Run, country_set: Path) -> None:
    facade.answer = answering(403, {"detail": "a run may not name the model", "code": "model_not_allowed"})
    status, _, err = run("country_classify", "--set", country_set, "--model", "openai:dear", "--at-once", 1)
    assert status == 2
    assert "may not name the model" in err


def test_a_judge_scores_the_answers_of_the_fleet(
    facade: Facade, run: Run, country_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(facade, Berlin="DE", Paris="FR")
    scores = [answer({"score": 0.9, "reason": "right"}), answer({"score": 0.2, "reason": "no country of it"})]
    with model_server(scores) as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        arguments = "--set", country_set, "--judge", MODEL, "--at-once", 1
        status, out, err = run("country_classify", *arguments)
    settings.cache_clear()
    assert status == 1
    assert "judge is 0.500; at least 0.8 is wanted" in err
    assert {"judge", "0.500"} <= set(out.split())


def test_the_sets_are_brought_to_langsmith(
    facade: Facade, run: Run, country_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(facade, Berlin="DE", Paris="FR")
    with langsmith_server() as langsmith:
        for name, value in {**langsmith.environment, "LANGSMITH_TRACING": "false"}.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        status, _, err = run("country_classify", "--set", country_set, "--langsmith", "--at-once", 1)
    settings.cache_clear()
    assert status == 0
    assert "LangSmith: dataset `few`, experiment `few " in err
    assert (len(langsmith.examples), len(langsmith.feedback)) == (2, 2)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("country_classify", "--judge", "nobody:model"), "nobody"),
        (("country_classify", "--judge", ""), "`--judge` needs a model"),
        (("country_classify", "--langsmith"), "LANGSMITH_API_KEY"),
        ((), "name a workflow, or give --all"),
        (("country_classify", "--all"), "name a workflow, or give --all"),
        (("nobody",), "there is no workflow `nobody`"),
        (("pipeline",), "`pipeline` has no set"),
        (("country_classify", "--baseline", "/no/such/file"), "is no result of"),
    ],
)
def test_a_wrong_request_is_one_line(run: Run, arguments: tuple[str, ...], told: str) -> None:
    status, _, err = run(*arguments)
    assert status == 2
    assert told in err


def test_the_table_is_written_into_a_readme_and_read_again(
    facade: Facade, run: Run, country_set: Path, tmp_path: Path
) -> None:
    says(facade, Berlin="DE", Paris="DE")
    (file := tmp_path / "README.md").write_text(f"# Ours\n\n{BEGIN}an old table\n{END}\nThe end.\n", encoding="utf-8")
    run("country_classify", "--set", country_set, "--at-once", 1, "--readme", file)
    readme = file.read_text("utf-8")
    assert readme.startswith("# Ours")
    assert readme.endswith("The end.\n")
    assert "an old table" not in readme
    assert told_values(readme) == {"few": {"country": 0.333}}


def test_a_readme_without_a_place_for_the_table_is_named(
    facade: Facade, run: Run, country_set: Path, tmp_path: Path
) -> None:
    says(facade, Berlin="DE", Paris="FR")
    (file := tmp_path / "README.md").write_text("# Ours\n", encoding="utf-8")
    status, _, err = run("country_classify", "--set", country_set, "--at-once", 1, "--readme", file)
    assert status == 2
    assert "no place for the table" in err
    assert file.read_text("utf-8") == "# Ours\n"


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a"}', '{"id": "a", "input": {}}', ""])
def test_a_file_that_is_no_set_is_named(tmp_path: Path, line: str) -> None:
    (file := tmp_path / "some.jsonl").write_text(line)
    with pytest.raises(ConfigurationError, match=r"some\.jsonl"):
        read_set("country_classify", file)


@pytest.mark.parametrize("told", ["metric = 'guess'", "least = 0.5, unknown = 1"])
def test_a_measure_that_cannot_be_taken_is_named(country_set: Path, told: str) -> None:
    country_set.with_name("measures.toml").write_text(f"[country_classify]\ncountry = {{ {told} }}\n")
    with pytest.raises(ConfigurationError, match=r"measures\.toml"):
        read_set("country_classify", country_set)


def test_the_older_sets_are_read_into_the_one_form() -> None:
    [file] = [file for file in set_files("classify_reply", [Path("evals")]) if file.stem == "classify_reply"]
    case = next(case for case in read_set("classify_reply", file).cases if case.case_id == "cr-002")
    assert case.input.keys() == {"subject", "sender", "body", "is_automatic", "received_on"}
    assert case.expected == {"reply_class": {"is": "interested", "accept": ["interested"]}}


OUTPUT = {"boards": [{"url": "a"}, {"url": "b"}], "channels": [], "best": {"name": "x"}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("boards[].url", ["a", "b"]),
        ("boards[1].url", "b"),
        ("boards[7].url", None),
        ("channels[0].title", None),
        ("best.name", "x"),
        ("missing.name", None),
    ],
)
def test_a_path_leads_into_an_output(path: str, found: Any) -> None:
    assert Measure("any", "exact", path).found_in(OUTPUT) == found
