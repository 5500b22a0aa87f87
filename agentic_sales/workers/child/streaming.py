"""Run a graph and write its stream, in the frames that LangGraph's callers know.

The final state is the last `values` frame. So a streamed run and a waited-for run answer the same.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, BaseMessageChunk, message_chunk_to_message
from langgraph.runtime import RunControl

from agentic_sales.errors import ClaimLost
from agentic_sales.runs.ledger import Claim
from agentic_sales.wire import to_wire
from agentic_sales.workers.loader import Graph

Frame = tuple[str, Any]
"""Name and data of one event."""
Write = Callable[[str, bytes], Awaitable[bool]]
"""Adds an event to the run's stream; False when the claim was lost."""

_MESSAGES = ("messages", "messages-tuple")


async def stream_graph(
    graph: Graph,
    values: Any,
    config: Any,
    *,
    claim: Claim,
    control: RunControl,
    options: Mapping[str, Any],
    write: Write,
) -> Any:
    """Run a graph, write its frames, and return its final state.

    Raises:
        ClaimLost: Another worker holds the run by now, and its stream is the true one.
    """
    await _write_metadata(write, claim)
    state: Any = {}
    messages = MessageFrames()
    async for namespace, mode, chunk in _chunks(
        graph, values, config, modes=claim.stream_modes, control=control, options=options
    ):
        if mode == "values" and not namespace:
            state = chunk
        if namespace and not claim.request.get("stream_subgraphs"):
            continue
        for name, data in _frames(mode, chunk, claim.stream_modes, messages):
            await _write(write, claim, "|".join((name, *namespace)), data)
    return state


async def stream_state(state: Any, *, claim: Claim, write: Write) -> None:
    """Write the frames of a run of which nothing is left to run.

    Raises:
        ClaimLost: Another worker holds the run by now.
    """
    await _write_metadata(write, claim)
    if "values" in claim.stream_modes:
        await _write(write, claim, "values", state)


async def _chunks(
    graph: Graph, values: Any, config: Any, *, modes: Sequence[str], control: RunControl, options: Mapping[str, Any]
) -> AsyncIterator[tuple[tuple[str, ...], str, Any]]:
    wanted: list[Any] = ["messages" if mode in _MESSAGES else mode for mode in modes if mode != "events"]
    asked: list[Any] = list(dict.fromkeys(["values", *wanted]))
    if "events" not in modes:
        streamed: AsyncIterator[Any] = graph.astream(
            values, config, stream_mode=asked, subgraphs=True, control=control, **options
        )
        async for chunk in streamed:
            yield chunk
        return
    async for event in graph.astream_events(
        values, config, version="v2", stream_mode=asked, subgraphs=True, control=control, **options
    ):
        yield (), "events", event
        if event["event"] == "on_chain_stream" and event["run_id"] == str(config["run_id"]):
            yield event["data"]["chunk"]


def _frames(mode: str, chunk: Any, modes: Sequence[str], messages: "MessageFrames") -> list[Frame]:
    if mode == "messages":
        tuples: list[Frame] = [("messages", list(chunk))] if "messages-tuple" in modes else []
        return [*tuples, *(messages.of(*chunk) if "messages" in modes else ())]
    return [(mode, chunk)] if mode in modes else []


class MessageFrames:
    """Turn message chunks into LangGraph's `messages/…` frames, whose text is cumulative."""

    def __init__(self) -> None:
        self._so_far: dict[str, BaseMessage] = {}

    def of(self, message: BaseMessage, metadata: dict[str, Any]) -> list[Frame]:
        """Return the frames of one chunk, or of one whole message."""
        message_id = message.id or ""
        known = self._so_far.get(message_id)
        first: list[Frame] = [] if known else [("messages/metadata", {message_id: {"metadata": metadata}})]
        if not isinstance(message, BaseMessageChunk):
            self._so_far[message_id] = message
            return [*first, ("messages/complete", [message])]
        whole = known + message if isinstance(known, BaseMessageChunk) else message
        self._so_far[message_id] = whole
        return [*first, ("messages/partial", [message_chunk_to_message(whole)])]


async def _write_metadata(write: Write, claim: Claim) -> None:
    await _write(write, claim, "metadata", {"run_id": claim.run_id, "attempt": claim.attempt})


async def _write(write: Write, claim: Claim, name: str, data: Any) -> None:
    if not await write(name, to_wire(data, fallback=str)):
        raise ClaimLost(claim.run_id)
