"""Deal out the arms of a round by the outcomes of earlier rounds, and tell which arms are stopped.

The plan of a round is made once, when the round begins, and stays in its row. So a visit that dies deals the same arms
again. The outcomes are read from messages and answers, and not from the leads. So a complaint stops its arm at once.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.leads.outcomes import Messages, messages_of
from agentic_sales.flows import Flow
from agentic_sales.rules.arms import ArmPlan, Trial, dealt, harms_of, next_round, stopped_arms
from agentic_sales.rules.calibration import Calibration, calibrated
from agentic_sales.rules.flow_report import KIND_WORDS, allow_command, score_told
from agentic_sales.rules.outcome_rewards import ARM_KINDS, ArmKind, rewards_of_outcomes
from agentic_sales.store.flow_rounds import FlowRoundRow, flow_rounds
from agentic_sales.store.leads import LeadRow

ARMS = "$arms"
"""Key of the plan in `given` of a round. No field of an input has this name."""
MOST_ROUNDS = 1_000
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Search:
    """One discovery of a round."""

    number: int = 0
    """From 0."""
    limit: int = 0
    """Most leads."""
    arms: Mapping[str, str] = field(default_factory=dict)
    """Query and source, where the round chose them."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """The learning of a flow's rounds."""

    rounds: Sequence[FlowRoundRow]
    """The rounds, the newest first."""
    trials: Sequence[Trial]
    """Their leads."""
    allowed: Mapping[str, Mapping[str, int]]
    """By kind and name: harms of an arm when a person let it go on."""
    calibration: Calibration
    """The calibration of the score."""

    def stopped(self, kind: ArmKind) -> dict[str, str]:
        """Return the stopped arms of a kind, and why."""
        return stopped_arms(self.trials, kind, rewards_of_outcomes(), looked_at=self.allowed.get(kind))

    def stopped_of(self, flow: Flow) -> list[dict[str, Any]]:
        """Return the stopped arms of a flow as plain data: `kind`, `arm` and `why`."""
        return [
            {"kind": kind, "arm": name, "why": why}
            for kind in ARM_KINDS
            if kind in flow.learns_from
            for name, why in self.stopped(kind).items()
        ]

    def harms(self, kind: ArmKind) -> dict[str, int]:
        """Count the harms of each arm of a kind."""
        return harms_of(self.trials, kind, rewards_of_outcomes())

    def plans(self, flow: Flow, names: Mapping[str, Collection[str]], contacts: int, *, seed: str) -> list[ArmPlan]:
        """Return the plans of a round for the arms of each kind that the flow learns from.

        Arms that the flow does not choose among have no contacts. They can be stopped all the same.

        Args:
            flow: The flow.
            names: By kind: names that the round chooses among.
            contacts: Most leads of the round.
            seed: Orders arms of which equally much is known.
        """
        found = []
        for kind in (kind for kind in ARM_KINDS if kind in flow.learns_from):
            if chosen := names.get(kind):
                plan = next_round(
                    self.trials,
                    kind,
                    chosen,
                    contacts,
                    rewards=rewards_of_outcomes(),
                    seed=seed,
                    exploration=flow.exploration,
                    looked_at=self.allowed.get(kind),
                )
            else:
                stopped = self.stopped(kind)
                seen = sorted({name for trial in self.trials if (name := trial.arms.get(kind))} - stopped.keys())
                plan = ArmPlan(kind, dict.fromkeys(seen, 0), stopped)
            found.append(plan)
        return found

    def threshold(self, flow: Flow) -> float:
        """Return the score from which the next round keeps leads."""
        if "score_band" not in flow.learns_from:
            return flow.score.threshold
        return self.calibration.threshold(flow.score.threshold, flow.score.least_rate)

    def score_told(self, flow: Flow) -> str:
        """Say why the threshold is as it is."""
        if "score_band" not in flow.learns_from:
            return "The flow does not learn from its score."
        return " ".join(score_told(self.calibration, (flow.score.threshold, self.threshold(flow))))


