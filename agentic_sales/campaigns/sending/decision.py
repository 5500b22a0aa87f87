"""Decide whether a touch may be sent now. The door obeys this pure function, and the forecast explains it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from agentic_sales.campaigns.plan.plan import CampaignPlan
from agentic_sales.campaigns.plan.windows import LONGEST_SEARCH_DAYS, NoWindow, SendWindow, spread_ratio, zone_named
from agentic_sales.campaigns.sending.caps import MailboxTurn
from agentic_sales.store.campaigns import CampaignRow, EnrollmentRow
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.mailboxes import MailboxRow
from agentic_sales.store.touches import WAITING, TouchRow

LOOK_AGAIN = timedelta(minutes=5)
"""Interval of further looks at a state that only a person can change."""
LOOK_AGAIN_AT_MAILBOX = timedelta(days=1)
"""Interval of further looks at a mailbox that a person holds. Its release wakes every waiting person."""

SPREAD_OVER_RATIO = 0.5
"""Part of a window over which waiting messages are spread. Without it all of them would go at the stroke of nine.

The rest is for messages that then find their mailbox busy. Measured with a cap of 40 messages a day and ten minutes
between two: over the whole window the mailbox sent 26 to 36 of them, over half of it all 40.
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """The inputs of the decision about a touch."""

    touch: TouchRow
    """The touch."""
    campaign: CampaignRow
    """Its campaign."""
    plan: CampaignPlan
    """The campaign's plan."""
    enrollment: EnrollmentRow | None
    """The person's enrollment in the campaign. None if the person is not enrolled."""
    person: ContactRow
    """The person."""
    refusal: str | None
    """Why the person must not be written to."""
    is_approved: bool
    """Somebody agreed to exactly this message."""
    is_outdated: bool
    """What the message was written from has changed."""
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
    """When it may be sent, as far as time decides. None if a person decides, or if it may not be sent."""
    why: tuple[str, ...] = ()
    """Why not now, for people. The weightiest reason comes first."""


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
    is_answer = facts.touch.answers is not None
    if facts.campaign.state == "stopped" or (facts.campaign.state == "finished" and not is_answer):
        return f"the campaign is {facts.campaign.state}"
    if is_answer:  # The reply has ended the sequence, and it is answered all the same.
        return "" if facts.enrollment else "is not enrolled"
    if shortened := facts.plan.ends_before(facts.touch.step):
        return shortened
    if facts.enrollment is None or facts.enrollment.state == "stopped":
        return f"the enrollment was stopped: {facts.enrollment.reason}" if facts.enrollment else "is not enrolled"
    return ""


def _waits_for_people(facts: Facts) -> tuple[str, ...]:
    is_answer = facts.touch.answers is not None
    is_parked = facts.enrollment is not None and facts.enrollment.state == "parked"
    waits = {
        f"the campaign is {facts.campaign.state}": facts.campaign.state
        not in ({"running", "finished"} if is_answer else {"running"}),
        "the enrollment is parked": is_parked and not is_answer,
        "what it was written from has changed, so it is written anew": facts.is_outdated,
        "nobody has approved this message": (facts.plan.needs_approval or is_answer) and not facts.is_approved,
        f"the mailbox `{facts.sender.mailbox_id}` is held until somebody releases it": not facts.sender.is_active,
    }
    return tuple(why for why, holds in waits.items() if holds)


def _waits_for_time(facts: Facts, now: datetime) -> list[tuple[datetime, str]]:
    """Return the times that must pass. The window comes last, for the moment at which all else allows the message."""
    waits = []
    if facts.touch.not_before_at > now:
        waits.append((facts.touch.not_before_at, facts.touch.detail or "its time has not come"))
    back_at = facts.enrollment.not_before_at if facts.enrollment else None
    if back_at is not None and back_at > now and facts.touch.answers is None:
        waits.append((back_at, "the person is away until then"))
    if facts.turn.why:
        waits.append((facts.turn.at, facts.turn.why))
    at = max([now, *(moment for moment, _ in waits)])
    zone = zone_named(facts.person.time_zone or "") or zone_named(facts.plan.time_zone)
    spread = SPREAD_OVER_RATIO * spread_ratio(facts.touch.campaign_id, facts.touch.contact_id, str(facts.touch.step))
    opens = at if zone is None else facts.plan.window.first_open(at, zone, spread_ratio=spread)
    if opens > at:
        waits.append((opens, f"it is outside the hours in which `{zone}` is written to"))
    return [*waits, *_waits_for_mailbox(facts, opens, zone)]


def _waits_for_mailbox(facts: Facts, at: datetime, zone: ZoneInfo | None) -> list[tuple[datetime, str]]:
    """Return the moment at which the hours of the mailbox and those of the person are both open."""
    sender, opens = facts.sender, at
    if sender.window is None:
        return []
    hours, own_zone = SendWindow.model_validate(sender.window), zone_named(sender.time_zone) or ZoneInfo("UTC")
    why = f"it is outside the hours of mailbox `{sender.mailbox_id}`"
    try:
        for _ in range(LONGEST_SEARCH_DAYS):
            ours = hours.first_open(opens, own_zone)
            opens = ours if zone is None else facts.plan.window.first_open(ours, zone)
            if opens == ours:
                return [(opens, why)] if opens > at else []
    except NoWindow:
        pass
    return [(at + timedelta(days=LONGEST_SEARCH_DAYS), f"{why}, which never meet those of the person")]
