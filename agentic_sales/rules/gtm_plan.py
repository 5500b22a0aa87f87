"""Plan how a product goes to its market: channels, messages, mails, a playbook and the first 90 days.

The rules propose a channel only where a sign supports it. They say only the words of the product and of the comparison.
`problems_of` names each fault of a plan.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentic_sales.rules import product_signs as signs
from agentic_sales.rules.backing import QuotedLine, backed, is_sober, joined_proofs, proof_of
from agentic_sales.rules.competitors import Proof
from agentic_sales.rules.plan_facts import PlanFacts
from agentic_sales.rules.product_facts import RivalOffer
from agentic_sales.rules.tables import table
from agentic_sales.rules.wording import markers_in
from agentic_sales.rules.words import folded

Effort = Literal["low", "medium", "high"]
MOST_CHANNELS = MOST_PILLARS = 6
MOST_TEMPLATES = MOST_OBJECTIONS = 8
MOST_QUESTIONS = 10
MOST_STEPS = 12
MOST_BODY_WORDS = 120
_TABLE = table("gtm_plan")
_OUTREACH = ("cold_email", "linkedin_dm", "community", "webinar")
"""Channels for which a message is written."""
_OFFERS = ("It offers ", "We offer ")
"""How the comparison with a competitor begins: their advantage, then ours."""


class ChannelPlan(BaseModel):
    """A way to the buyers."""

    name: str = Field(min_length=1, max_length=80, description="Its name, such as cold_email, community or webinar.")
    why: str = Field(max_length=600, description="Why it fits, in one sentence.")
    icp_presence: str = Field(default="", max_length=400, description="Which buyers are there.")
    tactics: list[str] = Field(max_length=8, description="Steps to take there, 1 to 8 sentences.")
    effort: Effort = Field(description="How much work it is.")
    time_to_first_lead: str = Field(default="", max_length=80, description="`days`, `weeks` or `months`.")
    quote: str = Field(description="Words of the texts that support it, copied letter by letter.")
    source_url: str = Field(default="", description="Where they stand. Leave it empty.")


class ChannelsReading(BaseModel):
    """The ways to the buyers."""

    channels: list[ChannelPlan] = Field(max_length=12, description="1 to 6, the best first. Empty: nothing is known.")


class PillarPlan(BaseModel):
    """A message that comes back everywhere."""

    theme: str = Field(min_length=1, max_length=200, description="The message in one short sentence.")
    proof_points: list[str] = Field(max_length=6, description="Words of the texts that prove it, copied.")
    when_to_use: str = Field(
        default="", max_length=400, description="Audience for the message, or the words of a buyer that call for it."
    )
    avoid_when: str = Field(default="", max_length=400, description="Audience that should not hear it.")


class PillarsReading(BaseModel):
    """The messages."""

    messaging_pillars: list[PillarPlan] = Field(max_length=12, description="1 to 6. Empty: nothing is known.")


class OutreachMessage(BaseModel):
    """A first message for one channel and one role."""

    channel: str = Field(min_length=1, max_length=80, description="One of the channels of the plan.")
    persona: str = Field(min_length=1, max_length=120, description="For which of the known roles it is.")
    hook: str = Field(max_length=300, description="Its first sentence.")
    body: str = Field(max_length=1_500, description="The rest in plain text, at most 120 words.")
    cta: str = Field(max_length=300, description="The one thing that it asks for.")


class MessagesReading(BaseModel):
    """The first messages."""

    outreach_templates: list[OutreachMessage] = Field(max_length=12, description="Up to 8. Empty: nothing is known.")


class ObjectionPlan(BaseModel):
    """An objection of a buyer."""

    objection: str = Field(min_length=1, max_length=300, description="Words of the buyer.")
    response: str = Field(min_length=1, max_length=600, description="Reply to these words.")
    evidence_to_show: list[str] = Field(max_length=5, description="Words of the texts to show, copied.")


class PlaybookReading(BaseModel):
    """Notes for a salesperson's conversation."""

    discovery_questions: list[str] = Field(max_length=20, description="Up to 10 questions.")
    objections: list[ObjectionPlan] = Field(max_length=16, description="Up to 8.")
    battlecards: dict[str, list[str]] = Field(description="By competitor: lines on how to stand beside it.")


class SalesPlaybook(PlaybookReading):
    """The backed notes for a salesperson's conversation."""

    discovery_questions: list[str] = Field(default_factory=list, description="At most 10 questions.")
    objections: list[ObjectionPlan] = Field(default_factory=list, description="At most 8 objections with an answer.")
    battlecards: dict[str, list[str]] = Field(default_factory=dict, description="Lines by competitor.")


