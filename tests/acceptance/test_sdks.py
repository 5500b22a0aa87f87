"""The official LangGraph SDKs work against the fleet as they are."""

import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.pregel.remote import RemoteGraph
from langgraph.types import Command
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError
from langgraph_sdk.schema import Thread
from uuid_utils import uuid7

from agentic_sales.control import assistant_uuid
from tests.acceptance.examples import example_of
from tests.support.fleet import Fleet
from tests.support.javascript import installed, run_script

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


class TestPythonThreads:
    @pytest.fixture
    async def sdk(self, fleet: Fleet) -> AsyncIterator[LangGraphClient]:
        """The SDK's client."""
        async with get_client(url=fleet.url, api_key=fleet.token) as client:
            yield client

    @pytest.fixture
    async def thread_id(self, sdk: LangGraphClient) -> str:
        """A new thread."""
        return (await sdk.threads.create())["thread_id"]

    async def test_threads_are_made_found_changed_and_removed(self, sdk: LangGraphClient) -> None:
        thread = await sdk.threads.create(metadata={"deal": secrets.token_hex(4)}, graph_id="ask_human")
        thread_id, wanted = thread["thread_id"], {"deal": thread["metadata"]["deal"]}  # type: ignore[index]  # as created
        assert thread["status"] == "idle"
        with pytest.raises(ConflictError, match=thread_id):
            await sdk.threads.create(thread_id=thread_id)
        assert (await sdk.threads.create(thread_id=thread_id, if_exists="do_nothing"))["metadata"] == thread["metadata"]
        changed = await sdk.threads.update(thread_id, metadata={"stage": "won"})
        assert changed == await sdk.threads.get(thread_id)
        assert await sdk.threads.search(metadata=wanted, status="idle", limit=1) == [changed]
        assert await sdk.threads.search(ids=[thread_id], sort_by="updated_at", sort_order="asc") == [changed]
        assert await sdk.threads.count(metadata=wanted) == 1
        await sdk.threads.delete(thread_id)
        with pytest.raises(NotFoundError, match=thread_id):
            await sdk.threads.get(thread_id)

    async def test_a_run_waits_at_an_interrupt_and_is_resumed_by_a_value_and_by_an_id(
        self, sdk: LangGraphClient, thread_id: str
    ) -> None:
        first = await sdk.runs.wait(thread_id, "ask_human", input={"topic": "price", "questions": 2})
        assert isinstance(first, dict)
        assert await sdk.threads.get(thread_id) == await _thread_that_waits_at(sdk, thread_id, first["__interrupt__"])
        second = await sdk.runs.wait(thread_id, "ask_human", command={"resume": "one"})
        assert isinstance(second, dict)
        [interrupt] = second["__interrupt__"]
        done = await sdk.runs.wait(thread_id, "ask_human", command={"resume": {interrupt["id"]: "two"}})
        assert isinstance(done, dict)
        assert (done["answers"], done["finished"]) == (["one", "two"], True)
        with pytest.raises(httpx.HTTPStatusError) as late:
            await sdk.runs.wait(thread_id, "ask_human", command={"resume": "late"})
        assert late.value.response.status_code == 409

    async def test_the_state_is_told_changed_and_remembered(self, sdk: LangGraphClient, thread_id: str) -> None:
        await sdk.runs.wait(thread_id, "ask_human", input={"topic": "a", "questions": 0}, interrupt_before=["finish"])
        state = await sdk.threads.get_state(thread_id)
        assert (state["next"], state["checkpoint"]["thread_id"]) == (["finish"], thread_id)
        changed = await sdk.threads.update_state(thread_id, {"draft": "Edited."})
        history = await sdk.threads.get_history(thread_id, limit=2)
        assert history[0]["checkpoint"] == changed["checkpoint"]
        assert history[1] == state
        older = state["checkpoint"]
        assert await sdk.threads.get_state(thread_id, checkpoint=older, subgraphs=True) == state
        assert await sdk.threads.get_state(thread_id, checkpoint_id=older["checkpoint_id"]) == state
        assert await sdk.threads.get_history(thread_id, before=changed["checkpoint"], limit=1) == [state]
        done = await sdk.runs.wait(thread_id, "ask_human", input=None)
        assert isinstance(done, dict)
        assert (done["draft"], done["finished"]) == ("Edited.", True)

    async def test_runs_are_started_listed_joined_streamed_cancelled_and_removed(
        self, sdk: LangGraphClient, thread_id: str
    ) -> None:
        first = await sdk.runs.create(thread_id, "sleepy", input={"wait_s": 0.5}, metadata={"who": "us"})
        second = await sdk.runs.create(thread_id, "echo", input={"x": 2})
        third = await sdk.runs.create(thread_id, "echo", input={"x": 3})
        assert [run["run_id"] for run in await sdk.runs.list(thread_id)] == [
            run["run_id"] for run in (third, second, first)
        ]
        with pytest.raises(ConflictError, match=first["run_id"]):
            await sdk.runs.create(thread_id, "echo", input={"x": 1}, multitask_strategy="reject")
        await sdk.runs.cancel(thread_id, second["run_id"], wait=True)
        assert await sdk.runs.join(thread_id, third["run_id"]) == {"x": 3, "y": 3}
        parts = [part async for part in sdk.runs.join_stream(thread_id, third["run_id"])]
        assert (parts[0].event, parts[-1].event) == ("metadata", "end")
        assert [run["run_id"] for run in await sdk.runs.list(thread_id, status="interrupted")] == [second["run_id"]]
        assert (await sdk.runs.get(thread_id, first["run_id"]))["metadata"] == {"who": "us"}
        await sdk.runs.delete(thread_id, second["run_id"])
        with pytest.raises(NotFoundError):
            await sdk.runs.get(thread_id, second["run_id"])
        streamed = [part async for part in sdk.runs.stream(thread_id, "echo", input={"x": 4}, stream_mode="updates")]
        assert [part.data for part in streamed if part.event == "updates"] == [{"echo": {"y": 4}}]

    async def test_a_remote_graph_runs_streams_waits_and_goes_on(self, sdk: LangGraphClient) -> None:
        graph = RemoteGraph("ask_human", client=sdk)
        config: RunnableConfig = {"configurable": {"thread_id": str(uuid7())}}
        waiting = await graph.ainvoke({"topic": "price"}, config)
        assert waiting["__interrupt__"][0]["value"]["question"] == "About price. Question 0?"
        state = await graph.aget_state(config)
        assert (state.next, [interrupt.id for interrupt in state.interrupts]) == (
            ("ask",),
            [waiting["__interrupt__"][0]["id"]],
        )
        chunks = [chunk async for chunk in graph.astream(Command(resume="yes"), config, stream_mode="updates")]
        assert chunks == [{"ask": {"answers": ["yes"]}}, {"finish": {"finished": True}}]
        assert (await graph.aget_state(config)).next == ()
        assert len([each async for each in graph.aget_state_history(config)]) >= 4
        changed = await graph.aupdate_state(config, {"draft": "Edited."}, as_node="draft")
        assert changed["configurable"]["thread_id"] == config["configurable"]["thread_id"]
        assert (await graph.aget_state(config)).values["draft"] == "Edited."


