"""Open the span of one request to a model, `chat {model}`, after the conventions for generative AI."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from opentelemetry.trace import Span, SpanKind
from opentelemetry.util.types import AttributeValue

from agentic_sales.observability import names
from agentic_sales.observability.spans import payload, span

_REASONS = ("finish_reason", "stop_reason", "done_reason")
"""Providers' keys for the finish reason."""


class Usage(Protocol):
    """Token usage and metadata of a LangChain answer."""

    usage_metadata: Any
    response_metadata: dict[str, Any]


class ChatSpan:
    """The span of one request."""

    def __init__(self, recorded: Span) -> None:
        self._recorded = recorded

    def end(self, answer: Usage) -> None:
        """Record the answer's model, tokens and finish reason."""
        if self._recorded.is_recording():
            self._recorded.set_attributes(_of_answer(answer) | payload(names.GEN_AI_OUTPUT_MESSAGES, [answer]))


@contextmanager
def chat_span(
    model: str, messages: Sequence[object], *, temperature: float, prompt: str, prompt_sha256: str
) -> Iterator[ChatSpan]:
    """Open the span of a request to a model that is named as `provider:model`."""
    provider, _, name = model.partition(":")
    attributes: Mapping[str, AttributeValue] = {
        names.GEN_AI_OPERATION: "chat",
        names.GEN_AI_PROVIDER: provider,
        names.GEN_AI_REQUEST_MODEL: name,
        names.GEN_AI_REQUEST_TEMPERATURE: temperature,
        names.PROMPT: prompt,
        names.PROMPT_SHA256: prompt_sha256,
    }
    with span(names.chat(name), kind=SpanKind.CLIENT, attributes=attributes) as recorded:
        recorded.set_attributes(payload(names.GEN_AI_INPUT_MESSAGES, messages))
        yield ChatSpan(recorded)


def _of_answer(answer: Usage) -> dict[str, AttributeValue]:
    told, usage = answer.response_metadata, answer.usage_metadata
    attributes: dict[str, AttributeValue] = {}
    if usage is not None:
        attributes[names.GEN_AI_INPUT_TOKENS] = usage["input_tokens"]
        attributes[names.GEN_AI_OUTPUT_TOKENS] = usage["output_tokens"]
    if reasons := [str(told[key]) for key in _REASONS if told.get(key)]:
        attributes[names.GEN_AI_FINISH_REASONS] = reasons
    if "model_name" in told:
        attributes[names.GEN_AI_RESPONSE_MODEL] = str(told["model_name"])
    return attributes