class StepsReading(BaseModel):
    """The first steps."""

    first_90_days: list[str] = Field(max_length=20, description="Up to 12 steps in their order, a sentence each.")


class GtmDocument(BaseModel):
    """A go-to-market plan."""

    channels: list[ChannelPlan] = Field(default_factory=list, description="At most 6 channels, the best first.")
    messaging_pillars: list[PillarPlan] = Field(default_factory=list, description="At most 6 messages.")
    outreach_templates: list[OutreachMessage] = Field(default_factory=list, description="At most 8 first messages.")
    sales_playbook: SalesPlaybook = Field(default=SalesPlaybook(), description="Questions, objections, battlecards.")
    first_90_days: list[str] = Field(default_factory=list, description="At most 12 steps.")
    proofs: list[Proof] = Field(default_factory=list, description="Words that back the messages and battlecards.")


class GtmReport(BaseModel):
    """Output of the workflow `gtm`."""

    gtm: GtmDocument = Field(default=GtmDocument(), description="The plan.")
    channels: list[ChannelPlan] = Field(default_factory=list, description="Its channels.")
    pillars: list[PillarPlan] = Field(default_factory=list, description="Its messages.")
    templates: list[OutreachMessage] = Field(default_factory=list, description="Its first messages.")
    playbook: SalesPlaybook = Field(default=SalesPlaybook(), description="Its playbook.")
    critic_rounds: int = Field(default=0, description="How often a model's messages were sent back, 0 to 2.")
    dropped: list[str] = Field(default_factory=list, description="Faults of a model's messages that were not taken.")
    analysis_id: str = Field(default="", description="The document in the book. Empty: nothing was written.")


def roles_of(facts: PlanFacts) -> list[str]:
    """Return the roles that are known of the buyers, then the segments, each once."""
    said = signs.all_said(facts.texts)
    own = [sign.name for sign in signs.audiences(said)]
    names = [*(one.title for one in facts.icp.personas), *(one.name for one in facts.icp.segments)]
    personas = [one.title for one in facts.product.personas]
    return list({folded(name): name for name in reversed([*names, *personas, *own])}.values())[::-1]


def channels_by_rules(facts: PlanFacts) -> ChannelsReading:
    """Return the channels that signs support, each with its sign."""
    said = signs.all_said(facts.texts)
    moves = signs.motions(said)
    roles = roles_of(facts)
    buyers = [(one.department, one.quote, one.source_url) for one in facts.icp.personas]
    buyers += [("", sign.said.text, sign.said.source) for sign in signs.audiences(said)]
    found = []
    for name, row in _TABLE["channels"].items():
        move = next((moves[motion] for motion in row["motions"] if motion in moves), None)
        buyer = next((one for one in buyers if one[0] in row["departments"]), None)
        if not (move or buyer):
            continue
        persona = roles[0] if roles else "the buyers"
        quote, source = (move.text, move.source) if move else (buyer[1], buyer[2]) if buyer else ("", "")
        found.append(
            ChannelPlan(
                name=name,
                why=f"The product is sold so: {quote}"[:600] if move else f"A buyer is named: {quote}"[:600],
                icp_presence=", ".join(roles[:3])[:400],
                tactics=[tactic.format(persona=persona) for tactic in row["tactics"]],
                effort=row["effort"],
                time_to_first_lead=_TABLE["time"][row["effort"]],
                quote=quote[:200],
                source_url=source,
            )
        )
    return ChannelsReading(channels=found[:MOST_CHANNELS])


def pillars_by_rules(facts: PlanFacts) -> PillarsReading:
    """Return the messages: the gains of the product, in its own words."""
    said = signs.all_said(facts.texts)
    helps, hurts = signs.outcomes(said), signs.pains(said)
    refused = [*facts.icp.anti_icp, *(one.text for one in signs.refusals(said))]
    lines = list(dict.fromkeys([*signs.measured(helps), *helps]))[:MOST_PILLARS]
    return PillarsReading(
        messaging_pillars=[
            PillarPlan(
                theme=one.text[:200],
                proof_points=[one.text[:200]],
                when_to_use=f"When the buyer speaks of this: {hurts[0].text}"[:400] if hurts else "",
                avoid_when=refused[0][:400] if refused else "",
            )
            for one in lines
        ]
    )