async def learnt_of(connection: AsyncConnection, flow_id: str, *, now: datetime) -> Learnt:
    """Read the learning of a flow's rounds. Dry rounds teach nothing.

    Args:
        connection: The store.
        flow_id: The flow.
        now: The present of campaigns.
    """
    rounds = await flow_rounds(connection, flow_id=flow_id, limit=MOST_ROUNDS)
    trials = await trials_of(connection, [row for row in rounds if not row.is_dry], now=now)
    allowed: dict[str, dict[str, int]] = {}
    for row in rounds:
        for kind, told in plan_of(row).get("allowed", {}).items():
            known = allowed.setdefault(kind, {})
            known |= {name: max(count, known.get(name, 0)) for name, count in told.items()}
    return Learnt(rounds, trials, allowed, calibrated(trials, rewards_of_outcomes()))


async def trials_of(connection: AsyncConnection, rounds: Sequence[FlowRoundRow], *, now: datetime) -> list[Trial]:
    """Return the leads of rounds as trials, and the searches that found nothing.

    Args:
        connection: The store.
        rounds: The rounds, the newest first.
        now: The present of campaigns.
    """
    ago = {row.round_id: number for number, row in enumerate(rounds)}
    wanted = LeadRow.round_id.in_(list(ago))
    shown = LeadRow.round_id, LeadRow.arm, LeadRow.stage, LeadRow.outcome, LeadRow.contact_id, LeadRow.campaign_id
    leads = (await connection.execute(select(*shown).where(wanted).order_by(LeadRow.lead_id))).all()
    messages = await messages_of(connection, wanted)
    trials = [_trial(messages, lead, rounds_ago=ago[lead.round_id], now=now) for lead in leads]
    for row in rounds:
        plan = plan_of(row)
        for search, found in zip(plan.get("searches", ()), plan.get("found", ()), strict=False):
            if not found and search["arms"]:
                trials.append(Trial(_arms(search["arms"]), ("nothing_found",), None, ago[row.round_id]))
    return trials


def plan_of(row: FlowRoundRow) -> dict[str, Any]:
    """Return the plan of a round. It is empty for a round of an earlier release."""
    return dict((row.given or {}).get(ARMS) or {})


def given_of(row: FlowRoundRow) -> dict[str, Any]:
    """Return the fields of the discovery's input that a round replaces."""
    return {name: value for name, value in (row.given or {}).items() if name != ARMS}


def with_plan(row: FlowRoundRow, **changes: Any) -> dict[str, Any]:
    """Return `given` of a round with changes to its plan."""
    return {**given_of(row), ARMS: {**plan_of(row), **changes}}


def plan_for(
    flow: Flow, learnt: Learnt, given: Mapping[str, Any], contacts: int, *, round_id: str, has_templates: bool
) -> dict[str, Any]:
    """Return the plan of a new round as plain data.

    Args:
        flow: The flow.
        learnt: The learning of earlier rounds.
        given: Parts of the input of the discovery that a person replaces. The round chooses among these values then.
        contacts: Most leads.
        round_id: The round.
        has_templates: Whether the round writes in the flow's own campaigns.
    """
    names = names_for(flow, given, has_templates=has_templates)
    plans = {plan.kind: plan for plan in learnt.plans(flow, names, contacts, seed=round_id) if plan.kind in names}
    searches = [arms.kind for arms in flow.discover.arms]
    deals = [dealt(plans[kind], seed=round_id) for kind in searches]
    pairs = Counter(zip(*deals, strict=True)) if deals else Counter({(): contacts})
    return {
        "threshold": learnt.threshold(flow),
        "why": learnt.score_told(flow),
        "contacts": {kind: dict(plan.contacts) for kind, plan in plans.items()},
        "stopped": {kind: dict(plan.stopped) for kind, plan in plans.items() if plan.stopped},
        "searches": [
            {"arms": dict(zip(searches, pair, strict=True)), "limit": count}
            for pair, count in sorted(pairs.items(), key=lambda told: (-told[1], told[0]))
        ],
        "found": [],
    }


