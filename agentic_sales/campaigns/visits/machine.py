"""Decide the next act for one person in one campaign.

The decision is a pure function of the situation and the present. The campaign's graph calls it after every step and
every sleep. So nothing depends on where a process died. A rehearsal and a live campaign cannot decide differently.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from agentic_sales.campaigns.plan.plan import CampaignPlan, Step
from agentic_sales.campaigns.plan.windows import later, spread_ratio
from agentic_sales.campaigns.sending.touches import is_of_other_facts
from agentic_sales.contracts import MailboxId
from agentic_sales.store.approvals import ApprovalRow
from agentic_sales.store.campaigns import CampaignRow, EnrollmentRow
from agentic_sales.store.companies import CompanyRow
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.touches import SENT, TouchRow

Act = Literal["write", "ask", "send", "advance", "sleep", "park", "stop", "finish", "leave"]
"""The next act for an enrollment.

- `write`: write the step's message, or withdraw it where what it was written from has changed.
- `ask`: ask a person about it.
- `send`: send it.
- `advance`: go to the next step.
- `sleep`: wait until a moment.
- `park`: leave it for a person to look at.
- `stop` or `finish`: end the enrollment.
- `leave`: keep it as it is, because it has ended.
"""


NOT_DUE = "the message is not due"


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a decision rests on."""

    campaign: CampaignRow
    """The campaign."""
    plan: CampaignPlan
    """Its plan."""
    enrollment: EnrollmentRow
    """The person's way through it."""
    person: ContactRow
    """The person."""
    employer: CompanyRow | None
    """The person's employer. None: it is not known."""
    zone: ZoneInfo
    """The person's time zone."""
    fields: Mapping[str, Any]
    """Known fields of the person. Conditions read them."""
    refusal: str | None
    """Why the person must not be written to. None if nothing is known against it."""
    touch: TouchRow | None
    """Message of the present step. None before it is written."""
    approval: ApprovalRow | None
    """Latest question about exactly this message. None if nobody was asked."""
    sent_at: datetime | None
    """When the message before was sent. None if there was none."""
    sent_from: MailboxId | None = None
    """Mailbox of the message before. None if there was none."""
    is_written_ahead: bool = False
    """Whether a message of a later step is in the send ledger, as after a person was put back to an earlier step."""
    facts: str = ""
    """Digest of what a message of the present step is written from now. Empty where nothing waits to be sent."""

    @property
    def step(self) -> Step | None:
        """Return the present step, or None after the last one."""
        number = self.enrollment.step
        return self.plan.steps[number] if number < len(self.plan.steps) else None

    @property
    def is_outdated(self) -> bool:
        """Return whether the waiting message was written from other facts than the present ones."""
        return self.touch is not None and is_of_other_facts(self.touch, self.facts)

    def after(self, enrollment: EnrollmentRow) -> "Situation | None":
        """Return the situation at the next step. None if it must be read.

        Args:
            enrollment: The enrollment as it stands after the step.
        """
        before = self.enrollment
        is_as_read = (enrollment.plan_version, enrollment.wakes) == (before.plan_version, before.wakes)
        if self.is_written_ahead or not is_as_read:
            return None
        sent = self.touch if self.touch is not None and self.touch.state in SENT else None
        return replace(
            self,
            enrollment=enrollment,
            touch=None,
            approval=None,
            sent_at=max(filter(None, (self.sent_at, sent.sent_at if sent else None)), default=None),
            sent_from=MailboxId(sent.mailbox_id) if sent else self.sent_from,
            facts="",
        )


@dataclass(frozen=True, slots=True)
class NextAct:
    """What happens next."""

    act: Act
    """What."""
    why: str = ""
    """Why, for people."""
    at: datetime | None = None
    """When to wake. None if a person or an event wakes it."""

    @classmethod
    def of(cls, act: str, why: str, wake_at: str | None) -> "NextAct":
        """Read what `plain` wrote."""
        at = datetime.fromisoformat(wake_at) if wake_at else None
        return cls(act, why, at)  # type: ignore[arg-type]  # only `plain` writes it

    def plain(self) -> dict[str, str | None]:
        """Return it as the state of a graph keeps it."""
        return {"act": self.act, "why": self.why, "wake_at": self.at.isoformat() if self.at else None}


def decide(situation: Situation, now: datetime) -> NextAct:
    """Decide the next act."""
    return (
        _of_enrollment(situation)
        or _of_step(situation)
        or _of_unwritten(situation, now)
        or _of_touch(situation, now)
        or NextAct("send")
    )


def due_at(situation: Situation) -> datetime:
    """Return when the present step's message is due, in UTC.

    It is the step's delay after the message before, in the person's hours.
    """
    enrollment = situation.enrollment
    spread = spread_ratio(enrollment.campaign_id, enrollment.contact_id, str(enrollment.step))
    return situation.plan.window.first_open(_earliest(situation), situation.zone, spread_ratio=spread)


