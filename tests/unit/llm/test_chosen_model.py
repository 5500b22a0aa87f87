"""A run may name its model, from those that the deployment lets it name."""

from typing import Any

import pytest
from pydantic import BaseModel, Field

from agentic_sales.errors import ModelNotAllowed
from agentic_sales.llm.ask import ask
from agentic_sales.llm.prompts import Prompt
from agentic_sales.llm.providers import close_models
from agentic_sales.runs.chosen_model import (
    check_chosen_model,
    chosen_model_of,
    config_of_model,
    current_chosen_model,
)
from agentic_sales.settings import Settings, settings
from tests.support.model_server import MODEL, answer, model_server

PROMPT = Prompt("any", "any", "Say yes.")


class Yes(BaseModel):
    """What the model says."""

    said: str = Field(description="Yes.")


def configured(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    """Return settings with these variables and no other model."""
    for name in ("MODEL", "MODEL_DEEP", "RUN_MODELS"):
        monkeypatch.delenv(f"AGENTIC_SALES_{name}", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    return settings()


@pytest.mark.parametrize(
    ("request_", "model"),
    [
        ({}, None),
        ({"config": None}, None),
        ({"config": {"configurable": None}}, None),
        ({"config": {"configurable": {"thread_id": "x"}}}, None),
        ({"config": {"configurable": {"agentic_sales_model": 7}}}, None),
        (config_of_model("openai:x"), "openai:x"),
        (config_of_model(None), None),
    ],
)
def test_the_model_stands_in_the_config_of_a_request(request_: dict[str, Any], model: str | None) -> None:
    assert chosen_model_of(request_) == model


@pytest.mark.parametrize("named", [None, "openai:own", "openai:deep", "openai:more"])
def test_the_models_of_the_deployment_and_those_that_it_lets_runs_name_are_taken(
    named: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = {"AGENTIC_SALES_MODEL": "openai:own", "AGENTIC_SALES_MODEL_DEEP": "openai:deep"}
    check_chosen_model(named, configured(monkeypatch, **models, AGENTIC_SALES_RUN_MODELS="openai:more, openai:other"))


def test_any_model_is_taken_where_the_deployment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    check_chosen_model("openai:any", configured(monkeypatch, AGENTIC_SALES_RUN_MODELS="*"))


@pytest.mark.parametrize("named", ["openai:dear", "", 7, ["openai:own"]])
def test_another_model_is_refused_with_those_that_there_are(named: object, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelNotAllowed, match=r"allows `openai:own`; add it to AGENTIC_SALES_RUN_MODELS"):
        check_chosen_model(named, configured(monkeypatch, AGENTIC_SALES_MODEL="openai:own"))


async def test_a_graph_asks_the_model_that_its_run_has_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with model_server([answer({"said": "yes"})]) as server:
        told = {name: value for name, value in server.env.items() if name != "AGENTIC_SALES_MODEL"}
        configured(monkeypatch, **told)
        token = current_chosen_model.set(MODEL)
        try:
            found = await ask(PROMPT, Yes)
        finally:
            current_chosen_model.reset(token)
            await close_models()
            settings.cache_clear()
    assert (found.value.said, found.source, found.graph_meta["model"]) == ("yes", "llm", MODEL)
