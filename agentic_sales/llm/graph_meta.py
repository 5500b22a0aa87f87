"""Account for what a run's model calls used: tokens, cost and latency per node, in the `graph_meta` of the answer.

Numbers are measured or absent, never guessed: a price that is not known is null, not 0. This module asks no model.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from agentic_sales.errors import ConfigurationError
from agentic_sales.llm.prompts import Prompt

VERSION = "1.0.0"
"""Version of the shape of `graph_meta`, as existing callers know it."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs at list price."""

    input_usd: float
    """USD per million tokens read."""
    output_usd: float
    """USD per million tokens written."""

    def usd(self, input_tokens: int, output_tokens: int) -> float:
        """Return what these tokens cost."""
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / 1_000_000


_USD_PER_MILLION_TOKENS: Mapping[str, tuple[float, float]] = {
    "claude-haiku-4-5": (1.00, 5.00),
    "claude-opus-4-5": (5.00, 25.00),
    "claude-sonnet-4-5": (3.00, 15.00),
    "deepseek-chat": (0.55, 2.19),
    "deepseek-reasoner": (0.55, 2.19),
    "deepseek-v4-flash": (0.27, 1.10),
    "deepseek-v4-pro": (0.55, 2.19),
    "gpt-4.1": (2.00, 8.00),
    "gpt-4.1-mini": (0.40, 1.60),
    "gpt-4.1-nano": (0.10, 0.40),
    "gpt-4o": (2.50, 10.00),
    "gpt-4o-mini": (0.15, 0.60),
    "gpt-5": (1.25, 10.00),
    "gpt-5-mini": (0.25, 2.00),
    "gpt-5-nano": (0.05, 0.40),
    "mistral-email-lora": (0.11, 0.19),
}
"""List prices (input, output); discounts for cached input are left out, so a cost is never told too low."""
_PRICE_PAIR = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)")
_RELEASE_DATE = re.compile(r"-(\d{8}|\d{4}-\d\d-\d\d)$")


@dataclass
class Spending:
    """What the calls of one `ask` have used so far, failed ones included."""

    model: str | None
    """The model that is asked, as `provider:model`; None: none is configured."""
    calls: int = 0
    """Requests sent: retries and the repair attempt count."""
    input_tokens: int = 0
    """Tokens read, as the provider counted them."""
    output_tokens: int = 0
    """Tokens written, as the provider counted them."""
    latency_s: float = 0.0
    """Wall-clock time of the calls, in seconds; pauses between them do not count."""
    price: Price | None = None
    """What the model costs; None: it is not known."""
    is_metered: bool = True
    """False once an answer came without a token count; then the cost is not known."""

    def add_call(self, latency_s: float) -> None:
        """Count one request, whatever became of it."""
        self.calls += 1
        self.latency_s += latency_s

    def add_usage(self, usage: Mapping[str, Any] | None) -> None:
        """Count the tokens of one answer; None: the provider did not tell."""
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


def price_of(model: str, configured: tuple[str, ...] = ()) -> Price | None:
    """Return what a model costs; None: its price is not known here.

    Args:
        model: The model, as `provider:model`.
        configured: The deployment's own prices, as `provider:model=input/output`.

    Raises:
        ConfigurationError: An entry is no price.
    """
    own = _parse_prices(configured).get(model)
    listed = _USD_PER_MILLION_TOKENS.get(_RELEASE_DATE.sub("", model.partition(":")[2]))
    return own or (Price(*listed) if listed else None)


@cache
def _parse_prices(entries: tuple[str, ...]) -> Mapping[str, Price]:
    prices: dict[str, Price] = {}
    for entry in entries:
        model, _, pair = entry.rpartition("=")
        found = _PRICE_PAIR.fullmatch(pair.strip())
        if found is None or ":" not in model:
            raise ConfigurationError(
                f"AGENTIC_SALES_MODEL_PRICES has `{entry}`; an entry is `provider:model=input/output`, in USD per "
                "million tokens, e.g. `openai:gpt-4.1-mini=0.40/1.60`"
            )
        prices[model.strip()] = Price(float(found[1]), float(found[2]))
    return prices


def build_graph_meta(prompt: Prompt, *, answered_by: str | None, spending: Spending) -> dict[str, Any]:
    """Return the `graph_meta` of one `ask`.

    Args:
        prompt: What was asked.
        answered_by: The model whose answer was taken; None: the rules answered.
        spending: What the calls used, also when the rules answered in the end.
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
    """Reduce two nodes' `graph_meta` to the run's: entries of one node are summed, totals counted again.

    `model` is the first that answered, `run_at` the first call's.
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
    """Add up all nodes; a cost that is not known adds nothing, so that the total is a number and a lower bound."""
    entries = tuple(entries)
    return {
        "total_input_tokens": sum(entry["input_tokens"] for entry in entries),
        "total_output_tokens": sum(entry["output_tokens"] for entry in entries),
        "total_tokens": sum(entry["total_tokens"] for entry in entries),
        "total_cost_usd": round(sum(entry["cost_usd"] or 0.0 for entry in entries), 6),
        "total_latency_ms_llm": sum(entry["latency_ms"] for entry in entries),
    }