def messages_by_rules(facts: PlanFacts, channels: Sequence[ChannelPlan]) -> MessagesReading:
    """Return a first message for each outreach channel and the first two roles, in the product's own words."""
    said = signs.all_said(facts.texts)
    helps = signs.outcomes(said)
    hurts = [one for one in signs.pains(said) if one not in helps]
    if not helps:
        return MessagesReading(outreach_templates=[])
    written = [
        OutreachMessage(
            channel=channel.name,
            persona=role,
            hook=hurts[0].text[:300] if hurts else f"I write to you because {facts.name} is made for {role}."[:300],
            body=f"Hi {{{{name}}}},\n\n{facts.name}: {helps[0].text}"[:1_500],
            cta="Shall I show it to you on a task of yours?",
        )
        for channel in channels
        if channel.name in _OUTREACH
        for role in roles_of(facts)[:2]
    ]
    return MessagesReading(outreach_templates=written[:MOST_TEMPLATES])


def playbook_by_rules(facts: PlanFacts) -> PlaybookReading:
    """Return questions about pains, answers to the offers of competitors, and a card for each competitor."""
    said = signs.all_said(facts.texts)
    needs = [one for _, one in signs.needs(said)]
    questions = [f"How do you deal with this today: {_bare(one.text)}?" for one in signs.pains(said)]
    questions += [f"Does this hold for you: {_bare(one.text)}?" for one in needs]
    objections = [
        ObjectionPlan(
            objection=f"{rival.name} offers {offer}.",
            response=f"Say plainly whether we offer {offer}; our own words do not say so.",
            evidence_to_show=[proof.quote for proof in rival.evidence if proof.claim == line][:1],
        )
        for rival in facts.competitors
        for line, offer in _advantages(rival, _OFFERS[0])
    ]
    objections += [
        ObjectionPlan(
            objection=f"We cannot do this: {_bare(one.text)}.",
            response="It is a condition of the product. Ask for it in the first conversation.",
            evidence_to_show=[one.text[:200]],
        )
        for one in needs
    ]
    return PlaybookReading(
        discovery_questions=questions[:MOST_QUESTIONS],
        objections=objections[:MOST_OBJECTIONS],
        battlecards={one.name: card for one in facts.competitors if (card := _card(one))},
    )


