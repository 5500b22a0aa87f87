"""Find the outcomes of enrolled leads: from their messages, the answers, and people's words on the drafts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.store.approvals import ApprovalRow
from agentic_sales.store.inbound import InboundRow
from agentic_sales.store.leads import LeadRow, change_lead, leads_to_look_at
from agentic_sales.store.touches import TouchRow

LEADS_AT_ONCE = 200
"""Leads that are looked at in one transaction."""
RANKS: Mapping[str, int] = {
    "": 0,
    "drafted": 1,
    "rejected": 2,
    "sent": 3,
    "out_of_office": 4,
    "replied": 5,
    "other": 6,
    "not_interested": 7,
    "not_now": 8,
    "interested": 9,
    "bounced": 10,
    "unsubscribed": 11,
    "complained": 12,
}
"""Outcomes by their weight. The weightiest that was seen counts, and none is taken back."""
HARMS = frozenset({"bounced", "complained", "unsubscribed"})
"""Kinds of mail that came back, and outcomes of touches, that are outcomes of a lead by themselves."""
CLASSES: Mapping[str, str] = {
    **{name: name for name in ("interested", "not_now", "not_interested", "other", "out_of_office", "bounced")},
    "unsubscribe": "unsubscribed",
}
"""Outcome by the class of a reply. A reply of another class, or of none yet, is `replied`."""


@dataclass(frozen=True, slots=True)
class Messages:
    """The messages of leads, the mail that came back, and people's words on the drafts."""

    touches: Mapping[tuple[str, str], Sequence[Any]]
    """By contact and campaign: touches with touch_id, state, outcome and sent_at."""
    back: Mapping[str, Sequence[tuple[str, str]]]
    """By touch: kind and class of the mail that came back."""
    decided: Mapping[str, frozenset[str]]
    """By touch: states of the questions about it."""

    def outcomes_of(self, contact_id: str | None, campaign_id: str | None) -> list[str]:
        """Return every outcome that they tell of a lead."""
        touches = self.touches.get((contact_id or "", campaign_id or ""), ())
        found = ["drafted"] if touches else []
        for touch in touches:
            if touch.state == "sent":
                found.append("sent")
            if touch.outcome in HARMS:
                found.append(touch.outcome)
            found += sorted(self.decided.get(touch.touch_id, frozenset()) & {"rejected", "edited"})
            found += [
                told for kind, told_class in self.back.get(touch.touch_id, ()) if (told := _told(kind, told_class))
            ]
        return found

    def first_sent_at(self, contact_id: str | None, campaign_id: str | None) -> datetime | None:
        """Return when the first message of a lead was sent. None: none was."""
        touches = self.touches.get((contact_id or "", campaign_id or ""), ())
        return min((touch.sent_at for touch in touches if touch.sent_at), default=None)


async def messages_of(connection: AsyncConnection, wanted: ColumnElement[bool]) -> Messages:
    """Read the messages of leads.

    Args:
        connection: The store.
        wanted: Condition on leads.
    """
    of_lead = and_(LeadRow.contact_id == TouchRow.contact_id, LeadRow.campaign_id == TouchRow.campaign_id)
    mine = select(TouchRow.touch_id).join(LeadRow, of_lead).where(wanted)
    shown = TouchRow.contact_id, TouchRow.campaign_id, TouchRow.touch_id, TouchRow.state, TouchRow.outcome
    asked = select(*shown, TouchRow.sent_at).where(TouchRow.touch_id.in_(mine))
    touches, back = defaultdict[tuple[str, str], list[Any]](list), defaultdict[str, list[tuple[str, str]]](list)
    for row in (await connection.execute(asked)).all():
        touches[row.contact_id, row.campaign_id].append(row)
    came = select(InboundRow.touch_id, InboundRow.kind, InboundRow.reply_class).where(InboundRow.touch_id.in_(mine))
    for touch_id, kind, reply_class in (await connection.execute(came)).all():
        back[str(touch_id)].append((kind, reply_class or ""))
    words = select(ApprovalRow.touch_id, ApprovalRow.state).where(ApprovalRow.touch_id.in_(mine))
    decided: dict[str, frozenset[str]] = {}
    for touch_id, state in (await connection.execute(words)).all():
        decided[touch_id] = decided.get(touch_id, frozenset()) | {state}
    return Messages(touches, back, decided)


async def note_outcomes(connection: AsyncConnection, *, now: datetime) -> int:
    """Look at the enrolled leads that were looked at longest ago. Return how many have another outcome now."""
    rows = await leads_to_look_at(connection, limit=LEADS_AT_ONCE)
    if not rows:
        return 0
    messages = await messages_of(connection, LeadRow.lead_id.in_([row.lead_id for row in rows]))
    changed = 0
    for row in rows:
        told = messages.outcomes_of(row.contact_id, row.campaign_id)
        outcome = max((row.outcome, *told), key=lambda one: RANKS.get(one, 0))
        is_new = outcome != row.outcome
        changed += is_new
        values = {"outcome": outcome, "outcome_at": now} if is_new else {}
        await change_lead(connection, row.lead_id, {**values, "looked_at": now}, now=now if is_new else row.updated_at)
    return changed


def _told(kind: str, reply_class: str) -> str:
    """Return the outcome that something that came back tells. Empty: it tells none."""
    if kind in HARMS:
        return kind
    if kind == "reply":
        return CLASSES.get(reply_class, "replied")
    return reply_class if kind == "auto_reply" and reply_class in {"out_of_office", "bounced"} else ""
