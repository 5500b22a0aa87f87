"""Find the segment that a workflow looks for companies of, and write the companies that were found."""

from collections.abc import Sequence
from typing import Any

from agentic_sales.campaigns.book.known import known_analysis, known_product
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import Subject
from agentic_sales.errors import InvalidInput
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.segments import SegmentCompany, SegmentForm, TargetSegment, facts_of_segment, segments_in

WORKFLOW = "lead_gen_team"
ICP = "icp"
"""Kind of the analysis that has a product's segments."""


async def segment_of(form: SegmentForm) -> tuple[TargetSegment, dict[str, Any]]:
    """Return the segment of a run and the facts of the product.

    Raises:
        UnknownRecord: The book does not have the product.
        InvalidInput: Neither the input nor the book has the segment.
    """
    product: dict[str, Any] = {}
    if form.product_id is not None:
        known = await known_product(form.product_id)
        product = known.model_dump(include={"product_id", "name", "url", "description"})
    if form.segment is not None:
        return form.segment, product
    if form.product_id is None:
        raise InvalidInput(WORKFLOW, [("/segment", "give a `segment`, or a `product_id` whose ICP analysis has one")])
    subject = Subject("product", str(form.product_id))
    segments = segments_in(await known_analysis(subject, ICP))
    if not segments:
        advice = f"the book has no segments of product `{form.product_id}`; run `deep_icp` for it, or give `segment`"
        raise InvalidInput(WORKFLOW, [("/product_id", advice)])
    if form.segment_index >= len(segments):
        named = ", ".join(f"{index}: {segment.name}" for index, segment in enumerate(segments))
        problem = f"product `{form.product_id}` has no segment {form.segment_index}; it has {named}"
        raise InvalidInput(WORKFLOW, [("/segment_index", problem)])
    return segments[form.segment_index], product


async def save_segment(companies: Sequence[SegmentCompany], segment: TargetSegment) -> list[str]:
    """Write the companies of a segment. Return the ids of those that the book did not have.

    Raises:
        EffectExceeded: The effect of the current run's row is neither write nor send.
    """
    if not companies:
        return []
    async with writing_book(WORKFLOW) as book:
        firms = {Firm(company.name, company.domain): company for company in companies}
        for firm, company_id in (await book.companies(firms)).items():
            book.note(Subject("company", company_id), facts_of_segment(firms[firm], segment))
    return sorted(book.new_companies)
