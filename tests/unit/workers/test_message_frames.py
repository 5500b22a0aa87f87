"""LangGraph's `messages/…` frames: the text grows, and what is known of a message is said once."""

from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from agentic_sales.workers.child.streaming import Frame, MessageFrames

METADATA = {"langgraph_node": "draft"}


def chunk(text: str, message_id: str = "m1") -> AIMessageChunk:
    """Make a piece of a message."""
    return AIMessageChunk(content=text, id=message_id)


def texts(frames: list[Frame]) -> list[tuple[str, Any]]:
    """Show each frame with the text of its message."""
    return [(name, data[0].content) for name, data in frames if name != "messages/metadata"]


def test_the_text_of_a_message_grows_with_every_chunk() -> None:
    frames = MessageFrames()
    seen = [texts(frames.of(chunk(text), METADATA)) for text in ("Hel", "lo", "!")]
    assert seen == [
        [("messages/partial", "Hel")],
        [("messages/partial", "Hello")],
        [("messages/partial", "Hello!")],
    ]


def test_the_metadata_of_a_message_comes_once_and_first() -> None:
    frames = MessageFrames()
    first, second = frames.of(chunk("a"), METADATA), frames.of(chunk("b"), METADATA)
    assert first[0] == ("messages/metadata", {"m1": {"metadata": METADATA}})
    assert [name for name, _ in first] == ["messages/metadata", "messages/partial"]
    assert [name for name, _ in second] == ["messages/partial"]


def test_a_partial_message_is_a_message_and_no_chunk() -> None:
    [_, (_, [partial])] = MessageFrames().of(chunk("a"), METADATA)
    assert isinstance(partial, AIMessage)
    assert not isinstance(partial, AIMessageChunk)
    assert partial.id == "m1"


def test_the_chunks_of_two_messages_are_not_mixed() -> None:
    frames = MessageFrames()
    pieces = (chunk("a", "m1"), chunk("x", "m2"), chunk("b", "m1"), chunk("y", "m2"))
    seen = [texts(frames.of(piece, METADATA)) for piece in pieces]
    assert [text for [(_, text)] in seen] == ["a", "x", "ab", "xy"]


def test_a_whole_message_is_complete() -> None:
    message: BaseMessage = AIMessage(content="all of it", id="m1")
    assert MessageFrames().of(message, METADATA) == [
        ("messages/metadata", {"m1": {"metadata": METADATA}}),
        ("messages/complete", [message]),
    ]


def test_a_whole_message_after_its_chunks_is_complete_and_repeats_no_metadata() -> None:
    frames = MessageFrames()
    frames.of(chunk("all"), METADATA)
    message = AIMessage(content="all of it", id="m1")
    assert frames.of(message, METADATA) == [("messages/complete", [message])]
