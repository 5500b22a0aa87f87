"""The official LangGraph SDKs work against the fleet as they are."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import NotFoundError

from agentic_sales.control import assistant_uuid
from tests.acceptance.examples import example_of
from tests.fleet import Fleet
from tests.javascript import installed, run_script

JAVASCRIPT_PACKAGES = ("@langchain/langgraph-sdk@2.0.0", "@langchain/core@1.2.13")
SCRIPT = Path(__file__).with_name("sdk_calls.mjs")
EMAIL = example_of("email_compose")


class TestPython:
    @pytest.fixture
    async def sdk(self, fleet: Fleet) -> AsyncIterator[LangGraphClient]:
        """The SDK's client, with the key as a bearer token."""
        async with get_client(url=fleet.url, headers={"authorization": f"Bearer {fleet.token}"}) as client:
            yield client

    async def test_a_stateless_run_returns_its_final_state(self, sdk: LangGraphClient) -> None:
        state = await sdk.runs.wait(None, "email_compose", input=EMAIL)
        assert isinstance(state, dict)
        assert state["subject"]
        assert state["source"] == "rules"

    async def test_the_key_can_be_given_as_the_sdks_api_key(self, fleet: Fleet) -> None:
        async with get_client(url=fleet.url, api_key=fleet.token) as client:
            assert await client.runs.wait(None, "echo", input={"x": 2}) == {"x": 2, "y": 2}

    async def test_assistants_are_found_and_described(self, sdk: LangGraphClient) -> None:
        [assistant] = await sdk.assistants.search(graph_id="email_compose")
        assert assistant["assistant_id"] == assistant_uuid("email_compose")
        assert await sdk.assistants.get("email_compose") == assistant
        schemas = await sdk.assistants.get_schemas("email_compose")
        assert schemas["input_schema"] is not None
        assert EMAIL.keys() <= schemas["input_schema"]["properties"].keys()

    async def test_an_unknown_assistant_raises_as_the_sdk_does(self, sdk: LangGraphClient) -> None:
        with pytest.raises(NotFoundError, match="no_such_workflow"):
            await sdk.assistants.get("no_such_workflow")

    @pytest.mark.parametrize(
        ("assistant_id", "values", "status"),
        [("boom", {}, 500), ("echo", {"x": "one"}, 422), ("no_such_workflow", {}, 404), ("broken_import", {}, 503)],
    )
    async def test_a_run_that_does_not_succeed_raises_with_its_status(
        self, sdk: LangGraphClient, assistant_id: str, values: dict[str, Any], status: int
    ) -> None:
        with pytest.raises(httpx.HTTPStatusError) as caught:
            await sdk.runs.wait(None, assistant_id, input=values)
        assert caught.value.response.status_code == status

    async def test_a_failure_after_the_answer_has_started_raises_too(self, fleet: Fleet) -> None:
        url = fleet.start_facade("web-early", {"AGENTIC_SALES_KEEPALIVE_AFTER_S": "0.2"})
        async with get_client(url=url, api_key=fleet.token) as client:
            assert await client.runs.wait(None, "sleepy", input={"wait_s": 0.8}) == {"wait_s": 0.8, "waited_s": 0.8}
            with pytest.raises(Exception, match="RunTimeout: `overlong`"):
                await client.runs.wait(None, "overlong", input={"wait_s": 5})
        fleet.retire("web-early")


@pytest.fixture(scope="module")
def javascript(request: pytest.FixtureRequest, shared_fleet: Fleet) -> dict[str, Any]:
    """What the JavaScript SDK gives back; its packages are installed once into pytest's cache."""
    folder = installed(request.config.cache.mkdir("javascript-sdk"), *JAVASCRIPT_PACKAGES)
    outcomes: dict[str, Any] = run_script(SCRIPT, folder, shared_fleet.url, shared_fleet.token, json.dumps(EMAIL))
    return outcomes


class TestJavaScript:
    def test_a_stateless_run_returns_its_final_state(self, javascript: dict[str, Any]) -> None:
        assert javascript["run"]["value"]["subject"]
        assert javascript["run"]["value"]["source"] == "rules"

    def test_the_key_can_be_given_as_the_sdks_api_key(self, javascript: dict[str, Any]) -> None:
        assert javascript["runWithKey"] == {"value": {"x": 2, "y": 2}}

    def test_assistants_are_found_and_described(self, javascript: dict[str, Any]) -> None:
        [assistant] = javascript["search"]["value"]
        assert assistant["assistant_id"] == assistant_uuid("email_compose")
        assert EMAIL.keys() <= javascript["schemas"]["value"]["input_schema"]["properties"].keys()

    def test_a_stream_can_be_read(self, javascript: dict[str, Any]) -> None:
        frames = javascript["streamed"]["value"]
        assert (frames[0]["event"], frames[-1]["event"]) == ("metadata", "end")
        assert {"event": "values", "data": {"x": 3, "y": 3}} in frames

    def test_a_background_run_can_be_joined_and_looked_at(self, javascript: dict[str, Any]) -> None:
        background = javascript["background"]["value"]
        assert background["run"]["status"] == "pending"
        assert background["joined"] == {"wait_s": 0.3, "waited_s": 0.3}
        assert background["found"]["status"] == "success"

    @pytest.mark.parametrize(
        ("call", "status"), [("failed", 500), ("wrongInput", 422), ("unknown", 404), ("withoutKey", 401)]
    )
    def test_a_run_that_does_not_succeed_raises_with_its_status(
        self, javascript: dict[str, Any], call: str, status: int
    ) -> None:
        assert javascript[call]["error"] == "HTTPError"
        assert javascript[call]["status"] == status
