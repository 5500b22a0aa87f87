"""Define a campaign's plan: its steps, its hours, its mailboxes, and whether a person must approve first.

Assignments are pure and stable. The same person gets the same variant and the same mailbox at every call.
"""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from agentic_sales.campaigns.plan.windows import SendWindow
from agentic_sales.contracts import CampaignId, ContactId, MailboxId
from agentic_sales.errors import PlanUnreadable
from agentic_sales.store.campaigns import CampaignRow

LONGEST_TTL_S = 400 * 86_400
"""Longest that a message may wait for an agreement. A number of any size would end beyond the calendar's last year."""

MOST_AHEAD_H = 720.0
"""Longest time ahead: 30 days. A draft that is older says nothing about the day on which it goes."""


class Variant(BaseModel):
    """One of several ways to write a step's message."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Its name in every statistic.", pattern=r"^[a-z0-9_-]{1,64}$")
    weight: int = Field(default=1, ge=1, le=1_000_000, description="Its share among the step's variants.")
    input: dict[str, Any] = Field(default_factory=dict, description="Input of the workflow that it adds or replaces.")


class Step(BaseModel):
    """One message of the sequence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delay_days: float = Field(
        default=0.0,
        ge=0,
        le=400,
        description="Days after the message before, or the enrollment, at the same local time.",
    )
    counts: Literal["days", "working_days"] = Field(
        default="working_days", description="Which days the delay counts: all, or those on which messages are sent."
    )
    workflow: str = Field(default="email_outreach", description="The assistant_id that writes the message.")
    input: dict[str, Any] = Field(default_factory=dict, description="Further input of the workflow.")
    only_if: dict[str, str] = Field(
        default_factory=dict,
        description="Fields of the contact and the values that they must have; the step is left out for others.",
    )
    variants: tuple[Variant, ...] = Field(default=(), description="Ways to write it. Empty: one way.")
    thread: Literal["same", "new"] = Field(
        default="same",
        description="`same`: a reply to the message before, with its subject behind `Re:`; `new`: a mail of its own.",
    )


class FieldRule(BaseModel):
    """What happens to a person without a field."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    if_missing: Literal["refuse", "default", "empty"] = Field(
        default="refuse",
        description="`refuse`: an import refuses such a line, and a person without it is parked; `default`: `default` "
        "stands for it; `empty`: nothing does.",
    )
    default: str = Field(default="", max_length=2_000, description="Text in the place of a missing field.")

    @model_validator(mode="after")
    def _default_is_given(self) -> "FieldRule":
        if (self.if_missing == "default") != bool(self.default.strip()):
            raise ValueError("`default` is given if and only if `if_missing` is `default`")
        return self


class Answers(BaseModel):
    """How replies are answered that are interested, ask, or ask for a later time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: str = Field(default="", max_length=10_000, description="Facts about the product to answer with.")
    instructions: str = Field(default="", max_length=4_000, description="Instructions for the answers.")
    tone: str = Field(default="professional", max_length=100, description="Tone of the answers, in a word or two.")
    booking_url: str = Field(
        default="",
        max_length=2_000,
        pattern=r"^(https?://\S+)?$",
        description="Page on which a person picks a time. A line of each answer to somebody interested names it.",
    )


def _answers_of(told: object) -> object:
    """Read `true` as answers by default, and `false` or an empty list as none."""
    if told is True:
        return {}
    return None if told is False or told == [] else told


