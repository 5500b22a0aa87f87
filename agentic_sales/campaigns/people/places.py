"""Put one person into a campaign, to another place in it, or out of it. Each change is in the audit list.

A message that waits at the old place is withdrawn. A message that was sent is never sent again, wherever the person is
moved to.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.people.permission import refusal_of
from agentic_sales.campaigns.plan.desk import VISITED, check_joinable, known_campaign, named
from agentic_sales.campaigns.plan.plan import CampaignPlan
from agentic_sales.campaigns.plan.versions import plan_at
from agentic_sales.campaigns.sending.touches import touch_key
from agentic_sales.contracts import CampaignId, ContactId, TouchId
from agentic_sales.errors import InvalidRequest, NotPermitted, StateConflict, UnknownRecord
from agentic_sales.store.audit import AuditedAct, note_act
from agentic_sales.store.campaigns import (
    CampaignRow,
    EnrollmentRow,
    enroll,
    enrollment,
    locked_campaign,
    move_campaign,
    place_enrollment,
)
from agentic_sales.store.contacts import ContactRow, contact, contact_by_hash, locked_contact
from agentic_sales.store.database import Database
from agentic_sales.store.statements import known
from agentic_sales.store.touches import UNKNOWN, WAITING, TouchRow, renew, suppress_touch, touch

REMOVED = "removed by "
"""Begin of the reason of an enrollment that a person ended. It may be added again."""


@dataclass(frozen=True, slots=True)
class PlaceInCampaign:
    """Where a person is in a campaign after a change."""

    campaign_id: str
    """The campaign."""
    contact_id: str
    """The person."""
    state: str
    """State of the enrollment."""
    step: int
    """Next step, from 0."""
    plan_version: int
    """Version of the plan by which the person goes."""


async def person_named(connection: AsyncConnection, name: str) -> ContactRow:
    """Return the person of an address or of an id, locked until the transaction ends.

    Raises:
        UnknownRecord: There is none.
        InvalidAddress: It is neither an id nor an address.
    """
    found = await contact_by_hash(connection, email_hash(name)) if "@" in name else None
    found = found or await contact(connection, ContactId(name))
    if found is None:
        raise UnknownRecord("person", f"{name}`; bring people in by `agentic-sales campaigns import")
    return known(await locked_contact(connection, found.email_hash), "person", name)


async def add_person(
    database: Database, campaign_id: CampaignId, person: str, *, by: str, now: datetime, note: str = ""
) -> PlaceInCampaign:
    """Add a known person to a campaign, or one that was removed from it. The latter goes on at the old place.

    Raises:
        UnknownRecord: There is no such campaign or person.
        NotPermitted: The person must not be written to.
        StateConflict: The person is in it already, or the campaign was stopped.
    """
    name = named(by)
    async with database.writing() as connection:
        found = await person_named(connection, person)
        campaign = known(await locked_campaign(connection, campaign_id), "campaign", campaign_id)
        place = await join_campaign(connection, campaign, found, now)
        await _note(connection, "add", place, by=name, note=note, before={}, now=now)
        return place


async def remove_person(
    database: Database, campaign_id: CampaignId, person: str, *, by: str, now: datetime, note: str = ""
) -> PlaceInCampaign:
    """Take a person out of a campaign. The waiting message is never sent. Other campaigns go on.

    Raises:
        UnknownRecord: There is no such campaign or person, or the person is not in it.
        StateConflict: The way of the person has ended already, or the message is being sent.
    """
    name = named(by)
    async with database.writing() as connection:
        found = await person_named(connection, person)
        await locked_campaign(connection, campaign_id)
        enrolled = await _enrolled(connection, campaign_id, found)
        place = await _remove(connection, enrolled, name, now)
        await _note(connection, "remove", place, by=name, note=note, before={}, now=now)
        return place


async def move_person(
    database: Database,
    campaign_id: CampaignId,
    person: str,
    *,
    by: str,
    now: datetime,
    note: str = "",
    step: int | None = None,
    version: int | None = None,
    to: CampaignId | None = None,
) -> PlaceInCampaign:
    """Move a person to another step, to another version of the plan, or to another campaign.

    A person whose way has ended goes on from there. A waiting message whose facts change is written and asked about
    again.

    Raises:
        UnknownRecord: There is no such campaign, person or version, or the person is not in the campaign.
        NotPermitted: The person must not be written to.
        InvalidRequest: It says no place, two kinds of places, or a step that the plan does not have.
        StateConflict: A message may be on its way, or the message of the step was sent already.
    """
    name = named(by)
    if (step is None and version is None) == (to is None):
        raise InvalidRequest("say where to: a step (--step), a version of the plan (--version), or a campaign (--to)")
    async with database.writing() as connection:
        found = await person_named(connection, person)
        campaign = known(await locked_campaign(connection, campaign_id), "campaign", campaign_id)
        enrolled = await _enrolled(connection, campaign_id, found)
        before = {"step": enrolled.step, "plan_version": enrolled.plan_version, "state": enrolled.state}
        if to is None:
            place = await _replace(connection, campaign, enrolled, found, step=step, version=version, by=name, now=now)
        else:
            other = known(await locked_campaign(connection, to), "campaign", to)
            await _remove(connection, enrolled, name, now)
            place = await join_campaign(connection, other, found, now)
        await _note(connection, "move", place, by=name, note=note, before={"from": campaign_id, **before}, now=now)
        return place


async def join_campaign(
    connection: AsyncConnection, campaign: CampaignRow, person: ContactRow, now: datetime
) -> PlaceInCampaign:
    """Let a person join a locked campaign, in the transaction of the caller.

    Raises:
        NotPermitted: The person must not be written to.
        StateConflict: The person is in it already, or the campaign was stopped.
    """
    check_joinable(campaign)
    await _check_permitted(connection, person)
    campaign_id, contact_id = CampaignId(campaign.campaign_id), ContactId(person.contact_id)
    wake_at = now if campaign.state in VISITED else None
    await move_campaign(connection, campaign_id, expected=("finished",), to="running", now=now)
    if not await enroll(connection, campaign_id, contact_id, wake_at=wake_at, now=now):
        enrolled = known(await enrollment(connection, campaign_id, contact_id), "enrollment", contact_id)
        if not enrolled.reason.startswith(REMOVED):
            told = f"the person is in it already, at step {enrolled.step}: {enrolled.state} {enrolled.reason}".strip()
            raise StateConflict("campaign", campaign_id, f"{told}; agentic-sales campaigns move puts it elsewhere")
        await renew(connection, touch_key(campaign_id, contact_id, enrolled.step), now=now)
        await place_enrollment(connection, enrolled, {}, is_visited=wake_at is not None, now=now)
    return await _place(connection, campaign_id, contact_id)


async def _remove(connection: AsyncConnection, enrolled: EnrollmentRow, by: str, now: datetime) -> PlaceInCampaign:
    campaign_id, contact_id = CampaignId(enrolled.campaign_id), ContactId(enrolled.contact_id)
    if enrolled.state not in {"active", "parked"}:
        told = f"the way of the person has ended: {enrolled.state} {enrolled.reason}".strip()
        raise StateConflict("enrollment", f"{campaign_id}/{contact_id}", told)
    written = await _unsent(connection, enrolled)
    if written is not None:
        await suppress_touch(connection, TouchId(written.touch_id), detail=f"{REMOVED}{by}", now=now)
    ended = {"state": "stopped", "reason": f"{REMOVED}{by}"}
    await place_enrollment(connection, enrolled, ended, is_visited=True, now=now)
    return await _place(connection, campaign_id, contact_id)


async def _replace(
    connection: AsyncConnection,
    campaign: CampaignRow,
    enrolled: EnrollmentRow,
    person: ContactRow,
    *,
    step: int | None,
    version: int | None,
    by: str,
    now: datetime,
) -> PlaceInCampaign:
    check_joinable(campaign)
    await _check_permitted(connection, person)
    campaign_id, contact_id = CampaignId(campaign.campaign_id), ContactId(person.contact_id)
    to_version = enrolled.plan_version if version is None else version
    to_step = enrolled.step if step is None else step
    _check_step(await plan_at(connection, campaign, to_version), to_version, to_step)
    written = await _unsent(connection, enrolled)
    if written is not None and written.step != to_step:
        await suppress_touch(connection, TouchId(written.touch_id), detail=f"moved to step {to_step} by {by}", now=now)
    is_renewed = await renew(connection, touch_key(campaign_id, contact_id, to_step), now=now)
    if step is not None and not is_renewed:
        await _check_unsent(connection, campaign_id, contact_id, to_step)
    values = {"step": to_step, "plan_version": to_version}
    await move_campaign(connection, campaign_id, expected=("finished",), to="running", now=now)
    await place_enrollment(connection, enrolled, values, is_visited=campaign.state in VISITED, now=now)
    return await _place(connection, campaign_id, contact_id)


async def _unsent(connection: AsyncConnection, enrolled: EnrollmentRow) -> TouchRow | None:
    """Return the waiting message of a person, or None.

    Raises:
        StateConflict: It may be on its way.
    """
    key = touch_key(CampaignId(enrolled.campaign_id), ContactId(enrolled.contact_id), enrolled.step)
    written = await touch(connection, key)
    if written is not None and written.state in UNKNOWN:
        told = f"its message of step {written.step} is `{written.state}`, so it may have been sent"
        cure = f"resolve it first: agentic-sales campaigns resolve {written.touch_id[:12]} sent|failed --by NAME"
        raise StateConflict("enrollment", f"{enrolled.campaign_id}/{enrolled.contact_id}", f"{told}; {cure}")
    return written if written is not None and written.state in WAITING else None


def _check_step(plan: CampaignPlan, version: int, step: int) -> None:
    last = len(plan.steps) - 1
    if not 0 <= step <= last:
        raise InvalidRequest(f"version {version} of the plan has no step {step}: its steps are 0 to {last}")


async def _check_unsent(connection: AsyncConnection, campaign_id: CampaignId, contact_id: ContactId, step: int) -> None:
    written = await touch(connection, touch_key(campaign_id, contact_id, step))
    if written is not None and written.state not in WAITING:
        told = f"the message of step {step} is `{written.state}`, and a message is sent once; choose a later step"
        raise StateConflict("enrollment", f"{campaign_id}/{contact_id}", told)


async def _check_permitted(connection: AsyncConnection, person: ContactRow) -> None:
    if (reason := await refusal_of(connection, person)) is not None:
        raise NotPermitted(person.contact_id, reason)


async def _enrolled(connection: AsyncConnection, campaign_id: CampaignId, person: ContactRow) -> EnrollmentRow:
    await known_campaign(connection, campaign_id)
    found = await enrollment(connection, campaign_id, ContactId(person.contact_id))
    return known(found, "enrollment", f"{campaign_id}/{person.contact_id}")


async def _place(connection: AsyncConnection, campaign_id: CampaignId, contact_id: ContactId) -> PlaceInCampaign:
    row = known(await enrollment(connection, campaign_id, contact_id), "enrollment", contact_id)
    return PlaceInCampaign(row.campaign_id, row.contact_id, row.state, row.step, row.plan_version)


async def _note(
    connection: AsyncConnection,
    act: AuditedAct,
    place: PlaceInCampaign,
    *,
    by: str,
    note: str,
    before: dict[str, object],
    now: datetime,
) -> None:
    told = {**before, "to": {"step": place.step, "plan_version": place.plan_version, "state": place.state}}
    campaign_id, contact_id = CampaignId(place.campaign_id), ContactId(place.contact_id)
    await note_act(
        connection, act, by=by, note=note, told=told, now=now, campaign_id=campaign_id, contact_id=contact_id
    )
