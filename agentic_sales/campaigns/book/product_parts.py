"""Get the parts of a report on a product: from the book while they hold, else by a sub-run. A failed part is named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from agentic_sales.campaigns.book.product_plans import kept_plan, known_dossiers
from agentic_sales.errors import AgenticSalesError
from agentic_sales.llm.ask import weakest
from agentic_sales.llm.graph_meta import merge_graph_meta
from agentic_sales.rules.icp import IcpDocument
from agentic_sales.rules.plan_facts import PlanFacts
from agentic_sales.rules.product_facts import RivalOffer, hash_of
from agentic_sales.rules.product_report import still_holds, unstamped, with_text
from agentic_sales.runs.subruns import SubRun, run_assistant, run_each
from agentic_sales.settings import settings
from agentic_sales.sources.home_pages import read_offer

DEEP_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class PlanPart:
    """One part of a report."""

    name: str
    """Its name."""
    document: Mapping[str, Any]
    """The part. Empty: it failed, and the book has none."""
    failure: str = ""
    """Why it is not new. Empty: it is, or the kept one holds."""
    is_cached: bool = False
    """Whether the kept one holds."""
    report: Mapping[str, Any] = field(default_factory=dict)
    """`source` and `graph_meta` of the sub-run."""
    analysis_id: str = ""
    """The document that the sub-run wrote. Empty: none."""

    @property
    def told(self) -> dict[str, Any]:
        """Return what a node says of it beside the part."""
        return {
            "partial_failures": {self.name: self.failure} if self.failure else {},
            "cached_parts": [self.name] if self.is_cached else [],
            "db_writes": [self.name] if self.analysis_id else [],
            **self.report,
        }


@dataclass(frozen=True, slots=True)
class RivalParts:
    """The competitors of a product, with new dossiers of some."""

    competitive: dict[str, Any]
    """The comparison, as `competitors_team` tells it."""
    rivals: list[RivalOffer]
    """The competitors with their prices."""
    deep: list[dict[str, Any]]
    """New dossiers."""
    told: dict[str, Any]
    """What a node says beside them."""


async def plan_part(name: str, facts: PlanFacts, *, is_refreshed: bool, dry_run: bool) -> PlanPart:
    """Return `pricing`, `gtm` or `positioning` of a product."""
    given = {**_given(facts, dry_run=dry_run), "icp": facts.icp.model_dump()}
    given["competitors"] = [one.model_dump() for one in facts.competitors]
    kept = await kept_plan(facts.product_id, name)
    if still_holds(kept, facts.digest, is_refreshed=is_refreshed):
        return PlanPart(name, unstamped(kept), is_cached=True)
    return await _made(name, name, given, kept, key=name)


async def icp_part(facts: PlanFacts, *, is_refreshed: bool, dry_run: bool) -> PlanPart:
    """Return the ideal customers of a product."""
    kept = await kept_plan(facts.product_id, "icp")
    if still_holds(kept, hash_of(facts.settled), is_refreshed=is_refreshed):
        return PlanPart("icp", unstamped(kept), is_cached=True)
    return await _made("icp", "deep_icp", _given(facts, dry_run=dry_run), kept)


async def competitors_part(facts: PlanFacts, *, is_refreshed: bool, dry_run: bool) -> PlanPart:
    """Return the competitors of a product. Those of the book hold until they are made anew."""
    kept = await kept_plan(facts.product_id, "competitors")
    if kept and not is_refreshed:
        return PlanPart("competitors", kept, is_cached=True)
    told = facts.product
    offer: dict[str, Any] = {"name": told.name, "url": told.url, "description": (told.description or told.text)[:4_000]}
    offer |= {"product_id": facts.product_id} if facts.product_id else {}
    if not (told.url or offer["description"].strip()):
        return PlanPart("competitors", kept, failure="neither a site nor a description of the product is known")
    made = await _made("competitors", "competitors_team", {**offer, "dry_run": dry_run}, kept)
    found = {"competitors": made.document.get("competitors", [])}
    return PlanPart("competitors", found, made.failure, report=made.report)


async def rivals_part(
    facts: PlanFacts, most_deep: int, *, is_given: bool, is_refreshed: bool, dry_run: bool
) -> RivalParts:
    """Return the competitors of a product, and look closely at those without a dossier.

    Args:
        facts: Facts of the product.
        most_deep: How many are looked at closely.
        is_given: Whether a caller gave the competitors. They are not looked for then.
        is_refreshed: Whether the book's answers do not count.
        dry_run: Write nothing.
    """
    part = PlanPart("competitors", {"competitors": [one.model_dump() for one in facts.competitors]})
    if not is_given:
        part = await competitors_part(facts, is_refreshed=is_refreshed, dry_run=dry_run)
    told = part.document.get("competitors", [])
    is_known = is_given or part.is_cached or bool(part.failure)
    rivals = facts.competitors if is_known else [RivalOffer.model_validate(one) for one in told]
    dossiers = await deep_parts(rivals, most_deep, is_refreshed=is_refreshed, dry_run=dry_run)
    failed = {one.name: one.failure for one in dossiers if one.failure}
    report = report_of([part.report, *(one.report for one in dossiers)])
    return RivalParts(
        competitive=dict(part.document),
        rivals=with_dossiers(rivals, dossiers),
        deep=[dict(one.document) for one in dossiers if one.document],
        told={**part.told, **report, "partial_failures": {**part.told["partial_failures"], **failed}},
    )


async def deep_parts(rivals: Sequence[RivalOffer], most: int, *, is_refreshed: bool, dry_run: bool) -> list[PlanPart]:
    """Return new dossiers of the first competitors. One that has a dossier in the book is left out until a refresh."""
    known = set() if is_refreshed else await known_dossiers(rivals)
    asked = [one for one in rivals[:most] if one.url and one.name not in known and not one.prices]
    inputs = [{"url": one.url, "name": one.name, "dry_run": dry_run} for one in asked]
    answers = await run_each("deep_competitor", inputs, at_once=DEEP_AT_ONCE)
    return [
        PlanPart(one.name, answer.output, report=_report_of(answer.output))
        if isinstance(answer, SubRun)
        else PlanPart(f"competitor_deep: {one.name}", {}, failure=str(answer))
        for one, answer in zip(asked, answers, strict=True)
    ]


async def freshness_part(facts: PlanFacts, *, dry_run: bool) -> PlanPart:
    """Return whether the site of a product has changed. A product without a site has nothing to look at."""
    url = facts.product.url
    if not url:
        return PlanPart("freshness", {})
    named = {"product_id": facts.product_id} if facts.product_id else {"url": url}
    return await _made("freshness", "freshness", {**named, "dry_run": dry_run}, {})


async def looked_at(facts: PlanFacts, *, dry_run: bool) -> tuple[PlanPart, PlanFacts]:
    """Return whether the site of a product has changed, and the product with the text of its home page.

    A site that cannot be read is told as a failure `site`. The text of the last time stands in its place.
    """
    fresh = await freshness_part(facts, dry_run=dry_run)
    if facts.product.text:
        return fresh, facts
    text, failures = await read_offer(settings(), facts.product.url)
    kept = {} if text else await kept_plan(facts.product_id, "product_profile")
    told = replace(fresh, name="site", failure=failures[0]) if failures and not fresh.failure else fresh
    return told, with_text(facts, text or str(kept.get("text") or ""))


def with_dossiers(rivals: Sequence[RivalOffer], dossiers: Sequence[PlanPart]) -> list[RivalOffer]:
    """Return competitors with the prices of their dossiers."""
    prices = {part.name: part.document.get("pricing_deep", []) for part in dossiers if part.document}
    return [
        RivalOffer.model_validate({**one.model_dump(), "prices": prices[one.name]}) if prices.get(one.name) else one
        for one in rivals
    ]


def report_of(reports: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the `source` and `graph_meta` of several sub-runs as those of one node. Empty without any."""
    told = [one for one in reports if one]
    if not told:
        return {}
    return {
        "source": reduce(weakest, (one["source"] for one in told)),
        "graph_meta": reduce(merge_graph_meta, (one["graph_meta"] for one in told)),
    }


def _given(facts: PlanFacts, *, dry_run: bool) -> dict[str, Any]:
    named = {"product_id": facts.product_id} if facts.product_id else {}
    return {**named, "product": facts.product.model_dump(), "dry_run": dry_run}


async def _made(
    name: str, assistant_id: str, given: Mapping[str, Any], kept: Mapping[str, Any], *, key: str = ""
) -> PlanPart:
    """Run a workflow. If it fails, the book's answer stands in its place."""
    try:
        output = (await run_assistant(assistant_id, given)).output
    except AgenticSalesError as exc:
        return PlanPart(name, unstamped(kept), failure=str(exc))
    document = output[key] if key else output
    if name == "icp":
        document = IcpDocument.model_validate(output).model_dump()
    return PlanPart(name, document, report=_report_of(output), analysis_id=str(output.get("analysis_id") or ""))


def _report_of(output: Mapping[str, Any]) -> dict[str, Any]:
    names = ("source", "graph_meta")
    return {name: output[name] for name in names} if all(name in output for name in names) else {}
