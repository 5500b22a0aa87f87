"""Decide whether a touch may be sent now: one pure function, which the door obeys and the forecast explains."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from agentic_sales.campaigns.plan.plan import CampaignPlan
from agentic_sales.campaigns.plan.windows import spread_ratio, zone_named
from agentic_sales.campaigns.sending.caps import MailboxTurn
from agentic_sales.store.campaigns import CampaignRow, EnrollmentRow
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.mailboxes import MailboxRow
from agentic_sales.store.touches import WAITING, TouchRow

LOOK_AGAIN = timedelta(minutes=5)
"""When what only a person can change is looked at again."""
LOOK_AGAIN_AT_MAILBOX = timedelta(days=1)
"""The same of a mailbox that somebody holds; whoever releases it wakes everybody who waits for it."""

SPREAD_OVER_RATIO = 0.5
"""Part of a window over which lies what waited for it, or all of it would go at the stroke of nine.

The rest is for what finds its mailbox busy then: spread over the whole window, a mailbox of 40 messages a day that
leaves ten minutes between two sent 26 to 36 of them, and over its half all 40.
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the decision about a touch rests on."""

    touch: TouchRow
    """The touch."""
    campaign: CampaignRow
    """Its campaign."""
    plan: CampaignPlan
    """The campaign's plan."""
    enrollment: EnrollmentRow | None
    """The person's way through the campaign; None: the person is not enrolled."""
    person: ContactRow
    """The person."""
    refusal: str | None
    """Why the person must not be written to."""
    is_approved: bool
    """Somebody agreed to exactly this message."""
    sender: MailboxRow
    """The mailbox."""
    turn: MailboxTurn
    """The mailbox's next turn."""


@dataclass(frozen=True, slots=True)
class SendVerdict:
    """Whether a touch may be sent."""

    kind: str
    """`go`, `wait` or `never`."""
    at: datetime | None = None
    """When it may, as far as time decides; None: a person decides, or it may not."""
    why: tuple[str, ...] = ()
    """Why not now, for people, the weightiest first."""


def decide(facts: Facts, now: datetime) -> SendVerdict:
    """Decide about a touch."""
    if facts.touch.state not in WAITING:
        return SendVerdict("never", why=(f"it is {facts.touch.state}",))
    if ends := _ends(facts):
        return SendVerdict("never", why=(ends,))
    people, times = _waits_for_people(facts), _waits_for_time(facts, now)
    reasons = (*people, *(why for _, why in times))
    if not reasons:
        return SendVerdict("go", now)
    return SendVerdict("wait", None if people else max(at for at, _ in times), reasons)


def _ends(facts: Facts) -> str:
    if facts.refusal is not None:
        return facts.refusal
    if facts.campaign.state in {"stopped", "finished"}:
        return f"the campaign is {facts.campaign.state}"
    if shortened := facts.plan.ends_before(facts.touch.step):
        return shortened
    if facts.enrollment is None or facts.enrollment.state == "stopped":
        return f"the enrollment was stopped: {facts.enrollment.reason}" if facts.enrollment else "is not enrolled"
    return ""


def _waits_for_people(facts: Facts) -> tuple[str, ...]:
    waits = {
        f"the campaign is {facts.campaign.state}": facts.campaign.state != "running",
        "the enrollment is parked": facts.enrollment is not None and facts.enrollment.state == "parked",
        "nobody has approved this message": facts.plan.needs_approval and not facts.is_approved,
        f"the mailbox `{facts.sender.mailbox_id}` is held until somebody releases it": not facts.sender.is_active,
    }
    return tuple(why for why, holds in waits.items() if holds)


def _waits_for_time(facts: Facts, now: datetime) -> list[tuple[datetime, str]]:
    """Return what time must pass; the window is asked last, for the moment at which all else allows it."""
    waits = []
    if facts.touch.not_before_at > now:
        waits.append((facts.touch.not_before_at, facts.touch.detail or "its time has not come"))
    back_at = facts.enrollment.not_before_at if facts.enrollment else None
    if back_at is not None and back_at > now:
        waits.append((back_at, "the person is away until then"))
    if facts.turn.why:
        waits.append((facts.turn.at, facts.turn.why))
    at = max([now, *(moment for moment, _ in waits)])
    zone = zone_named(facts.person.time_zone or "") or zone_named(facts.plan.time_zone)
    spread = SPREAD_OVER_RATIO * spread_ratio(facts.touch.campaign_id, facts.touch.contact_id, str(facts.touch.step))
    opens = at if zone is None else facts.plan.window.first_open(at, zone, spread_ratio=spread)
    if opens > at:
        waits.append((opens, f"it is outside the hours in which `{zone}` is written to"))
    return waits
