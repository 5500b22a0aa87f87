"""Each of the product's workflows runs through HTTP, queue and worker; by rules, and with a model."""

from typing import Any

import pytest

from agentic_sales.registry import BY_ID
from agentic_sales.routing import DEFAULT_CORE_QUEUE, build_routes, route_for
from tests.acceptance.examples import example_of
from tests.support.fleet import Fleet
from tests.support.model_server import MODEL, ModelServer

ROUTES = build_routes({})
POOL_OF = {name: route_for(name, default_queue=DEFAULT_CORE_QUEUE, routes=ROUTES).queue for name in BY_ID}
STAGES = ["deep_scrape", "company_enrichment", "classify_recruitment", "country_classify", "email_compose"]


@pytest.mark.parametrize("assistant_id", POOL_OF)
def test_a_workflow_runs_on_its_pool_and_answers_what_it_documents(
    fleet: Fleet, sample_site: str, assistant_id: str
) -> None:
    response = fleet.call(assistant_id, example_of(assistant_id, site=sample_site))
    assert response.status_code == 200, response.text
    documented = fleet.get(f"/assistants/{assistant_id}/schemas").json()["output_schema"]["properties"]
    assert documented.keys() <= response.json().keys()
    if "source" in documented:
        assert response.json()["source"] == "rules", "no model is configured"
    record = fleet.run(response.headers["x-run-id"])
    assert record["queue"] == POOL_OF[assistant_id]
    assert int(record["worker"].rpartition("/")[2]) in fleet.children(f"worker-{record['queue']}")


class TestPipeline:
    @pytest.fixture(scope="class")
    @classmethod
    def answer(cls, shared_fleet: Fleet, sample_site: str) -> dict[str, Any]:
        """The final state of a run over the sample site and a site that is not there."""
        values = {"domains": [sample_site, "http://127.0.0.1:9"], "sender_name": "Ada Example"}
        response = shared_fleet.call("pipeline", values)
        assert response.status_code == 200, response.text
        state: dict[str, Any] = response.json()
        return {**state, "trace_id": response.headers["x-trace-id"], "run_id": response.headers["x-run-id"]}

    def test_a_company_goes_from_its_site_to_a_drafted_mail(self, answer: dict[str, Any]) -> None:
        company = answer["companies"][0]
        assert company["deep_scrape"]["pages"]
        assert company["company_enrichment"]["company"]["name"]
        assert company["classify_recruitment"]["is_recruitment"] is False
        assert company["country_classify"]["country"]
        assert company["email_compose"]["body"]

    def test_each_stage_runs_on_the_pool_of_its_capability_in_one_trace(
        self, fleet: Fleet, answer: dict[str, Any]
    ) -> None:
        assert {run["assistant_id"]: run["queue"] for run in answer["runs"]} == {s: POOL_OF[s] for s in STAGES}
        for run in answer["runs"]:
            record = fleet.run(run["run_id"])
            assert (record["trace_id"], record["parent_run_id"]) == (answer["trace_id"], answer["run_id"])

    def test_the_failure_of_one_company_is_reported_and_the_other_goes_on(self, answer: dict[str, Any]) -> None:
        reports = {report["stage"]: report for report in answer["reports"]}
        assert (reports["discover"]["status"], reports["discover"]["created"]) == ("PARTIAL", 1)
        assert "127.0.0.1:9" in reports["discover"]["errors"][0]
        assert reports["compose"]["created"] >= 1


@pytest.mark.parametrize(("assistant_id", "said"), [("loud", "GOOD MORNING"), ("soft", "good morning")])
def test_graphs_of_a_module_that_a_team_had_already_run_as_they_are(fleet: Fleet, assistant_id: str, said: str) -> None:
    schema = fleet.get(f"/assistants/{assistant_id}/schemas").json()["input_schema"]
    assert schema["properties"]["text"]["type"] == "string"
    response = fleet.call(assistant_id, {"text": "Good Morning"})
    assert (response.status_code, response.json()) == (200, {"text": "Good Morning", "said": said})


def test_a_page_on_a_private_address_is_not_fetched(fleet: Fleet) -> None:
    response = fleet.call("deep_scrape", {"url": "http://169.254.169.254/latest/meta-data"})
    assert (response.status_code, response.json()["code"]) == (500, "fetch_refused")
    assert "169.254.169.254" in response.json()["detail"]


def test_with_a_model_the_answer_is_the_models_and_says_so(small_fleet: Fleet, model: ModelServer) -> None:
    response = small_fleet.call("email_compose", example_of("email_compose"))
    state = response.json()
    assert (response.status_code, state["source"]) == (200, "llm")
    assert state["subject"] == "Testing at night"
    assert state["model"] == MODEL
    assert state["graph_meta"]["totals"]["total_tokens"] == 160 * len(model.requests)
    assert any("Harbor Robotics" in request.prompt for request in model.requests)
