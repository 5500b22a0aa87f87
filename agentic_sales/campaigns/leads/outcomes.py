"""Find out what became of enrolled leads: from their messages, the answers, and people's words on the drafts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.store.approvals import ApprovalRow
from agentic_sales.store.inbound import InboundRow
from agentic_sales.store.leads import LeadRow, change_lead, leads_to_look_at
from agentic_sales.store.statements import every
from agentic_sales.store.touches import TouchRow

LEADS_AT_ONCE = 200
"""Leads that are looked at in one transaction."""
RANKS: Mapping[str, int] = {
    "": 0,
    "drafted": 1,
    "rejected": 2,
    "sent": 3,
    "replied": 4,
    "interested": 5,
    "bounced": 6,
    "unsubscribed": 7,
    "complained": 8,
}
"""Outcomes by their weight. The weightiest that was seen counts, and none is taken back."""


async def note_outcomes(connection: AsyncConnection, *, now: datetime) -> int:
    """Look at the enrolled leads that were looked at longest ago. Return how many have another outcome now."""
    rows = await leads_to_look_at(connection, limit=LEADS_AT_ONCE)
    if not rows:
        return 0
    contacts = [row.contact_id or "" for row in rows]
    touches = await every(connection, TouchRow, select(TouchRow).where(TouchRow.contact_id.in_(contacts)))
    inbound = await every(connection, InboundRow, select(InboundRow).where(InboundRow.contact_id.in_(contacts)))
    asked = select(ApprovalRow).where(ApprovalRow.touch_id.in_([touch.touch_id for touch in touches]))
    rejected = {row.touch_id for row in await every(connection, ApprovalRow, asked) if row.state == "rejected"}
    changed = 0
    for row in rows:
        mine = [touch for touch in touches if _is_of(touch, row)]
        ids = {touch.touch_id for touch in mine}
        back = [item for item in inbound if item.touch_id in ids]
        outcome = max((row.outcome, *outcomes_of(mine, back, rejected)), key=lambda one: RANKS.get(one, 0))
        is_new = outcome != row.outcome
        changed += is_new
        values = {"outcome": outcome, "outcome_at": now} if is_new else {}
        await change_lead(connection, row.lead_id, {**values, "looked_at": now}, now=now if is_new else row.updated_at)
    return changed


def outcomes_of(touches: Sequence[TouchRow], inbound: Sequence[InboundRow], rejected: set[str]) -> list[str]:
    """Return every outcome that messages, what came back and words on drafts tell of a lead."""
    found = ["drafted"] if touches else []
    for touch in touches:
        if touch.state == "sent":
            found.append("sent")
        if touch.touch_id in rejected:
            found.append("rejected")
    for item in inbound:
        if item.kind in {"bounced", "complained", "unsubscribed"}:
            found.append(item.kind)
        if item.kind == "reply":
            named = {"interested": "interested", "unsubscribe": "unsubscribed", "bounced": "bounced"}
            found.append(named.get(item.reply_class or "", "replied"))
    return found


def _is_of(touch: TouchRow, row: LeadRow) -> bool:
    return (touch.contact_id, touch.campaign_id) == (row.contact_id, row.campaign_id)
