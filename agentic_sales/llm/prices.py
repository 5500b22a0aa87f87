"""Return the price of a model.

The deployment's own prices go before the price list of the package `genai-prices`. Discounts for cached input are left
out, so the cost is never too low. An unknown price is None, not 0.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from agentic_sales.errors import ConfigurationError

_PRICE_PAIR = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)")
_UNLISTED: Mapping[str, tuple[float, float]] = {"mistral-email-lora": (0.11, 0.19)}
"""Models that the list lacks, with USD per million tokens read and written."""


class Price(Protocol):
    """Price of a model."""

    def usd(self, input_tokens: int, output_tokens: int) -> float:
        """Return the cost of one call with these tokens."""
        ...


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """A price of the deployment's configuration."""

    input_usd: float
    """USD per million tokens read."""
    output_usd: float
    """USD per million tokens written."""

    def usd(self, input_tokens: int, output_tokens: int) -> float:
        """Return the cost of these tokens."""
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / 1_000_000


@dataclass(frozen=True, slots=True)
class ListPrice:
    """The list price of a model. Long prompts may cost more per token."""

    provider: str
    """LangChain's name of the provider."""
    model: str
    """The provider's name of the model."""

    def usd(self, input_tokens: int, output_tokens: int) -> float:
        """Return the cost of these tokens today.

        Raises:
            LookupError: The list has no such model.
        """
        # Only a process that asks a model needs the list. Its import takes longer than all of ours.
        from genai_prices import Usage, calc_price  # noqa: PLC0415

        used = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        return float(calc_price(used, model_ref=self.model, provider_id=self.provider).total_price)


def price_of(model: str, configured: tuple[str, ...] = ()) -> Price | None:
    """Return the price of a model. None if it is unknown.

    Args:
        model: The model as `provider:model`.
        configured: The deployment's own prices as `provider:model=input/output`.

    Raises:
        ConfigurationError: An entry is no price.
    """
    return _parse_prices(configured).get(model) or _listed(model)


@cache
def _listed(model: str) -> Price | None:
    provider, _, name = model.partition(":")
    if name in _UNLISTED:
        return OwnPrice(*_UNLISTED[name])
    price = ListPrice(provider, name)
    try:
        price.usd(1, 1)
    except LookupError:
        return None
    return price


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
        prices[model.strip()] = OwnPrice(float(found[1]), float(found[2]))
    return prices