async def _thread_that_waits_at(sdk: LangGraphClient, thread_id: str, interrupts: list[Any]) -> Thread:
    """Return a thread after a look at what it says of its waiting."""
    thread = await sdk.threads.get(thread_id)
    [state_task] = (await sdk.threads.get_state(thread_id))["tasks"]
    assert (thread["status"], thread["interrupts"]) == ("interrupted", {state_task["id"]: interrupts})
    return thread


@pytest.fixture(scope="module")
def javascript(request: pytest.FixtureRequest, shared_fleet: Fleet) -> dict[str, Any]:
    """What the JavaScript SDK gives back; its packages are installed once into pytest's cache."""
    folder = installed(request.config, "javascript-sdk", *JAVASCRIPT_PACKAGES)
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
        assert background["run"]["status"] in {"pending", "running"}  # a free worker takes it at once
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

    def test_threads_are_made_found_changed_and_removed(self, javascript: dict[str, Any]) -> None:
        threads = javascript["threads"]["value"]
        assert threads["found"] == [threads["changed"]]
        assert threads["changed"] == threads["got"]
        assert threads["changed"]["metadata"] == {**threads["made"]["metadata"], "stage": "won"}
        assert threads["count"] == 1
        assert (threads["again"]["status"], threads["gone"]["status"]) == (409, 404)

    def test_a_run_waits_at_an_interrupt_and_is_resumed(self, javascript: dict[str, Any]) -> None:
        conversation = javascript["conversation"]["value"]
        [interrupt] = conversation["waiting"]["__interrupt__"]
        assert list(conversation["thread"]["interrupts"].values()) == [[interrupt]]
        assert (conversation["thread"]["status"], conversation["state"]["next"]) == ("interrupted", ["ask"])
        assert conversation["done"]["answers"] == ["yes"]
        assert conversation["late"]["status"] == 409
        assert conversation["history"][0]["next"] == []
        assert {"event": "values", "data": conversation["done"]} in conversation["streamed"]

    def test_the_state_is_changed(self, javascript: dict[str, Any]) -> None:
        edited = javascript["edited"]["value"]
        assert edited["older"] == edited["before"]
        assert edited["done"]["draft"] == "Edited."

    def test_runs_of_a_thread_are_listed_joined_cancelled_and_removed(self, javascript: dict[str, Any]) -> None:
        runs = javascript["runs"]["value"]
        assert [run["run_id"] for run in runs["listed"]] == [runs["second"]["run_id"], runs["first"]["run_id"]]
        assert runs["busy"]["status"] == 409
        assert runs["joined"] == {"wait_s": 0.3, "waited_s": 0.3}
        assert runs["cancelled"]["status"] == "interrupted"
        assert runs["removed"]["status"] == 404
        assert runs["events"][-1] == "end"
