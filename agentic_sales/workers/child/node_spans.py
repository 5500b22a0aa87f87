"""Open a span for every node that a graph runs, from LangChain's callbacks. Attached to a run only if it is traced."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langgraph.constants import TAG_HIDDEN
from langgraph.errors import GraphBubbleUp
from opentelemetry.trace import Span

from agentic_sales.observability import names
from agentic_sales.observability.spans import payload, span


class NodeSpans(BaseCallbackHandler):
    """Opens and ends the spans of one run's nodes.

    It is called inline, in the task of the node. So its span is active during a model call, during a sub-run, and in
    a library with an instrumentation of its own.
    """

    run_inline = True
    ignore_llm = ignore_chat_model = ignore_retriever = ignore_agent = True

    def __init__(self) -> None:
        self._open: dict[UUID, tuple[AbstractContextManager[Span], Span]] = {}

    def on_chain_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002 - LangChain's signature
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: Sequence[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Open a span if it is a node that starts; LangGraph tells of many more things."""
        of_node, name = metadata or {}, kwargs.get("name")
        if name is None or name != of_node.get("langgraph_node") or TAG_HIDDEN in (tags or ()):
            return
        if parent_run_id in self._open:
            return  # a node that is a runnable of the same name tells it twice
        attributes = {names.NODE: name, names.STEP: of_node.get("langgraph_step", 0), **payload(names.INPUT, inputs)}
        opened = span(names.node(name), attributes=attributes)
        self._open[run_id] = opened, opened.__enter__()

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        """End the span of a node."""
        if (node := self._open.pop(run_id, None)) is not None:
            opened, recorded = node
            recorded.set_attributes(payload(names.OUTPUT, outputs))
            opened.__exit__(None, None, None)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """End the span of a node that raised; an interrupt is no failure."""
        if (node := self._open.pop(run_id, None)) is not None:
            opened, _recorded = node
            failed = None if isinstance(error, GraphBubbleUp) else error
            opened.__exit__(type(failed) if failed else None, failed, failed.__traceback__ if failed else None)
