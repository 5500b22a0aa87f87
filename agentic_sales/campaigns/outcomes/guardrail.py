"""Pause a campaign by itself when too many of its messages bounce or are complained of.

Mail providers reject all mail of a sender with more than 0.3 % complaints (Gmail's and Yahoo's rules for bulk senders,
2024). This also hits other campaigns. So the campaign waits for a person to look. A few messages prove nothing. A share
counts when the lower end of its 95 % interval (Wilson 1927) is above the limit.
"""

from collections.abc import Mapping
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.plan.plan import stored_plan
from agentic_sales.campaigns.webhooks.events import announce
from agentic_sales.contracts import CampaignId
from agentic_sales.errors import PlanUnreadable
from agentic_sales.rules.shares import share
from agentic_sales.store.campaigns import RUNNING, locked_campaign, move_campaign
from agentic_sales.store.touches import outcomes_since

FEWEST = 3
"""Messages that must have had an outcome before it can pause a campaign."""
OUTCOMES: Mapping[str, str] = {"bounced": "came back", "complained": "were complained of"}
"""Outcome to its words for people."""

log = structlog.get_logger()


async def pause_if_harmful(connection: AsyncConnection, campaign_id: CampaignId, *, now: datetime) -> bool:
    """Pause a running campaign with more bounces or complaints than its plan allows.

    The caller must lock the person and the campaign before it changes any touch. Otherwise it and the send door could
    wait for each other.

    Messages count from the last start or resume. The person that resumes it has looked, so the count begins anew.

    Args:
        connection: Of a writing transaction that wrote the outcome.
        campaign_id: The campaign.
        now: The present.
    """
    found = await locked_campaign(connection, campaign_id)
    if found is None or found.state != RUNNING:
        return False
    try:
        guardrail = stored_plan(found).guardrail
    except PlanUnreadable:  # it sends nothing, and the outcome of its messages must be kept
        return False
    limits = {"bounced": guardrail.most_bounced_ratio, "complained": guardrail.most_complained_ratio}
    counts = await outcomes_since(connection, campaign_id, found.updated_at)
    sent = sum(counts.values())
    for outcome, words in OUTCOMES.items():
        limit, count = limits[outcome], counts.get(outcome, 0)
        if count >= FEWEST and (share(count, sent).low_ratio or 0.0) > limit:
            reason = f"{count} of {sent} messages {words}, more than {limit:.1%}; look at its list, then resume it"
            await move_campaign(connection, campaign_id, expected=(RUNNING,), to="paused", reason=reason, now=now)
            told = {"campaign_id": campaign_id, "outcome": outcome, "count": count, "sent": sent, "limit": limit}
            await announce(connection, "campaign.paused", f"{campaign_id}:{now.isoformat()}", told, now=now)
            log.warning("campaign_paused_itself", campaign_id=campaign_id, outcome=outcome, count=count, sent=sent)
            return True
    return False
