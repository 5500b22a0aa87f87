"""Report on a campaign: how far its people are, the outcomes of its messages, and the better variant.

Opens are not counted, because mail programs and scanners open mail by themselves. People's answers count. Each counts
once for the message that it answers, even if the same person says more later. Shares are of the sent messages, also of
those without time for an answer yet. Shares of people's words on drafts are of the decided drafts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import CampaignId
from agentic_sales.rules.shares import CONFIDENCE_RATIO, Share, share
from agentic_sales.store.approvals import ApprovalRow
from agentic_sales.store.campaigns import enrollment_counts
from agentic_sales.store.inbound import InboundRow, undecided_count
from agentic_sales.store.suggestions import open_suggestion_count
from agentic_sales.store.touches import TouchRow, touch_counts

_Counts = dict[tuple[int, str], int]
"""Messages by step and variant."""
_CLASS = InboundRow.reply_class
ANSWERS: Mapping[str, ColumnElement[bool]] = {
    "replied": and_(InboundRow.kind == "reply", or_(_CLASS.is_(None), _CLASS != "bounced")),
    "interested": _CLASS == "interested",
    "bounced": or_(InboundRow.kind == "bounced", _CLASS == "bounced"),
    "unsubscribed": or_(InboundRow.kind == "unsubscribed", _CLASS == "unsubscribe"),
    "complained": InboundRow.kind == "complained",
}
"""Inbound events by the name under which they are counted. One reply can be counted under several."""


@dataclass(frozen=True, slots=True)
class VariantReport:
    """How one way to write one step does."""

    step: int
    """The step, from 0."""
    variant: str
    """Name of the variant. Empty if the step has none."""
    sent: int
    """Messages that were sent."""
    decided: int
    """Drafts that somebody approved or rejected. Drafts that wait or have expired are not among them."""
    shares: dict[str, Share]
    """Shares by name.

    Of sent messages: `replied`, `interested`, `bounced`, `unsubscribed`, `complained`. Of decided drafts: `edited` (and
    then approved) and `rejected`.
    """


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
    """People's answers per step and variant."""
    undecided: int = 0
    """People with a possible opt-out that nobody has decided on yet. Nothing more is sent to them."""
    suggested: int = 0
    """People that answers named and that nobody has decided on yet."""
    confidence_ratio: float = CONFIDENCE_RATIO
    """How often the intervals of the shares hold the true share, 0-1."""


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
    suggested = await open_suggestion_count(connection, campaign_id)
    undecided = await undecided_count(connection, campaign_id)
    return CampaignReport(people, reasons, by_step, await _variants(connection, campaign_id), undecided, suggested)


async def _variants(connection: AsyncConnection, campaign_id: CampaignId) -> list[VariantReport]:
    is_sent = TouchRow.state == "sent"
    is_rejected, is_edited = (TouchRow.touch_id.in_(_decided(state)) for state in ("rejected", "edited"))
    is_decided = TouchRow.touch_id.in_(_decided("approved", "rejected"))
    counted = {
        "sent": await _counts(connection, campaign_id, is_sent),
        "decided": await _counts(connection, campaign_id, is_decided),
        "edited": await _counts(connection, campaign_id, and_(is_decided, is_edited, ~is_rejected)),
        "rejected": await _counts(connection, campaign_id, is_rejected),
    }
    for name, is_answer in ANSWERS.items():
        is_answered = TouchRow.touch_id.in_(select(InboundRow.touch_id).where(is_answer))
        counted[name] = await _counts(connection, campaign_id, and_(is_sent, is_answered))
    return [_variant(*key, counted) for key in sorted({*counted["sent"], *counted["decided"]})]


def _variant(step: int, variant: str, counted: Mapping[str, _Counts]) -> VariantReport:
    found = {name: counts.get((step, variant), 0) for name, counts in counted.items()}
    answered = {name: share(found[name], found["sent"]) for name in ANSWERS}
    judged = {name: share(found[name], found["decided"]) for name in ("edited", "rejected")}
    return VariantReport(step, variant, found["sent"], found["decided"], {**answered, **judged})


def _decided(*states: str) -> Select[str]:
    return select(ApprovalRow.touch_id).where(ApprovalRow.state.in_(states))


async def _counts(connection: AsyncConnection, campaign_id: CampaignId, condition: ColumnElement[bool]) -> _Counts:
    statement = (
        select(TouchRow.step, TouchRow.variant, func.count())
        .where(TouchRow.campaign_id == campaign_id, condition)
        .group_by(TouchRow.step, TouchRow.variant)
    )
    return {(step, variant): count for step, variant, count in await connection.execute(statement)}
