"""Carry out a person's commands on campaigns: make, start, pause, resume, stop, enroll and unpark.

A change wakes every person that it concerns. So nobody waits for a tick that was planned before. `approval` answers a
campaign's questions. The `door` ends an unknown outcome.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.plan.plan import CampaignPlan, stored_plan
from agentic_sales.campaigns.sending.approval import ask_again
from agentic_sales.campaigns.webhooks.events import announce_ended
from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.errors import InvalidRequest, StateConflict
from agentic_sales.store.audit import note_act
from agentic_sales.store.campaigns import (
    CampaignRow,
    add_campaign,
    campaign,
    enroll_many,
    locked_campaign,
    move_campaign,
    unpark,
)
from agentic_sales.store.database import Database
from agentic_sales.store.mailboxes import mailbox
from agentic_sales.store.statements import known
from agentic_sales.store.touches import suppress_campaign
from agentic_sales.store.visits import wake

Verb = Literal["start", "pause", "resume", "stop"]
_MOVES: Mapping[Verb, tuple[tuple[str, ...], str]] = {
    "start": (("draft",), "running"),
    "pause": (("running",), "paused"),
    "resume": (("paused",), "running"),
    "stop": (("draft", "running", "paused"), "stopped"),
}
"""Verb to the states in which a campaign may be, and the one in which it is afterwards."""
VISITED = frozenset({"running", "finished"})
"""States in which a campaign's new people are visited. A finished campaign goes on with them."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""It is part of a thread's id, `campaign-<campaign_id>-<contact_id>`."""


async def create(database: Database, campaign_id: str, *, name: str, plan: CampaignPlan, now: datetime) -> CampaignRow:
    """Make a campaign, as a draft.

    Raises:
        InvalidRequest: The id is none, or the plan names a mailbox that is not there.
        StateConflict: There is a campaign of this id.
    """
    async with database.writing() as connection:
        return await _create(connection, campaign_id, name=name, plan=plan, now=now)


async def _create(
    connection: AsyncConnection, campaign_id: str, *, name: str, plan: CampaignPlan, now: datetime
) -> CampaignRow:
    if not _ID.fullmatch(campaign_id):
        raise InvalidRequest(f"`{campaign_id}` is no campaign id: 1 to 64 letters, digits, `-` and `_`")
    chosen = CampaignId(campaign_id)
    await check_mailboxes(connection, plan)
    plain = plan.model_dump(mode="json")
    if not await add_campaign(connection, chosen, name=name or campaign_id, plan=plain, now=now):
        raise StateConflict("campaign", campaign_id, "there is one of this id already")
    return await known_campaign(connection, chosen)


async def check_mailboxes(connection: AsyncConnection, plan: CampaignPlan) -> None:
    """Refuse a plan with a mailbox that is not there.

    Raises:
        InvalidRequest: It has one.
    """
    for number, mailbox_id in enumerate(plan.mailboxes):
        found = await mailbox(connection, mailbox_id)
        if found is None or found.removed_at is not None:
            told = f"`mailboxes[{number}]` of the plan is `{mailbox_id}`, and there is no such mailbox"
            raise InvalidRequest(f"{told}; add it by `agentic-sales mailboxes add`")


def named(by: str) -> str:
    """Return the name of the person that changes something, without spaces around it.

    Raises:
        InvalidRequest: It is empty.
    """
    if not by.strip():
        raise InvalidRequest("name the person that decides: `by` (--by NAME) is empty, and the audit list keeps a name")
    return by.strip()


async def move(database: Database, campaign_id: CampaignId, verb: Verb, *, now: datetime) -> CampaignRow:
    """Start, pause, resume or stop a campaign. Its people are visited at once.

    Raises:
        UnknownRecord: There is no such campaign.
        StateConflict: Its state does not allow this.
    """
    expected, to = _MOVES[verb]
    async with database.writing() as connection:
        moved = await move_campaign(connection, campaign_id, expected=expected, to=to, now=now)
        if moved is None:
            found = await known_campaign(connection, campaign_id)
            told = f"it is `{found.state}`; to {verb} it, it must be {' or '.join(f'`{s}`' for s in expected)}"
            raise StateConflict("campaign", campaign_id, told)
        if verb == "stop":
            await suppress_campaign(connection, campaign_id, detail="the campaign is stopped", now=now)
            await announce_ended(connection, campaign_id, "stopped", now=now)
        if verb != "pause":
            await wake(connection, now=now, campaign_id=campaign_id)
        return moved


async def enroll_people(
    database: Database,
    campaign_id: CampaignId,
    people: Iterable[ContactId],
    *,
    now: datetime,
    trace: Mapping[str, str] | None = None,
) -> int:
    """Enroll people in a campaign. Return how many were not in it before. A finished campaign goes on with them.

    Args:
        database: The store.
        campaign_id: The campaign.
        people: The people.
        now: The present of campaigns.
        trace: Headers of the trace that the visits of new people belong to. None: each visit begins one.

    Raises:
        UnknownRecord: There is no such campaign.
        StateConflict: It was stopped.
    """
    async with database.writing() as connection:
        return await enroll_people_over(connection, campaign_id, people, now=now, trace=trace)


async def enroll_people_over(
    connection: AsyncConnection,
    campaign_id: CampaignId,
    people: Iterable[ContactId],
    *,
    now: datetime,
    trace: Mapping[str, str] | None = None,
) -> int:
    """Do as `enroll_people` does over the connection of a writing transaction."""
    # Held, so that it is not finished between this look at it and the commit.
    found = known(await locked_campaign(connection, campaign_id), "campaign", campaign_id)
    check_joinable(found)
    # A campaign that does not run visits nobody. Its start or resumption wakes everybody in it.
    wake_at = now if found.state in VISITED else None
    joined = await enroll_many(connection, campaign_id, people, wake_at=wake_at, now=now, trace=trace)
    if joined:
        await move_campaign(connection, campaign_id, expected=("finished",), to="running", now=now)
    return joined


def check_joinable(found: CampaignRow) -> None:
    """Refuse to let people join a campaign that was stopped.

    Raises:
        StateConflict: It was.
    """
    if found.state == "stopped":
        raise StateConflict("campaign", found.campaign_id, "it is `stopped`, so nobody can join it any more")


async def known_campaign(connection: AsyncConnection, campaign_id: CampaignId) -> CampaignRow:
    """Return a campaign.

    Raises:
        UnknownRecord: There is none.
    """
    return known(await campaign(connection, campaign_id), "campaign", campaign_id)


async def clone(
    database: Database, campaign_id: CampaignId, new_id: str, *, name: str, by: str, now: datetime, note: str = ""
) -> CampaignRow:
    """Make a draft with the present plan of a campaign. Its people do not come along.

    Raises:
        UnknownRecord: There is no such campaign.
        InvalidRequest: The new id is none, nobody is named, or the plan names a mailbox that is not there.
        StateConflict: There is a campaign of the new id.
    """
    decider = named(by)
    async with database.writing() as connection:
        plan = stored_plan(await known_campaign(connection, campaign_id))
        made = await _create(connection, new_id, name=name, plan=plan, now=now)
        copied = CampaignId(made.campaign_id)
        await note_act(
            connection, "clone", by=decider, note=note, told={"of": campaign_id}, now=now, campaign_id=copied
        )
        return made


async def unpark_people(
    database: Database,
    campaign_id: CampaignId,
    contact_id: ContactId | None,
    *,
    now: datetime,
    by: str = "",
    note: str = "",
) -> int:
    """Let parked people go on, once the reason is mended. Return how many there are.

    A question that nobody answered in time is asked again. The audit list keeps who let them go on, if a name is given.

    Raises:
        UnknownRecord: There is no such campaign.
        StateConflict: The person is not parked in it.
    """
    async with database.writing() as connection:
        plan = stored_plan(await known_campaign(connection, campaign_id))
        await ask_again(connection, campaign_id, contact_id, expires_at=now + plan.approval_ttl, now=now)
        unparked = await unpark(connection, campaign_id, contact_id, now=now)
        if contact_id is not None and not unparked:
            raise StateConflict("enrollment", f"{campaign_id}/{contact_id}", "nobody is parked there")
        if not by:  # Callers of earlier releases name nobody.
            return unparked
        told = {"unparked": unparked}
        await note_act(
            connection, "unpark", by=by, note=note, told=told, now=now, campaign_id=campaign_id, contact_id=contact_id
        )
        return unparked
