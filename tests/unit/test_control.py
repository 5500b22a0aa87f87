"""The control plane of a deployment: rows, routes and schemas under one configuration."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentic_sales.control import assistant_uuid, build_control_plane, control_plane, schemas_path
from agentic_sales.errors import ConfigurationError, UnknownAssistant
from agentic_sales.registry import BY_ID
from agentic_sales.settings import Settings

TESTS_REGISTRY = "tests.workflows.registry"


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A registry `acme_rows` of another team, without schemas yet."""
    row = 'GraphSpec("acme_mail", "acme.mail")'
    (tmp_path / "acme_rows.py").write_text(f"from agentic_sales.registry import GraphSpec\nGRAPHS = ({row},)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("acme_rows", None)


def configured(**environment: str) -> Settings:
    """Return a configuration as these environment names make it."""
    return Settings.model_validate(environment)


def test_an_assistant_is_found_by_its_name_and_by_the_uuid_that_langgraph_gives_it() -> None:
    plane = control_plane()
    assert plane.row("email_compose") is plane.row(assistant_uuid("email_compose")) is BY_ID["email_compose"]


def test_the_uuid_of_an_assistant_is_the_one_that_langgraph_derives() -> None:
    assert assistant_uuid("agent") == "fe096781-5601-53d2-b2f6-0d3403f7e9ca"  # as LangGraph's documentation shows it


def test_an_unknown_assistant_is_refused_with_what_there_is() -> None:
    with pytest.raises(UnknownAssistant, match=r"`email_composer`.*email_compose"):
        control_plane().row("email_composer")


def test_the_queues_are_those_of_the_enabled_pools_and_core_comes_last() -> None:
    assert control_plane().queues == ("email", "classify", "discovery", "core")
    plane = build_control_plane(configured(CLASSIFY_WORKER_QUEUE="", CORE_WORKER_QUEUE="rest"))
    assert plane.queues == ("email", "discovery", "rest")
    assert plane.decide("country_classify").queue == "rest"


def test_further_registries_are_merged_and_routed() -> None:
    environment = {"AGENTIC_SALES_EXTRA_REGISTRIES": TESTS_REGISTRY, "EMAIL_WORKER_ASSISTANTS": "+echo"}
    plane = build_control_plane(configured(**environment))
    assert plane.row("echo").module == "tests.workflows.echo"
    assert plane.decide("echo").queue == "email"
    assert plane.decide("sleepy").queue == "core"
    assert plane.schemas["echo"]["input"]["required"] == ["x"]


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"AGENTIC_SALES_EXTRA_REGISTRIES": "acme.nowhere"}, "extra registry `acme.nowhere` cannot be imported"),
        ({"AGENTIC_SALES_EXTRA_REGISTRIES": "agentic_sales.registry"}, "`email_compose` has two registry rows"),
        ({"EMAIL_WORKER_ASSISTANTS": "echo"}, "lists `echo`, which no registry has"),
        ({"EMAIL_WORKER_QUEUE": "core"}, "both name the queue `core`"),
    ],
)
def test_a_deployment_that_contradicts_itself_does_not_start(environment: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        build_control_plane(configured(**environment))


def test_a_child_executes_one_run_at_a_time_unless_somebody_says_otherwise() -> None:
    plane = build_control_plane(configured())
    assert [plane.slots_of([queue]) for queue in plane.queues] == [1] * len(plane.queues)


def test_a_pool_has_as_many_slots_as_its_most_careful_row_and_the_environment_overrules_the_rows() -> None:
    waiting = {"a": replace(BY_ID["email_compose"], slots=64), "b": replace(BY_ID["email_reply"], slots=8)}
    plane = replace(build_control_plane(configured()), rows={row.assistant_id: row for row in waiting.values()})
    assert (plane.slots_of(["email"]), plane.slots_of(["classify"])) == (8, 1)
    assert replace(plane, slots={"EMAIL": 32}).slots_of(["email"]) == 32


def test_a_worker_on_several_queues_has_the_slots_of_its_most_careful_pool() -> None:
    plane = build_control_plane(configured(EMAIL_WORKER_SLOTS="16", CORE_WORKER_SLOTS="4"))
    assert (plane.slots_of(["email"]), plane.slots_of(["email", "core"])) == (16, 4)


def test_slots_of_a_pool_that_there_is_not_stop_the_start() -> None:
    with pytest.raises(ConfigurationError, match=r"MAIL_WORKER_SLOTS is set, but no pool has this prefix; the pools"):
        build_control_plane(configured(MAIL_WORKER_SLOTS="4"))


def test_what_is_legal_but_not_meant_is_warned_of() -> None:
    plane = build_control_plane(configured(EMAIL_WORKER_QUEUE="", EMAIL_WORKER_ASSISTANTS="email_reply"))
    assert len(plane.warnings) == 1
    assert "EMAIL_WORKER_QUEUE is empty" in plane.warnings[0]


def test_the_schemas_of_a_registry_are_beside_it(acme: Path) -> None:
    assert schemas_path("acme_rows") == acme / "schemas.json"
    with pytest.raises(ConfigurationError, match="registry module `acme_elsewhere` cannot be found"):
        schemas_path("acme_elsewhere")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, r"schemas\.json` cannot be read: .*No such file"),
        ("{", r"schemas\.json` cannot be read: "),
        ("[]", r"schemas\.json` must hold one object per assistant"),
        ("{}", r"schemas\.json has no entry for `acme_mail`"),
    ],
    ids=["missing", "no JSON", "no object", "incomplete"],
)
def test_missing_schemas_are_told_with_what_to_do(acme: Path, content: str | None, told: str) -> None:
    if content is not None:
        (acme / "schemas.json").write_text(content)
    plane = build_control_plane(configured(AGENTIC_SALES_EXTRA_REGISTRIES="acme_rows"))
    with pytest.raises(ConfigurationError, match=rf"{told}.*run `agentic-sales gen`"):
        _ = plane.schemas


def test_the_schemas_of_every_registry_are_merged(acme: Path) -> None:
    (acme / "schemas.json").write_text(json.dumps({"acme_mail": {"input": {}, "output": {}}}))
    plane = build_control_plane(configured(AGENTIC_SALES_EXTRA_REGISTRIES="acme_rows"))
    assert plane.schemas.keys() == {*BY_ID, "acme_mail"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [("AGENTIC_SALES_TRACE_SAMPLE", "*=1,no_such=0.5"), ("AGENTIC_SALES_TRACE_PAYLOADS", "no_such,email_compose")],
)
def test_tracing_an_assistant_that_no_registry_has_stops_the_start(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{variable} names `no_such`, which no registry has"):
        build_control_plane(Settings.model_validate({variable: value}))
