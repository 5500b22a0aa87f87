"""Report the learning of a flow: how far the leads of each arm came, and how the next round changes because of it.

The sentences are for salespeople. Each names the numbers that it rests on.
"""

import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from agentic_sales.rules.arms import ArmPlan, Trial
from agentic_sales.rules.calibration import FEWEST_OUTCOMES, CalibratedBand, Calibration
from agentic_sales.rules.outcome_rewards import COLUMNS, ArmKind, Column, Rewards
from agentic_sales.rules.shares import Share, share

KIND_WORDS: Mapping[ArmKind, str] = {
    "query": "query",
    "source": "source",
    "persona": "persona",
    "template": "template",
    "score_band": "score band",
}
"""Kinds of arms in words for people."""
_SHARE_OF: Mapping[Column, Column] = {
    "kept": "found",
    "contacted": "kept",
    "answered": "contacted",
    "interested": "contacted",
}


@dataclass(frozen=True, slots=True)
class ArmReport:
    """How far the leads of an arm came."""

    kind: ArmKind
    """Kind of the arm."""
    name: str
    """The arm."""
    counts: Mapping[Column, int]
    """Leads that came so far or further: found, kept, contacted, answered, interested."""
    shares: Mapping[Column, Share]
    """`kept` of those found, `contacted` of those kept, `answered` and `interested` of those contacted."""
    contacts_before: int
    """Contacts of the arm in the last round."""
    contacts_next: int
    """Contacts of the arm in the next round."""
    stopped: str
    """Why it is stopped. Empty: it is not."""


@dataclass(frozen=True, slots=True)
class FlowReport:
    """The learning of a flow."""

    flow_id: str
    """The flow."""
    counts: Mapping[Column, int]
    """Leads of the flow that came so far or further."""
    shares: Mapping[Column, Share]
    """As those of an arm."""
    arms: tuple[ArmReport, ...]
    """The arms by kind, the ones with most contacts in the next round first."""
    sentences: tuple[str, ...]
    """Observations and the changes that follow, for people."""


def flow_report(
    flow_id: str,
    trials: Collection[Trial],
    plans: Iterable[ArmPlan],
    *,
    rewards: Rewards,
    before: Mapping[ArmKind, Mapping[str, int]] | None = None,
    calibration: Calibration | None = None,
    thresholds: tuple[float, float] | None = None,
) -> FlowReport:
    """Report on a flow.

    Args:
        flow_id: The flow.
        trials: All its trials.
        plans: Plans of the next round, one for each kind of arms.
        rewards: Tells how far a lead with an outcome has come.
        before: Contacts of each arm in the last round, by kind.
        calibration: Calibration of the score. None: the flow does not learn of it.
        thresholds: Score from which leads were kept and will be kept. None: it is not told.
    """
    arms, told = list[ArmReport](), list[str]()
    counts = counted(trials, rewards)
    for plan in plans:
        found = _arms_of(plan, trials, rewards, (before or {}).get(plan.kind, {}))
        arms += found
        told += _changes(flow_id, plan, found)
    told += score_told(calibration, thresholds) if calibration else ()
    return FlowReport(flow_id, counts, _shares(counts), tuple(arms), (_told(counts), *told))


def counted(trials: Iterable[Trial], rewards: Rewards) -> dict[Column, int]:
    """Count the leads of trials by how far they came. Each column counts the leads of the later ones too."""
    reached = Counter[int]()
    for trial in trials:
        known = [COLUMNS.index(rewards.columns[name]) for name in trial.outcomes if name in rewards.columns]
        sent = [COLUMNS.index("contacted")] if trial.days is not None else []
        reached[max((*known, *sent, -1 if "nothing_found" in trial.outcomes else 0))] += trial.count
    return {name: sum(n for at, n in reached.items() if at >= place) for place, name in enumerate(COLUMNS)}


def _arms_of(plan: ArmPlan, trials: Collection[Trial], rewards: Rewards, before: Mapping[str, int]) -> list[ArmReport]:
    mine: dict[str, list[Trial]] = {name: [] for name in (*plan.contacts, *plan.stopped)}
    for trial in trials:
        if name := trial.arms.get(plan.kind):
            mine.setdefault(name, []).append(trial)
    found = []
    for name, own in mine.items():
        counts = counted(own, rewards)
        then, now = before.get(name, 0), plan.contacts.get(name, 0)
        found.append(ArmReport(plan.kind, name, counts, _shares(counts), then, now, plan.stopped.get(name, "")))
    return sorted(found, key=lambda arm: (-arm.contacts_next, -arm.counts["interested"], arm.name))