class Guardrail(BaseModel):
    """When a campaign pauses by itself, until somebody resumes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    most_bounced_ratio: float = Field(
        default=0.05, ge=0, le=1, description="Share of its messages that may come back; 1: all of them."
    )
    most_complained_ratio: float = Field(
        default=0.003, ge=0, le=1, description="Share of its messages that may be complained of; 1: all of them."
    )


class CampaignPlan(BaseModel):
    """What a campaign does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: tuple[Step, ...] = Field(min_length=1, max_length=100, description="The messages, in order.")
    mailboxes: tuple[MailboxId, ...] = Field(min_length=1, description="Where it writes from; each person from one.")
    fields: dict[str, FieldRule] = Field(
        default_factory=dict,
        max_length=50,
        description="Imported fields that its messages use as `{{field}}` in inputs and templates. Each has a rule for "
        "people without it.",
    )
    window: SendWindow = Field(default_factory=SendWindow, description="When it may write, in the recipient's time.")
    time_zone: str = Field(default="UTC", description="IANA zone of people without a known one.")
    needs_approval: bool = Field(default=True, description="Somebody must agree to every message before it is sent.")
    draft_ahead_h: float = Field(
        default=24.0,
        ge=0,
        le=MOST_AHEAD_H,
        description="Hours before a message may go at which it is written and asked about, also outside the window; 0: "
        "when it is due. Messages that need no approval are written when they are due.",
    )
    answers: Annotated[Answers | None, BeforeValidator(_answers_of, json_schema_input_type=Answers | bool | None)] = (
        Field(
            default_factory=Answers,
            description="A reply that is interested, asks, or asks for a later time gets a drafted answer, which waits "
            "for somebody's word, also where messages need no approval. False: nobody drafts one.",
        )
    )
    guardrail: Guardrail = Field(
        default_factory=Guardrail, description="When it pauses by itself, to be looked at by somebody."
    )
    approval_ttl_s: float = Field(
        default=7 * 86_400,
        gt=0,
        le=LONGEST_TTL_S,
        description="Seconds after a message is due at which nobody can agree any more; at most 400 days.",
    )

    @property
    def needed_fields(self) -> tuple[str, ...]:
        """Return the fields without which nobody is written to."""
        return tuple(name for name, rule in self.fields.items() if rule.if_missing == "refuse")

    def fields_of(self, known: Mapping[str, Any]) -> dict[str, str]:
        """Return the fields of a person that messages use, with what stands for those that the person lacks."""
        return {name: str(known.get(name) or "").strip() or rule.default for name, rule in self.fields.items()}

    def lacks(self, known: Mapping[str, Any]) -> str:
        """Return the first field without which a person is not written to. Empty if there is none."""
        return next((name for name in self.needed_fields if not str(known.get(name) or "").strip()), "")

    @property
    def draft_ahead(self) -> timedelta:
        """Return how long before it may go a message is written."""
        return timedelta(hours=self.draft_ahead_h)

    @property
    def approval_ttl(self) -> timedelta:
        """Return how long somebody may take to agree."""
        return timedelta(seconds=self.approval_ttl_s)

    def ends_before(self, step: int) -> str:
        """Say why a begun step is none any more, because the plan was shortened since. Empty if it is one."""
        return f"the plan was shortened: its last step is {len(self.steps) - 1}" if step >= len(self.steps) else ""

    @model_validator(mode="after")
    def _names_are_different(self) -> "CampaignPlan":
        for number, step in enumerate(self.steps):
            names = [variant.name for variant in step.variants]
            if len(set(names)) < len(names):
                raise ValueError(f"step {number} has two variants of one name")
        return self


def stored_plan(campaign: CampaignRow) -> CampaignPlan:
    """Return the present plan of a campaign. `versions.plan_at` returns the one by which a person goes.

    Raises:
        PlanUnreadable: Another release stored it. A field of it is none here, or has another form now.
    """
    return read_stored(campaign.campaign_id, campaign.plan)


def read_stored(campaign_id: str, plan: Mapping[str, Any]) -> CampaignPlan:
    """Return a plan of a campaign from its stored form.

    Raises:
        PlanUnreadable: Another release stored it. A field of it is none here, or has another form now.
    """
    try:
        return CampaignPlan.model_validate(plan)
    except ValidationError as exc:
        problems = ((".".join(map(str, problem["loc"])) or "the plan", problem["msg"]) for problem in exc.errors())
        raise PlanUnreadable(campaign_id, problems) from exc


def variant_for(plan: CampaignPlan, campaign_id: CampaignId, contact_id: ContactId, step: int) -> Variant | None:
    """Return the variant of a step that a person gets. None if the step has none."""
    variants = plan.steps[step].variants
    if not variants:
        return None
    drawn = _draw(sum(variant.weight for variant in variants), "variant", campaign_id, contact_id, str(step))
    for variant in variants:
        drawn -= variant.weight
        if drawn < 0:
            return variant
    raise AssertionError("the weights add up to more than what is drawn from")


def mailbox_for(plan: CampaignPlan, campaign_id: CampaignId, contact_id: ContactId) -> MailboxId:
    """Return the mailbox that writes to a person, in every step the same."""
    return plan.mailboxes[_draw(len(plan.mailboxes), "mailbox", campaign_id, contact_id)]


def _draw(below: int, *parts: str) -> int:
    return int.from_bytes(sha256("\0".join(parts).encode()).digest()[:8]) % below
