"""Tell how a campaign does: how far its people are, what became of its messages, and which variant does better.

Opens are not counted: mail programs and scanners open mail by themselves. What counts is what people answer.
"""

from dataclasses import dataclass
from math import sqrt

from sqlalchemy import distinct, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import CampaignId
from agentic_sales.store.campaigns import enrollment_counts
from agentic_sales.store.inbound import InboundRow
from agentic_sales.store.touches import TouchRow, touch_counts

CONFIDENCE_Z = 1.96
"""Width of the intervals: 95 %."""
_ANSWERS = ("replied", "interested", "bounced", "unsubscribed", "complained")


@dataclass(frozen=True, slots=True)
class Share:
    """A share of what was sent, and how sure it is."""

    count: int
    """How many."""
    of: int
    """Out of how many."""
    low_ratio: float
    """Lower end of the 95 % interval (Wilson 1927), 0-1."""
    high_ratio: float
    """Upper end."""


@dataclass(frozen=True, slots=True)
class VariantReport:
    """How one way to write one step does."""

    step: int
    """The step, from 0."""
    variant: str
    """Name of the variant; empty: the step has none."""
    sent: int
    """Messages that were sent."""
    shares: dict[str, Share]
    """`replied`, `interested`, `bounced`, `unsubscribed`, `complained`."""


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """How a campaign does."""

    people: dict[str, int]
    """Enrollments by state."""
    reasons: dict[str, int]
    """Why people were stopped or parked, and how many."""
    steps: list[dict[str, int]]
    """Per step, touches by state."""
    variants: list[VariantReport]
    """Per step and variant, what people answered."""


async def report_of(connection: AsyncConnection, campaign_id: CampaignId, *, steps: int) -> CampaignReport:
    """Count everything there is to count of a campaign of so many steps."""
    enrolled = await enrollment_counts(connection, campaign_id)
    people: dict[str, int] = {}
    reasons: dict[str, int] = {}
    for (state, reason), count in enrolled.items():
        people[state] = people.get(state, 0) + count
        if state in {"stopped", "parked"}:
            reasons[reason] = reasons.get(reason, 0) + count
    touched = await touch_counts(connection, campaign_id)
    by_step = [{state: n for (at, state), n in touched.items() if at == step} for step in range(steps)]
    return CampaignReport(people, reasons, by_step, await _variants(connection, campaign_id))


async def _variants(connection: AsyncConnection, campaign_id: CampaignId) -> list[VariantReport]:
    sent = await _counts(connection, campaign_id, TouchRow.state == "sent")
    outcomes = {
        outcome: await _counts(connection, campaign_id, TouchRow.outcome == outcome)
        for outcome in _ANSWERS
        if outcome != "interested"
    }
    outcomes["interested"] = await _counts(
        connection,
        campaign_id,
        TouchRow.touch_id.in_(select(InboundRow.touch_id).where(InboundRow.reply_class == "interested")),
    )
    return [
        VariantReport(step, variant, n, {name: share(outcomes[name].get((step, variant), 0), n) for name in _ANSWERS})
        for (step, variant), n in sorted(sent.items())
    ]


async def _counts(
    connection: AsyncConnection, campaign_id: CampaignId, condition: object
) -> dict[tuple[int, str], int]:
    statement = (
        select(TouchRow.step, TouchRow.variant, func.count(distinct(TouchRow.touch_id)))
        .where(TouchRow.campaign_id == campaign_id, condition)  # type: ignore[arg-type]  # a condition of SQLAlchemy
        .group_by(TouchRow.step, TouchRow.variant)
    )
    return {(step, variant): count for step, variant, count in await connection.execute(statement)}


def share(count: int, of: int, *, z: float = CONFIDENCE_Z) -> Share:
    """Return a share with its interval by Wilson's score, which is honest for few and for extreme counts too."""
    if of == 0:
        return Share(count, of, 0.0, 1.0)
    ratio, spread = count / of, z * z / of
    middle = ratio + spread / 2
    half = z * sqrt(ratio * (1 - ratio) / of + spread / (4 * of))
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    return Share(count, of, round(max(low, 0.0), 4), round(min(high, 1.0), 4))
