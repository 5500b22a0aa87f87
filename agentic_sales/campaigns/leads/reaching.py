"""Let the people of kept leads join a campaign: write them into the book, make contacts of them, and enroll them.

Nothing here writes a message or sends one. The campaign does, and its messages wait for a person's word. A person
becomes a contact by hand, unless somebody lets the round promote. An address that takes no mail and a suppressed person
never reach the campaign. Nor does a person reach a flow's own campaign while the campaign of another flow writes to
the person. A campaign that somebody named for the round takes the person in any case. The visits to the person belong
to the trace of the round.
"""

from collections.abc import Mapping
from datetime import datetime
from string import Template
from time import monotonic
from typing import Any, cast

from agentic_sales.campaigns.book.promotion import EMAIL, Grounds, promote
from agentic_sales.campaigns.book.writing import BookWriter
from agentic_sales.campaigns.leads.arms import plan_of, stop_of
from agentic_sales.campaigns.leads.guesses import FORMED, confirmed_guess
from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.people.permission import refusal_of
from agentic_sales.campaigns.plan.desk import enroll_people_over
from agentic_sales.contracts import CampaignId, CompanyId, ConsentBasis, ContactId, PersonId, Subject
from agentic_sales.control import control_plane
from agentic_sales.errors import InvalidAddress, RequestError
from agentic_sales.flows import Flow
from agentic_sales.rules.company_identity import site_of
from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.rules.lead_steps import PEOPLE, LeadSoFar, ReachablePerson
from agentic_sales.rules.titles import read_title
from agentic_sales.settings import settings
from agentic_sales.sources.mailboxes import MailboxChecks, MailboxVerdict
from agentic_sales.store.companies import company
from agentic_sales.store.contacts import contact
from agentic_sales.store.database import Database
from agentic_sales.store.facts import current_values
from agentic_sales.store.flow_rounds import FlowRoundRow, flow_campaign_of, flow_round, is_own_campaign
from agentic_sales.store.leads import LeadRow, change_lead, leads_ready
from agentic_sales.store.locks import lock
from agentic_sales.store.people import PersonRow, SourcedPerson, person
from agentic_sales.store.statements import known

LEADS_OF_A_VISIT = 20
"""Most leads with people that a visit enrolls."""
LONGEST_S = 60.0
"""After so many seconds a visit leaves further people to the next one. Mail servers answer slowly."""
NOBODY = "nobody of it is known by a whole name and an address, a profile or an employer"


async def note_person(book: BookWriter, flow: Flow, lead: LeadSoFar, arm: Mapping[str, str]) -> dict[str, Any]:
    """Write one person of a kept lead into the book, and return the columns of the lead that name the person.

    It is the first one with the persona that the lead was dealt, else the first one.
    """
    wanted = arm.get("persona")
    for found in sorted(PEOPLE[flow.people](lead), key=lambda one: bool(wanted) and persona_of(one) != wanted):
        arms = {"arm": _with_persona(flow, arm, found)}
        if found.person_id:
            return {"person_id": found.person_id, "told": _with_source(lead, found), **arms}
        mine = _sourced(found, lead.company_id)
        person_id = (await book.people([mine])).get(mine) if mine else None
        if person_id is not None:
            book.note(Subject("person", person_id), _facts_of(found))
            return {"person_id": person_id, "told": _with_source(lead, found), **arms}
    return {}


def persona_of(found: ReachablePerson) -> str:
    """Return the seniority of a person. Empty: no title tells it."""
    judged = read_title(found.position) if found.position else None
    return judged.reading.seniority if judged and judged.is_post else ""


def _with_persona(flow: Flow, arm: Mapping[str, str], found: ReachablePerson) -> dict[str, str]:
    """Return the arms of a lead with the persona that it really has."""
    others = {kind: name for kind, name in arm.items() if kind != "persona"}
    persona = persona_of(found) if "persona" in flow.learns_from else ""
    return {**others, "persona": persona} if persona else others


async def reach_out(database: Database, round_id: str, *, now: datetime, clock_now: datetime) -> None:
    """Enroll the people of kept leads with no open step, or give the reason for their wait.

    Args:
        database: The store.
        round_id: The round.
        now: The present.
        clock_now: The present of campaigns.
    """
    async with database.reading() as connection:
        row = known(await flow_round(connection, round_id), "flow round", round_id)
        ready = await leads_ready(connection, round_id, now=now, limit=LEADS_OF_A_VISIT)
    flow = control_plane().flow(row.flow_id)
    if row.state != "running":
        return
    ends_at_s = monotonic() + LONGEST_S
    for lead in ready:
        if monotonic() > ends_at_s:
            return
        if lead.stage == "kept" and lead.step >= len(flow.steps):
            values = await _reached(database, flow, row, lead, clock_now)
            async with database.writing() as connection:
                await change_lead(connection, lead.lead_id, values, now=now, expected={"stage": "kept"})