def names_for(flow: Flow, given: Mapping[str, Any], *, has_templates: bool = True) -> dict[str, tuple[str, ...]]:
    """Return the names that a round chooses among, by kind."""
    names = {str(kind): told for kind, told in flow.chosen.items()}
    if not has_templates:
        names.pop("template", None)
    for arms in flow.discover.arms:
        if value := given.get(arms.input_field):
            names[arms.kind] = tuple(dict.fromkeys(value)) if isinstance(value, list) else (str(value),)
    return names


def search_of(row: FlowRoundRow) -> Search | None:
    """Return the search that a round makes next. None after the last one."""
    plan = plan_of(row)
    if "searches" not in plan:
        return Search(limit=row.most_leads)
    number = len(plan["found"])
    if number == len(plan["searches"]):
        return None
    told = plan["searches"][number]
    return Search(number, told["limit"], told["arms"])


def search_input(flow: Flow, search: Search) -> dict[str, Any]:
    """Return the part of the input of a discovery that its arms decide."""
    told: dict[str, Any] = {}
    for arms in flow.discover.arms:
        if name := search.arms.get(arms.kind):
            takes_list = isinstance(flow.discover.given.get(arms.input_field), list | tuple)
            told[arms.input_field] = [name] if takes_list else name
    return told


def dealt_to(row: FlowRoundRow, number: int) -> dict[str, str]:
    """Return template and persona of a lead of a round by its number from 0, where the round chose them.

    If every one is stopped, the leads have one all the same. They wait until somebody lets it go on.
    """
    plan, told = plan_of(row), dict[str, str]()
    kinds: tuple[ArmKind, ...] = ("persona", "template")
    for kind in (kind for kind in kinds if kind in plan.get("contacts", {})):
        deal = dealt(ArmPlan(kind, plan["contacts"][kind], {}), seed=row.round_id)
        if names := deal or sorted(plan["stopped"].get(kind, {})):
            told[kind] = names[number % len(names)]
    return told


async def stop_of(connection: AsyncConnection, flow: Flow, arm: Mapping[str, Any], *, now: datetime) -> str:
    """Say why nobody may be written to by the arms of a lead. Empty: nothing stops them.

    Args:
        connection: The store.
        flow: The flow.
        arm: Arms of the lead.
        now: The present of campaigns.
    """
    learnt = await learnt_of(connection, flow.flow_id, now=now)
    for kind, name in _arms(arm).items():
        if kind in flow.learns_from and (why := learnt.stopped(kind).get(name)):
            return f"{stop_words(kind, name)}: {why}; {allow_command(flow.flow_id, kind, name)}"
    return ""


def stop_words(kind: ArmKind, name: str) -> str:
    """Return how the reason of a lead begins that waits because its arm is stopped."""
    return f"{KIND_WORDS[kind]} `{name}` is stopped"


def _trial(messages: Messages, lead: Any, *, rounds_ago: int, now: datetime) -> Trial:
    """Return a lead as a trial.

    Args:
        messages: The messages of the leads.
        lead: Row with arm, stage, outcome, contact_id and campaign_id.
        rounds_ago: Rounds since the one of the lead.
        now: The present of campaigns.
    """
    told = messages.outcomes_of(lead.contact_id, lead.campaign_id)
    sent_at = messages.first_sent_at(lead.contact_id, lead.campaign_id)
    days = None if sent_at is None else max((now - sent_at).total_seconds() / _DAY_S, 0.0)
    # Whoever was forgotten has no message any more. What was noted of the lead counts then.
    outcomes = told or ([lead.outcome] if lead.outcome else [])
    return Trial(_arms(lead.arm), tuple(dict.fromkeys((lead.stage, *outcomes))), days, rounds_ago)


def _arms(told: Mapping[str, Any]) -> dict[ArmKind, str]:
    return {kind: str(told[kind]) for kind in ARM_KINDS if told.get(kind)}
