"""Account for the tokens, cost and latency of a run's model calls, per node.

The account is the `graph_meta` of the answer. Numbers are measured or absent but never guessed. An unknown price is
null, not 0. This module asks no model.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agentic_sales.llm.prices import Price
from agentic_sales.llm.prompts import Prompt

VERSION = "1.0.0"
"""Version of the shape of `graph_meta`, as existing callers know it."""


@dataclass
class Spending:
    """Use of the calls of one `ask` so far, failed ones included."""

    model: str | None
    """The model as `provider:model`, or None."""
    calls: int = 0
    """Requests sent, with retries and the repair attempt."""
    input_tokens: int = 0
    """Tokens read by the provider's count."""
    output_tokens: int = 0
    """Tokens written by the provider's count."""
    latency_s: float = 0.0
    """Wall-clock time of the calls in seconds. Pauses between them do not count."""
    price: Price | None = None
    """Price of the model. None if unknown."""
    is_metered: bool = True
    """False after an answer without a token count. The cost is then unknown."""

    def add_call(self, latency_s: float) -> None:
        """Count one request, failed or not."""
        self.calls += 1
        self.latency_s += latency_s

    def add_usage(self, usage: Mapping[str, Any] | None) -> None:
        """Count the tokens of one answer. None means that the provider did not report them."""
        self.is_metered = self.is_metered and usage is not None
        self.input_tokens += (usage or {}).get("input_tokens", 0)
        self.output_tokens += (usage or {}).get("output_tokens", 0)

    @property
    def telemetry(self) -> dict[str, Any]:
        """The entry of one node."""
        return {
            "model": self.model,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "total_tokens": self.input_tokens + self.output_tokens,
            "cost_usd": round(self.price.usd(self.input_tokens, self.output_tokens), 6)
            if self.price and self.is_metered
            else None,
            "latency_ms": round(self.latency_s * 1000),
            "calls": self.calls,
        }


def build_graph_meta(prompt: Prompt, *, answered_by: str | None, spending: Spending) -> dict[str, Any]:
    """Return the `graph_meta` of one `ask`.

    Args:
        prompt: The node's prompt.
        answered_by: The model of the answer. None means that the rules answered.
        spending: Use of the calls, also when the rules answered in the end.
    """
    telemetry = {prompt.node: spending.telemetry} if spending.calls else {}
    return {
        "version": VERSION,
        "graph": prompt.graph,
        "model": answered_by,
        "run_at": datetime.now(UTC).isoformat(),
        "telemetry": telemetry,
        "totals": _totals(telemetry.values()),
        "prompts": {prompt.node: prompt.sha256},
    }


def merge_graph_meta(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """Reduce two nodes' `graph_meta` to the run's. Entries of one node are summed, and totals are counted again.

    `model` is the first model that answered. `run_at` is the time of the first call.
    """
    if not left or not right:
        return left or right
    telemetry = dict(left["telemetry"])
    for node, entry in right["telemetry"].items():
        telemetry[node] = _sum(telemetry[node], entry) if node in telemetry else entry
    return {
        **left,
        "model": left["model"] or right["model"],
        "telemetry": telemetry,
        "totals": _totals(telemetry.values()),
        "prompts": left["prompts"] | right["prompts"],
    }


def _sum(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    counts = ("input_tokens", "output_tokens", "total_tokens", "latency_ms", "calls")
    costs = (left["cost_usd"], right["cost_usd"])
    return {
        "model": right["model"],
        **{key: left[key] + right[key] for key in counts},
        "cost_usd": None if None in costs else round(sum(costs), 6),
    }


def _totals(entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up all nodes. An unknown cost adds nothing, so that the total is a number and a lower bound."""
    entries = tuple(entries)
    return {
        "total_input_tokens": sum(entry["input_tokens"] for entry in entries),
        "total_output_tokens": sum(entry["output_tokens"] for entry in entries),
        "total_tokens": sum(entry["total_tokens"] for entry in entries),
        "total_cost_usd": round(sum(entry["cost_usd"] or 0.0 for entry in entries), 6),
        "total_latency_ms_llm": sum(entry["latency_ms"] for entry in entries),
    }