def _shares(counts: Mapping[Column, int]) -> dict[Column, Share]:
    return {name: share(counts[name], counts[of]) for name, of in _SHARE_OF.items()}


def _told(counts: Mapping[Column, int]) -> str:
    parts = (f"{counts['found']} leads found", f"{counts['kept']} kept", f"{counts['contacted']} written to")
    return f"{', '.join(parts)}; {counts['answered']} answered and {counts['interested']} were interested."


def _changes(flow_id: str, plan: ArmPlan, arms: list[ArmReport]) -> Iterator[str]:
    """Describe the changes for the arms of a kind, with the reason."""
    for arm in (arm for arm in arms if arm.stopped):
        yield (
            f"{_name(arm)} is stopped: {arm.stopped}. "
            "Nobody is written to by it until somebody has looked at it and lets it go on by "
            f"`{allow_command(flow_id, plan.kind, arm.name)}`."
        )
    live = [arm for arm in arms if arm.name in plan.contacts]
    if plan.stopped and not plan.contacts:
        yield (
            f"Every {KIND_WORDS[plan.kind]} is stopped, so the next round writes to nobody, and kept leads wait until "
            "one of them goes on."
        )
    every = sum(plan.contacts.values())
    moved = [arm for arm in live if arm.contacts_next != arm.contacts_before]
    for arm in moved:
        change = f"{arm.contacts_next} of {every} contacts in the next round, {arm.contacts_before} in the last one"
        yield f"{_name(arm)}: {change}. {_why(arm)}"
    if doubt := _doubt(live):
        yield doubt


def allow_command(flow_id: str, kind: ArmKind, name: str) -> str:
    """Return the command that lets a stopped arm go on."""
    return f"agentic-sales flows allow {flow_id} {kind} {shlex.quote(name)}"


def _why(arm: ArmReport) -> str:
    """Describe the basis of the change."""
    seen = arm.shares["interested"]
    if not seen.of:
        return "Nobody has been written to by it yet, so it is tried."
    verb = "was" if seen.count == 1 else "were"
    return f"{seen.count} of {seen.of} people {verb} interested ({_interval(seen)})."


def _doubt(live: list[ArmReport]) -> str:
    """Say so if the arm with most contacts is not surely better than the next one. Empty without two tried arms."""
    tried = [arm for arm in live if arm.shares["interested"].of]
    if len(tried) < 2:  # noqa: PLR2004 - a pair
        return ""
    first, second = tried[0], tried[1]
    if (first.shares["interested"].low_ratio or 0.0) > (second.shares["interested"].high_ratio or 1.0):
        return f"{_name(first)} is better than {_name(second, is_first=False)}: their intervals lie apart."
    return f"It is not sure yet that {_name(first, is_first=False)} is better than {_name(second, is_first=False)}."


def score_told(calibration: Calibration, thresholds: tuple[float, float] | None) -> Iterator[str]:
    """Describe in sentences the outcomes by score, and the change of the threshold.

    Args:
        calibration: Calibration of the score.
        thresholds: As in `flow_report`.
    """
    if not calibration.is_enough:
        yield (
            f"The score is left as it is: {calibration.outcomes} outcomes are too few to judge it by, "
            f"{FEWEST_OUTCOMES} are needed."
        )
        return
    low, high = calibration.bands[0], calibration.bands[-1]
    if low.rate == high.rate:
        yield (
            f"The score does not tell who answers: 100 people of any band bring as much as {_worth(low)}, "
            f"by {calibration.outcomes} outcomes."
        )
    else:
        yield (
            f"A higher score brings more: 100 people of {high.band} bring as much as {_worth(high)}, "
            f"100 of {low.band} as much as {_worth(low)}, by {calibration.outcomes} outcomes."
        )
    if thresholds and thresholds[0] != thresholds[1]:
        yield (
            f"Leads are kept from a score of {thresholds[1]:g} on, {thresholds[0]:g} before, because those below "
            "bring too little."
        )


def _worth(band: CalibratedBand) -> str:
    """Tell a rate by the outcome with the whole reward."""
    return f"{100 * band.rate:.1f} interested answers"


def _name(arm: ArmReport, *, is_first: bool = True) -> str:
    words = KIND_WORDS[arm.kind]
    return f"{words.capitalize() if is_first else words} `{arm.name}`"


def _interval(seen: Share) -> str:
    ratio = seen.count / seen.of
    return f"{ratio:.1%}, 95% interval {seen.low_ratio or 0.0:.1%} to {seen.high_ratio or 0.0:.1%}"
