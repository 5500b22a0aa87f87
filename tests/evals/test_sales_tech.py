"""The labelled pages: what the nine aspects of a sales technology product are, and what a page does not say."""

from dataclasses import replace
from typing import Any

from agentic_sales.rules.sales_tech import PAYLOADS, contradictions_in
from agentic_sales.rules.sales_tech_card import assembled
from agentic_sales.rules.sales_tech_signs import SalesTechWords, extract, sales_tech_words, told_by_page
from tests.evals.tally import Tally, cases

GOAL_RATIO = 0.85


def card_of(pages: dict[str, str], words: SalesTechWords) -> dict[str, Any]:
    """Return the card of some pages by rules."""
    units = {str(aspect): extract(aspect, pages, [], words).model_dump() for aspect in PAYLOADS}
    card: dict[str, Any] = assembled(units, pages, contradictions_in(told_by_page(pages, words)))["features"]
    for name, member in (("tier_names", "name"), ("tier_prices", "price_usd"), ("tier_billing", "billing")):
        card[name] = [tier[member] for tier in card["pricing_tiers"]]
    card["contradictions"] = [each["field"] for each in card["contradictions"]]
    return card


def run(words: SalesTechWords) -> Tally:
    """Read the set."""
    tally = Tally("sales_tech_feature_graph")
    for case in cases("sales_tech_feature_graph"):
        card = card_of(case["input"]["given_pages"], words)
        found = {name: _in_order(name, card[name]) for name in case["expected"]}
        faults = [f"{name} is {found[name]}" for name, value in case["expected"].items() if found[name] != value]
        tally.count(case["tags"][0], case["id"], faults)
    return tally


def _in_order(name: str, value: Any) -> Any:
    is_names = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return sorted(value) if is_names and not name.startswith("tier_") else value


def test_the_rules_read_the_labelled_pages() -> None:
    tally = run(sales_tech_words.own)
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOAL_RATIO
    assert tally.ratio("trap") == tally.ratio("injection") == 1.0, "something is told that no page says"


def test_rules_without_their_lists_miss_the_goal() -> None:
    assert run(replace(sales_tech_words.own, lists={})).ratio() < GOAL_RATIO
