"""What a model costs: the deployment's own price, else the list's."""

import pytest

from agentic_sales.errors import ConfigurationError
from agentic_sales.llm.prices import Price, price_of


def known(model: str, *configured: str) -> Price:
    price = price_of(model, configured)
    assert price is not None, model
    return price


@pytest.mark.parametrize(
    "model",
    ["openai:gpt-5.5", "openai:gpt-4.1-mini", "anthropic:claude-opus-5", "deepseek:deepseek-chat", "xai:grok-4"],
)
def test_the_models_of_today_have_a_price(model: str) -> None:
    assert known(model).usd(1_000, 1_000) > 0


def test_what_is_written_costs_more_than_what_is_read() -> None:
    price = known("openai:gpt-4.1-mini")
    assert price.usd(1_000_000, 0) == pytest.approx(0.4)
    assert price.usd(0, 1_000_000) == pytest.approx(1.6)


def test_a_long_prompt_costs_what_the_list_asks_for_a_long_prompt() -> None:
    price = known("openai:gpt-5.5")
    assert price.usd(1_000_000, 0) > 1_000 * price.usd(1_000, 0)


def test_a_release_of_a_model_costs_what_the_model_costs() -> None:
    assert known("openai:gpt-4.1-mini-2025-04-14").usd(7, 9) == known("openai:gpt-4.1-mini").usd(7, 9)


def test_the_deployments_own_price_goes_before_the_list() -> None:
    assert (
        known("openai:gpt-4.1-mini", "openai:gpt-4.1-mini=1.5/3", "ollama:llama3=0/0").usd(1_000_000, 2_000_000) == 7.5
    )
    assert known("ollama:llama3", "ollama:llama3=0/0").usd(1_000_000, 1_000_000) == 0


@pytest.mark.parametrize("model", ["openai:nobody-knows", "ollama:llama3", "nobody:gpt-5", "openai:", "gpt-5"])
def test_a_price_that_is_not_known_is_none(model: str) -> None:
    assert price_of(model) is None


@pytest.mark.parametrize("entry", ["gpt=1/2", "openai:gpt=1", "openai:gpt=a/b", "openai:gpt"])
def test_an_entry_that_is_no_price_is_told(entry: str) -> None:
    with pytest.raises(ConfigurationError, match=entry):
        price_of("openai:gpt", (entry,))