async def _reached(database: Database, flow: Flow, row: FlowRoundRow, lead: LeadRow, now: datetime) -> dict[str, Any]:
    if row.is_dry:
        return _waits("the round is dry, so nobody is enrolled")
    if lead.person_id is None:
        return _waits(NOBODY)
    arm = _written_by(row, lead)
    async with database.reading() as connection:
        stopped = await stop_of(connection, flow, arm, now=now)
        there = await person(connection, PersonId(lead.person_id))
    if stopped:
        return {**_waits(stopped), "contact_id": there.contact_id if there else None}
    contact_id, why = await _contact_of(database, flow, row, lead, now)
    return _waits(why) if contact_id is None else await _enrolled(database, row, arm, contact_id, now)


def _written_by(row: FlowRoundRow, lead: LeadRow) -> dict[str, Any]:
    """Return the arms of a lead. A template counts only in its own campaign."""
    is_own = row.campaign_id in plan_of(row).get("campaigns", {}).values()
    return {kind: name for kind, name in lead.arm.items() if is_own or kind != "template"}


async def _enrolled(
    database: Database, row: FlowRoundRow, arm: Mapping[str, Any], contact_id: ContactId, now: datetime
) -> dict[str, Any]:
    campaign_id = plan_of(row).get("campaigns", {}).get(arm.get("template"), row.campaign_id)
    async with database.reading() as connection:
        there = await contact(connection, contact_id)
        refusal = await refusal_of(connection, there) if there else "the person was forgotten"
    if refusal is not None:
        return {"stage": "dropped", "reason": f"must not be written to: {refusal}", "contact_id": None}
    if campaign_id is None:
        return {**_waits("the round names no campaign; resume it with one"), "contact_id": contact_id}
    try:
        async with database.writing() as connection:
            # Two rounds may meet the person at the same moment. The second one sees the campaign of the first.
            await lock(connection, "people", [contact_id])
            if is_own_campaign(campaign_id) and (
                other := await flow_campaign_of(connection, contact_id, besides=CampaignId(campaign_id))
            ):
                why = f"the person is in campaign `{other}` of a flow already, and no second one writes meanwhile"
                return {"stage": "dropped", "reason": why, "contact_id": contact_id}
            await enroll_people_over(connection, CampaignId(campaign_id), [contact_id], now=now, trace=row.trace)
    except RequestError as exc:
        return {**_waits(str(exc)), "contact_id": contact_id}
    joined = {"contact_id": contact_id, "campaign_id": campaign_id, "arm": dict(arm)}
    return {"stage": "enrolled", "reason": f"joined campaign `{campaign_id}`", **joined}


async def _contact_of(
    database: Database, flow: Flow, row: FlowRoundRow, lead: LeadRow, now: datetime
) -> tuple[ContactId | None, str]:
    person_id = PersonId(lead.person_id or "")
    async with database.reading() as connection:
        there = await person(connection, person_id)
    if there is None:
        return None, "its person is not in the book any more"
    if there.contact_id is not None:
        return ContactId(there.contact_id), ""
    if not row.promoted_by:
        return None, f"{there.name} is no contact; agentic-sales people promote {person_id}"
    source = Template(flow.outreach.basis_source).safe_substitute(source=lead.told.get("source") or lead.url)
    basis = cast(ConsentBasis, flow.outreach.basis)
    try:
        async with MailboxChecks(settings()) as checks:
            guess = await _guess(database, lead, there, checks)

            async def check(address: str) -> MailboxVerdict:
                return guess or await checks.check(address)

            grounds = Grounds(basis, f"{source} {FORMED}" if guess else source, row.promoted_by)
            email = guess.address if guess else None
            promoted = await promote(database, person_id, grounds, check=check, now=now, email=email)
    except RequestError as exc:
        return None, str(exc)
    return promoted.contact_id, ""


async def _guess(database: Database, lead: LeadRow, there: PersonRow, checks: MailboxChecks) -> MailboxVerdict | None:
    """Return a confirmed address of a person for whom no source printed one. None: one is known, or no guess stands."""
    company_id = there.company_id or lead.company_id
    async with database.reading() as connection:
        facts = (await current_values(connection, "person", [there.person_id]))[there.person_id]
        employer = await company(connection, CompanyId(company_id)) if company_id else None
    if facts.get(EMAIL):
        return None
    domain = employer.domain if employer else site_of(str(lead.told.get("found", {}).get("domain") or ""))
    return await confirmed_guess(there.name, domain, checks.check) if domain else None


def _waits(why: str) -> dict[str, Any]:
    return {"stage": "waiting", "reason": why[:500]}


def _with_source(lead: LeadSoFar, found: ReachablePerson) -> dict[str, Any]:
    return {"found": lead.found, "answers": lead.answers, "source": found.source_url}


def _sourced(found: ReachablePerson, company_id: str) -> SourcedPerson | None:
    """Return a person as the book takes one. None: nothing tells the person from others of the name."""
    try:
        digest = email_hash(found.email) if found.email else ""
    except InvalidAddress:
        digest = ""
    try:
        return SourcedPerson(found.name, CompanyId(company_id) if company_id else None, found.profile, digest)
    except ValueError:
        return None


def _facts_of(found: ReachablePerson) -> list[FoundFact]:
    told = {"email": found.email, "position": found.position}
    return [
        FoundFact(field=field, value=value, method="rules", source_url=found.source_url)
        for field, value in told.items()
        if value
    ]
