"""What the environment may say, and what `deploy/env.example` says about it."""

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from agentic_sales.errors import ConfigurationError
from agentic_sales.settings import Settings, child_environment, settings

ENV_EXAMPLE = Path(__file__).parents[2] / "deploy" / "env.example"
BEGINNING_OF_OTHERS = "# --- Not ours"


def described_fields() -> Iterator[tuple[FieldInfo, str]]:
    """Pair every field with the literal under it."""
    (definition,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(definition, ast.ClassDef)
    for field, literal in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            assert isinstance(literal, ast.Expr), f"`{field.target.id}` has no literal under it"
            yield Settings.model_fields[field.target.id], ast.literal_eval(literal.value)


def shown(default: object) -> str:
    """Spell a default as the environment would."""
    if default is None:
        return ""
    if isinstance(default, tuple):
        return ",".join(default)
    if isinstance(default, dict):
        return ",".join(f"{name}={value}" for name, value in default.items())
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_the_example_environment_says_of_every_setting_what_settings_says() -> None:
    wanted = [f"# {text}\n#{field.alias}={shown(field.default)}" for field, text in described_fields()]
    ours, *_ = ENV_EXAMPLE.read_text(encoding="utf-8").partition(BEGINNING_OF_OTHERS)
    assert [entry for entry in ours.split("\n\n") if entry.startswith("# ") and "=" in entry] == wanted


def test_every_setting_has_an_environment_name_and_a_literal() -> None:
    assert len(list(described_fields())) == len(Settings.model_fields)
    assert all(field.alias for field in Settings.model_fields.values())


def test_every_wrong_value_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache_clear()
    monkeypatch.setenv("AGENTIC_SALES_WORKER_CONCURRENCY", "none")
    monkeypatch.setenv("AGENTIC_SALES_GRAPH_ERROR_STATUS", "418")
    with pytest.raises(ConfigurationError, match=r"WORKER_CONCURRENCY='none'.*GRAPH_ERROR_STATUS='418'"):
        settings()
    settings.cache_clear()


def test_a_variable_of_another_program_under_the_name_of_a_field_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "WARNING")  # as `langgraph dev` sets it
    monkeypatch.setenv("PUBLIC_URL", "https://elsewhere.example")
    assert (settings().log_level, settings().public_url) == (Settings().log_level, None)
    monkeypatch.setenv("AGENTIC_SALES_LOG_LEVEL", "error")
    settings.cache_clear()
    assert settings().log_level == "error"


def test_a_child_inherits_the_environment_with_the_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "yes")
    monkeypatch.setenv("REPLACED", "old")
    monkeypatch.setenv("REMOVED", "yes")
    environment = child_environment({"REPLACED": "new", "REMOVED": None, "NEVER_SET": None})
    assert environment["KEPT"] == "yes"
    assert environment["REPLACED"] == "new"
    assert environment.keys().isdisjoint({"REMOVED", "NEVER_SET"})


def test_a_child_finds_the_commands_of_this_interpreter_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    assert child_environment({})["PATH"] == f"{Path(sys.executable).parent}:/usr/bin"


def test_a_signing_secret_that_is_none_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache_clear()
    monkeypatch.setenv("RESEND_WEBHOOK_SECRET", "whsec_a2V5, whsec_abcde")
    with pytest.raises(ConfigurationError, match="RESEND_WEBHOOK_SECRET=…: ") as refused:
        settings()
    assert "abcde" not in str(refused.value)
    monkeypatch.setenv("RESEND_WEBHOOK_SECRET", " , ")
    settings.cache_clear()
    assert settings().resend_webhook_secret is None
    settings.cache_clear()


@pytest.mark.parametrize("name", ["LANGGRAPH_AUTH_TOKEN", "AGENTIC_SALES_METRICS_TOKEN"])
def test_a_key_is_one_that_a_caller_can_send(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    field = "auth_token" if name == "LANGGRAPH_AUTH_TOKEN" else "metrics_token"
    for text, key in (("a key\n", "a key"), (" key\r\n", "key"), ("\tkey", "key"), (" \n ", None)):
        monkeypatch.setenv(name, text)
        settings.cache_clear()
        read = getattr(settings(), field)
        assert (read and read.get_secret_value()) == key
    for text in ("first\nsecond", "with\ttab", "schlüssel", "bell\a"):
        monkeypatch.setenv(name, text)
        settings.cache_clear()
        with pytest.raises(ConfigurationError, match=f"{name}=…: .*no caller could send it"):
            settings()


def test_a_share_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTIC_SALES_TRACE_SAMPLE", "echo=0.5, boom=2")
    with pytest.raises(ConfigurationError, match=r"TRACE_SAMPLE=.*`boom=2` is not a name, `=` and a share from 0 to 1"):
        settings()
    monkeypatch.setenv("AGENTIC_SALES_TRACE_SAMPLE", "echo=0.5, *=0")
    settings.cache_clear()
    assert settings().trace_sample == {"echo": 0.5, "*": 0.0}