def written_at(situation: Situation, now: datetime) -> datetime:
    """Return when the present step's message is written, in UTC.

    A message that somebody must agree to is written some hours before the hours in which it may go, also outside of
    them. Every other message is written when it is due.
    """
    plan = situation.plan
    if not plan.needs_approval or not plan.draft_ahead_h:
        return due_at(situation)
    return plan.window.first_open(max(_earliest(situation), now), situation.zone) - plan.draft_ahead


def _earliest(situation: Situation) -> datetime:
    step, plan, enrollment = situation.step, situation.plan, situation.enrollment
    assert step is not None  # noqa: S101 - asked of a step
    since = situation.sent_at or enrollment.created_at
    working = plan.window if step.counts == "working_days" else None
    earliest = later(since, situation.zone, days=step.delay_days, window=working)
    return earliest if enrollment.not_before_at is None else max(earliest, enrollment.not_before_at)


def _of_enrollment(situation: Situation) -> NextAct | None:
    if situation.enrollment.state != "active":
        return NextAct("leave", situation.enrollment.reason or situation.enrollment.state)
    match situation.campaign.state:
        case "running":
            return None
        case "stopped" | "finished" as state:
            return NextAct("stop", f"the campaign is {state}")
        case state:
            return NextAct("sleep", f"the campaign is {state}")


def _of_step(situation: Situation) -> NextAct | None:
    step = situation.step
    if step is None:
        return _of_end(situation)
    unmet = [name for name, value in step.only_if.items() if str(situation.fields.get(name, "")) != value]
    if unmet and situation.touch is None:
        return NextAct("advance", f"`{unmet[0]}` is not what step {situation.enrollment.step} is for")
    return None


def _of_end(situation: Situation) -> NextAct | None:
    """Decide about a person without a next step. A message of a step that the plan has lost is ended first."""
    if situation.touch is not None:
        return None
    last = situation.enrollment.step - 1
    return NextAct("finish", situation.plan.ends_before(last) or "every message was sent")


def _of_unwritten(situation: Situation, now: datetime) -> NextAct | None:
    if situation.touch is not None:
        return None
    if situation.refusal is not None:
        return NextAct("stop", situation.refusal)
    if (at := written_at(situation, now)) > now:
        ahead = f", and is written {situation.plan.draft_ahead_h:g} h before it may go"
        return NextAct("sleep", f"{NOT_DUE}{ahead if at < due_at(situation) else ''}", at)
    if lacking := situation.plan.lacks(situation.fields):
        return NextAct("park", f"the field `{lacking}` is empty, and the plan writes to nobody without it")
    return NextAct("write")


def _of_touch(situation: Situation, now: datetime) -> NextAct | None:
    touch = situation.touch
    assert touch is not None  # noqa: S101 - the unwritten one is decided before
    match touch.state:
        case "sent":
            return NextAct("advance", "it was sent")
        case "suppressed":
            return NextAct("stop", touch.detail)
        case "failed":
            return NextAct("stop", f"it could not be sent: {touch.detail}")
        case "ambiguous":
            return NextAct("park", f"nobody knows whether step {touch.step} was sent; resolve it by name")
        case "dispatching":
            return NextAct("sleep", "it is being sent", touch.lease_until_at)
        case _:
            return _of_waiting(situation, touch, now)


def _of_waiting(situation: Situation, touch: TouchRow, now: datetime) -> NextAct | None:
    """Decide about a message that waits. The approval comes first, then the time."""
    if situation.step is None:
        return NextAct("send")  # the door knows that it never may, and ends it
    if situation.is_outdated:
        return _of_outdated(situation, now)
    if situation.plan.needs_approval and (decision := _of_approval(situation, now)) is not None:
        return decision
    if (due := due_at(situation)) > now:
        return NextAct("sleep", NOT_DUE, due)
    return NextAct("sleep", touch.detail, touch.not_before_at) if touch.not_before_at > now else None


def _of_outdated(situation: Situation, now: datetime) -> NextAct:
    """Withdraw the question about a message of other facts at once. Write the message anew when a new one would be."""
    at = written_at(situation, now)
    if situation.approval is None and at > now:
        return NextAct("sleep", "what the message was written from has changed, so it is written anew", at)
    return NextAct("write")


def _of_approval(situation: Situation, now: datetime) -> NextAct | None:
    approval = situation.approval
    if approval is None:
        return NextAct("ask")
    if approval.state == "pending" and approval.expires_at > now:
        return NextAct("sleep", "nobody has agreed to it yet", approval.expires_at)
    if approval.state == "approved":
        return None
    return NextAct("park", f"nobody answered in time whether step {situation.enrollment.step} may be sent")
