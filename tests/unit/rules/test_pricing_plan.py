"""The hard checks of a pricing plan find each kind of fault, and the rules' own plan has none."""

from typing import Any

import pytest

from agentic_sales.rules.plan_facts import PlanFacts
from agentic_sales.rules.pricing_plan import (
    PriceBenchmark,
    PricingModel,
    TierPlan,
    benchmark_of,
    known_prices,
    metric_by_rules,
    problems_of,
    relation_of,
    summaries_of,
    tiers_by_rules,
)

RIVAL = {
    "name": "Placewell",
    "url": "https://placewell.example/",
    "prices": [
        {"name": "Pro", "amount": 45, "currency": "USD", "quote": "Pro: $45 per user a month"},
        {"name": "Year", "amount": 1200, "currency": "USD", "quote": "Year: $1,200 per user per year"},
        {"name": "Euro", "amount": 10, "currency": "EUR", "quote": "Euro: 10 EUR a month"},
    ],
}
FACTS = PlanFacts.model_validate({"product": {"name": "Harrow", "description": "A CRM."}, "competitors": [RIVAL]})
PRICES = known_prices(FACTS.competitors)
BENCHMARK = benchmark_of(PRICES, summaries_of(PRICES, FACTS.competitors))
ALONE = PlanFacts.model_validate({"product": {"name": "Harrow", "description": "A CRM."}})


def tier(name: str, price: float | None = 50, **told: object) -> TierPlan:
    """Return a tier that passes, but for what is told."""
    given = {"name": name, "price_monthly_usd": price, "billing_unit": "per_seat", "upgrade_trigger": "More people."}
    return TierPlan.model_validate({**given, **told})


def faults(*tiers: TierPlan, facts: PlanFacts = FACTS, benchmark: PriceBenchmark = BENCHMARK, **told: Any) -> str:
    """Return the faults of a plan in one text."""
    model = PricingModel.model_validate({"tiers": [one.model_dump() for one in tiers], **told})
    return "; ".join(problems_of(model, facts, benchmark))


def test_a_year_is_twelve_months_and_another_currency_is_not_converted() -> None:
    assert [price.monthly_price_usd for price in PRICES] == [45, 100, None]
    assert BENCHMARK.prices_usd == [45, 100]


def test_a_sound_plan_has_no_fault() -> None:
    assert faults(tier("One", 45), tier("Two", 60)) == ""


@pytest.mark.parametrize(
    ("tiers", "told", "fault"),
    [
        ([], {}, "there are 0 tiers"),
        ([tier("One"), tier("one", 60)], {}, "two tiers have one name"),
        ([tier("One", 90), tier("Two", 50)], {}, "the prices fall"),
        ([tier("One", 5)], {}, "no known price is near 5 USD"),
        ([tier("One", anchor_competitors=["Nobody"])], {}, "Nobody, which is no known competitor"),
        ([tier("One", upgrade_trigger=" "), tier("Two", 60)], {}, "does not say what makes a buyer"),
        ([tier("One", value_math="It saves 900 hours.")], {}, "a number or a quote that no text has"),
        ([tier("One", included=['"The best CRM ever"'])], {}, "a number or a quote that no text has"),
        ([tier("One")], {"model_type": "usage"}, "no tier is billed per_usage"),
        ([tier("One")], {"model_type": "freemium"}, "nothing is free"),
        ([tier("One")], {"free_offer": "Free for 77 days"}, "stands in no text"),
    ],
)
def test_each_fault_is_named(tiers: list[TierPlan], told: dict[str, Any], fault: str) -> None:
    assert fault in faults(*tiers, **told)


def test_without_a_known_price_no_price_may_be_proposed() -> None:
    assert "every price_monthly_usd is null" in faults(tier("One"), facts=ALONE, benchmark=PriceBenchmark())
    assert faults(tier("One", None), facts=ALONE, benchmark=PriceBenchmark()) == ""


@pytest.mark.parametrize("facts", [FACTS, ALONE])
def test_the_plan_of_the_rules_passes_its_own_checks(facts: PlanFacts) -> None:
    prices = known_prices(facts.competitors)
    benchmark = benchmark_of(prices, summaries_of(prices, facts.competitors))
    metric = metric_by_rules(facts, benchmark)
    plans = tiers_by_rules(facts, benchmark, metric)
    model = PricingModel.model_validate({**metric.model_dump(), **plans.model_dump()})
    assert problems_of(model, facts, benchmark) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "relation"),
    [(100, 105, "at_parity"), (140, 100, "premium"), (60, 100, "below"), (30, 100, "undercut")],
)
def test_a_relation_is_counted(ours: float, theirs: float, relation: str) -> None:
    assert relation_of(ours, theirs, 50) == relation


@pytest.mark.parametrize(
    ("told", "price"), [("custom", None), ("Contact us", None), ("$49", 49.0), (49, 49.0), (None, None)]
)
def test_a_price_in_words_is_no_price(told: object, price: float | None) -> None:
    given = {"name": "One", "price_monthly_usd": told, "billing_unit": "custom"}
    assert TierPlan.model_validate(given).price_monthly_usd == price
