"""Open a span for every node that a graph runs, from LangChain's callbacks. Attached to a run only if it is traced."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langgraph.constants import TAG_HIDDEN
from langgraph.errors import GraphBubbleUp
from opentelemetry import context as otel_context
from opentelemetry.trace import Span, get_current_span, set_span_in_context

from agentic_sales.observability import names
from agentic_sales.observability.spans import begin_span, end_span, payload


class NodeSpans(BaseCallbackHandler):
    """Opens and ends the spans of one run's nodes.

    It is called inline, in the task of the node. So its span is active during a model call, during a sub-run, and in
    a library with an instrumentation of its own. LangChain tells the end of a node in another task, where the span
    cannot be made inactive. So it stays active until the next node begins, and the next node looks behind it.
    """

    run_inline = True
    ignore_llm = ignore_chat_model = ignore_retriever = ignore_agent = True

    def __init__(self) -> None:
        self._open: dict[UUID, Span] = {}
        self._around: dict[int, otel_context.Context] = {}

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
        around = self._context_of_living()
        attributes = {names.NODE: name, names.STEP: of_node.get("langgraph_step", 0), **payload(names.INPUT, inputs)}
        self._open[run_id] = opened = begin_span(names.node(name), attributes=attributes, parent=around)
        self._around[opened.get_span_context().span_id] = around
        otel_context.attach(set_span_in_context(opened, around))

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        """End the span of a node."""
        if (opened := self._open.pop(run_id, None)) is not None:
            opened.set_attributes(payload(names.OUTPUT, outputs))
            opened.end()

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """End the span of a node that raised; an interrupt is no failure."""
        if (opened := self._open.pop(run_id, None)) is not None:
            end_span(opened, None if isinstance(error, GraphBubbleUp) else error)

    def _context_of_living(self) -> otel_context.Context:
        """Return the active context, or the one around the node that has ended in it."""
        context = otel_context.get_current()
        while not (active := get_current_span(context)).is_recording():
            around = self._around.get(active.get_span_context().span_id)
            if around is None:
                break
            context = around
        return context