def steps_by_rules(channels: Sequence[ChannelPlan]) -> StepsReading:
    """Return the steps of the first 90 days with the first channels. Empty without a channel."""
    steps = [
        f"{days}: {text.format(channel=one.name, tactic=one.tactics[0] if one.tactics else one.why)}"
        for days, text in _TABLE["plan"].items()
        for one in channels[: MOST_STEPS // len(_TABLE["plan"])]
    ]
    return StepsReading(first_90_days=steps)


def channels_that_stand(told: ChannelsReading, facts: PlanFacts) -> list[ChannelPlan]:
    """Return the channels that words of the texts support, each once."""
    texts, found = facts.all_texts, dict[str, ChannelPlan]()
    for one in told.channels:
        proof = proof_of(" ".join((one.why, one.icp_presence, *one.tactics)), one.quote, texts)
        if proof and one.tactics:
            update = {"quote": proof.quote, "source_url": proof.source_url}
            found.setdefault(folded(one.name), one.model_copy(update=update))
    return [*found.values()][:MOST_CHANNELS]


def pillars_that_stand(told: PillarsReading, facts: PlanFacts) -> tuple[list[PillarPlan], list[Proof]]:
    """Return the messages with at least one proof that stands in the texts, and their proofs."""
    pillars, proofs = [], list[Proof]()
    for one in told.messaging_pillars:
        lines = [QuotedLine(text=one.theme, quote=point) for point in one.proof_points]
        points = [proof for line in lines for proof in backed([line], facts.all_texts, most=1)]
        rest = (one.when_to_use, one.avoid_when)
        if points and all(is_sober(line, facts.all_texts) for line in rest):
            pillars.append(one.model_copy(update={"proof_points": [proof.quote for proof in points]}))
            proofs += points
    return pillars[:MOST_PILLARS], proofs


def problems_of(
    messages: Sequence[OutreachMessage], playbook: PlaybookReading, channels: Sequence[ChannelPlan], facts: PlanFacts
) -> list[str]:
    """Return every fault of messages and a playbook, each as a sentence. Empty: they pass."""
    known, roles = {folded(one.name) for one in channels}, {folded(role) for role in roles_of(facts)}
    rivals = {folded(one.name) for one in facts.competitors}
    found = []
    for number, one in enumerate(messages, 1):
        words, whole = len(one.body.split()), f"{one.hook} {one.body} {one.cta}"
        faults = {
            f"its channel `{one.channel}` is not in the plan": folded(one.channel) not in known,
            f"its role `{one.persona}` is not known": bool(roles) and folded(one.persona) not in roles,
            f"its body has {words} words; {MOST_BODY_WORDS} are allowed": words > MOST_BODY_WORDS,
            "it opens like a machine": bool(markers_in(f"{one.hook} {one.body}")),
            "it asks for nothing": not one.cta.strip(),
            "it has a number or a quote that no text has": not is_sober(whole, facts.all_texts),
            "it has an unfilled place": _has_place(whole),
        }
        found += [f"message {number}: {fault}" for fault, is_there in faults.items() if is_there]
    for objection in playbook.objections:
        lines = (objection.objection, objection.response)
        if not all(is_sober(line, facts.all_texts) for line in lines):
            found.append(f"the answer to `{objection.objection}` has a number or a quote that no text has")
        if objection.evidence_to_show and not all(_stands(quote, facts) for quote in objection.evidence_to_show):
            found.append(f"the evidence for `{objection.objection}` stands in no text")
    for name, card in playbook.battlecards.items():
        if folded(name) not in rivals:
            found.append(f"there is a battlecard on `{name}`, which is no known competitor")
        wrong = [line for line in card if not is_sober(line, facts.all_texts)]
        found += [f"the battlecard on `{name}` has a number or a quote that no text has: {line}" for line in wrong]
    return found


def document_of(
    channels: Sequence[ChannelPlan],
    pillars: tuple[Sequence[PillarPlan], Sequence[Proof]],
    messages: Sequence[OutreachMessage],
    playbook: PlaybookReading,
    *,
    steps: Sequence[str],
    facts: PlanFacts,
) -> GtmDocument:
    """Return the plan of its parts. The words behind a battlecard are those of the comparison with the competitor."""
    cards = [proof for one in facts.competitors for proof in one.evidence if proof.claim in one.differentiation_angles]
    used = {line for lines in playbook.battlecards.values() for line in lines}
    return GtmDocument(
        channels=list(channels),
        messaging_pillars=list(pillars[0]),
        outreach_templates=list(messages)[:MOST_TEMPLATES],
        sales_playbook=SalesPlaybook(
            discovery_questions=[line for line in playbook.discovery_questions if is_sober(line, facts.all_texts)][
                :MOST_QUESTIONS
            ],
            objections=playbook.objections[:MOST_OBJECTIONS],
            battlecards=playbook.battlecards,
        ),
        first_90_days=[line for line in steps if is_sober(line, {**facts.all_texts, "days": _DAYS})][:MOST_STEPS],
        proofs=joined_proofs(pillars[1], [proof for proof in cards if proof.claim in used]),
    )


def told_of(document: GtmDocument) -> dict[str, Any]:
    """Return a plan and its parts by the names that callers know."""
    told = document.model_dump()
    parts = {"channels": "channels", "pillars": "messaging_pillars", "templates": "outreach_templates"}
    return {"gtm": told, "playbook": told["sales_playbook"], **{name: told[part] for name, part in parts.items()}}


_DAYS = " ".join(map(str, range(1, 91)))
"""Numbers that a step of the first 90 days may have."""


def _advantages(rival: RivalOffer, begin: str) -> Iterable[tuple[str, str]]:
    """Yield the differences that begin so, with the offer."""
    for line in rival.differentiation_angles:
        if line.startswith(begin):
            yield line, line.removeprefix(begin).partition(";")[0]


def _card(rival: RivalOffer) -> list[str]:
    """Return the facts of a competitor for a conversation. Empty: nothing is."""
    headline = rival.positioning_headline or rival.description
    named = [f"It names itself: {headline}"] if headline else []
    audience = [f"It is for: {rival.target_audience}"] if rival.target_audience else []
    return [*named, *audience, *rival.differentiation_angles]


def _stands(quote: str, facts: PlanFacts) -> bool:
    return proof_of("", quote, facts.all_texts) is not None


def _has_place(text: str) -> bool:
    """Tell whether a text has a place that nobody fills. `{{name}}` is filled when it is sent."""
    return any(mark in text.replace("{{name}}", "") for mark in ("{", "}", "[", "]", "<", ">"))


def _bare(text: str) -> str:
    return text.strip().rstrip(".!?")
