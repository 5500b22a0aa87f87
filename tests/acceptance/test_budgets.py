"""A fleet with a budget and a model: what the model costs is counted, and where the money ends the runs end."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.test_metrics import of_facade
from tests.support.fleet import ONLY_CORE, WEB, Fleet, fleet_of
from tests.support.model_server import MODEL, ModelRequest, ModelServer, Reply, answer, model_server
from tests.support.services import redis_server

CALL_USD = 0.01
BUDGET_USD = 0.03
CHILDREN = 2
OTHER = "openai:gpt-other"
"""A model that runs may name."""
COMPOSE = {"recipient_name": "Ada", "company_name": "Acme"}


def a_mail(request: ModelRequest) -> Reply:
    """Answer with what is no good mail, so that every run asks again and again."""
    content: dict[str, Any] = dict.fromkeys(request.schema["properties"], "Hello")
    return answer(content, input_tokens=1000, output_tokens=0)


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    """The model, which takes 0.01 USD for each call."""
    with model_server(a_mail) as server:
        yield server


@pytest.fixture(scope="module")
def frugal(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Fleet]:
    """A fleet of core alone that may spend 0.03 USD a day on mails."""
    directory = tmp_path_factory.mktemp("frugal")
    environment = {
        **ONLY_CORE,
        **model.env,
        "AGENTIC_SALES_METRICS_TOKEN": "prometheus",
        "AGENTIC_SALES_MODEL_PRICES": f"{MODEL}=10/0,{OTHER}=0/0",
        "AGENTIC_SALES_RUN_MODELS": OTHER,
        "AGENTIC_SALES_BUDGETS": f"email_compose={BUDGET_USD}/day",
    }
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=(WEB, "worker-core")) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


def test_the_runs_of_an_assistant_end_where_its_money_does(frugal: Fleet, model: ModelServer) -> None:
    calls = [frugal.begin("email_compose", COMPOSE) for _ in range(10)]
    answers = [call.response() for call in calls]
    refused = [answer for answer in answers if answer.status_code == 402]
    assert {answer.status_code for answer in answers} <= {200, 402}
    assert refused[0].json()["code"] == "budget_exceeded"
    assert refused[0].json()["kind"] == "client"
    assert "the budget is 0.03 USD" in refused[0].json()["detail"]
    spent_usd = len(model.requests) * CALL_USD
    assert BUDGET_USD <= spent_usd <= BUDGET_USD + (CHILDREN - 1) * CALL_USD + 1e-9


def test_a_run_that_asks_for_one_without_money_ends_for_the_same_reason(frugal: Fleet) -> None:
    answer = frugal.call("ask_core", {"assistant_id": "email_compose", "values": COMPOSE})
    assert (answer.status_code, answer.json()["code"]) == (402, "budget_exceeded")


def test_what_was_spent_is_told_of_each_run_and_of_the_day(frugal: Fleet, model: ModelServer) -> None:
    spent_usd = pytest.approx(len(model.requests) * CALL_USD)
    samples = of_facade(frugal)
    assert samples["agentic_llm_cost_usd_total", "email_compose", MODEL] == spent_usd
    assert samples["agentic_llm_tokens_total", "email_compose", "input", MODEL] == 1000 * len(model.requests)
    assert samples["agentic_budget_spent_usd", "*"] == samples["agentic_budget_spent_usd", "email_compose"] == spent_usd
    assert samples["agentic_budget_limit_usd", "email_compose"] == BUDGET_USD
    assert samples["agentic_run_failures_total", "budget_exceeded"] >= 1
    runs = [frugal.run(str(key).rpartition(":")[2]) for key in frugal.redis.keys("agentic:run:*")]
    assert sum(float(run.get("spent_usd", 0)) for run in runs) == spent_usd


def with_model(assistant_id: str, values: dict[str, Any], model: str) -> dict[str, Any]:
    """Return the request of a run that names its model."""
    named = {"configurable": {"agentic_sales_model": model}}
    return {"assistant_id": assistant_id, "input": values, "config": named}


def test_a_run_asks_the_model_that_it_names_and_so_do_its_sub_runs(frugal: Fleet, model: ModelServer) -> None:
    asked = {"assistant_id": "classify_recruitment", "values": {"name": "Acme", "description": "We make pumps."}}
    ended = frugal.http.post("/runs/wait", json=with_model("ask_core", asked, OTHER))
    assert ended.status_code == 200, ended.text
    assert f"openai:{model.requests[-1].body['model']}" == OTHER


def test_a_run_may_not_name_a_model_that_the_deployment_does_not_let_it_name(frugal: Fleet) -> None:
    refused = frugal.http.post("/runs/wait", json=with_model("email_compose", COMPOSE, "openai:dear"))
    assert (refused.status_code, refused.json()["code"]) == (403, "model_not_allowed")
    assert OTHER in refused.json()["detail"]
