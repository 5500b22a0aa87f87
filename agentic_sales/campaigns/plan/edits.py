"""Change the plan of a campaign. Each change makes a version, and the versions before it are kept.

People that have not begun go by the new version. People under way stay on theirs, unless they are moved along. While a
campaign runs, only the wording of its steps can change.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.plan.desk import check_mailboxes, known_campaign, named
from agentic_sales.campaigns.plan.plan import CampaignPlan, Step, stored_plan
from agentic_sales.campaigns.sending.touches import is_of_other_facts
from agentic_sales.campaigns.visits.situation import commission_of, situation_of
from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.errors import StateConflict
from agentic_sales.store.audit import note_act
from agentic_sales.store.campaigns import CampaignRow, locked_campaign, replace_plan
from agentic_sales.store.database import Database
from agentic_sales.store.earlier_plans import add_earlier_plan
from agentic_sales.store.movers import Mover, movers_of, set_version
from agentic_sales.store.statements import known

EDITED_WHOLE = frozenset({"draft", "paused"})
"""States of a campaign in which anything of its plan can change."""


@dataclass(frozen=True, slots=True)
class EditedPlan:
    """What an edit of a plan does, or would do."""

    version: int
    """Number of the new version."""
    is_done: bool
    """False for a preview."""
    not_begun: int
    """People without any message yet. They go by the new version."""
    moved: int
    """People under way that go by the new version."""
    staying: int
    """People under way that stay on their version."""
    held: int
    """Of the staying ones, those with a message that is being sent or has an unknown outcome. Nothing moves them."""
    rewritten: int
    """Waiting messages of people that move and whose facts change. They are written and asked about again."""
    unapproved: int
    """Of these messages, those that somebody had approved."""
    ending: int
    """People under way that move and are beyond the last step of the new version. Their way ends."""


async def edit_plan(
    database: Database,
    campaign_id: CampaignId,
    plan: CampaignPlan,
    *,
    by: str,
    now: datetime,
    note: str = "",
    moves: bool = False,
    is_preview: bool = False,
) -> EditedPlan:
    """Replace the plan of a campaign by a new version.

    Args:
        database: Where the campaign is.
        campaign_id: The campaign.
        plan: The new plan.
        by: Name of the person that changes it.
        now: The present.
        note: Why, in words.
        moves: People under way go by the new version, too.
        is_preview: Only return what would happen. Nothing is changed.

    Raises:
        UnknownRecord: There is no such campaign.
        InvalidRequest: The plan names a mailbox that is not there, or nobody is named.
        StateConflict: The campaign's state does not allow this change, or the plan is unchanged.
    """
    name = named(by)
    if is_preview:
        async with database.reading() as connection:
            return await _edited(connection, await known_campaign(connection, campaign_id), plan, moves=moves)
    async with database.writing() as connection:
        # Nobody sends for the campaign until the commit, so no message of the old wording slips out.
        found = known(await locked_campaign(connection, campaign_id), "campaign", campaign_id)
        edited = await _edited(connection, found, plan, moves=moves)
        await check_mailboxes(connection, plan)
        await add_earlier_plan(connection, campaign_id, found.plan_version, found.plan, now=now)
        plain = plan.model_dump(mode="json")
        await replace_plan(connection, campaign_id, plain, version=edited.version)
        await set_version(connection, campaign_id, edited.version, is_begun=False, now=now)
        if moves:
            await set_version(connection, campaign_id, edited.version, is_begun=True, now=now)
        told = {"version": edited.version, "moved": edited.moved, "not_begun": edited.not_begun}
        await note_act(connection, "edit", by=name, note=note, told=told, now=now, campaign_id=campaign_id)
    return replace(edited, is_done=True)


async def _edited(connection: AsyncConnection, found: CampaignRow, plan: CampaignPlan, *, moves: bool) -> EditedPlan:
    _check_state(found, plan)
    people = await movers_of(connection, CampaignId(found.campaign_id))
    begun = [person for person in people if person.is_begun]
    movable = [person for person in begun if not person.is_held] if moves else []
    going = [*movable, *(person for person in people if not person.is_begun)]
    changed = [person for person in going if await _is_changed(connection, found, person, plan)]
    return EditedPlan(
        version=found.plan_version + 1,
        is_done=False,
        not_begun=len(people) - len(begun),
        moved=len(movable),
        staying=len(begun) - len(movable),
        held=sum(person.is_held for person in begun),
        rewritten=len(changed),
        unapproved=sum(person.is_approved for person in changed),
        ending=sum(person.step >= len(plan.steps) for person in movable),
    )


async def _is_changed(connection: AsyncConnection, found: CampaignRow, person: Mover, plan: CampaignPlan) -> bool:
    """Tell whether the waiting message of a person is of other facts under a plan."""
    if not person.is_waiting:
        return False
    key = CampaignId(found.campaign_id), ContactId(person.contact_id)
    situation = replace(await situation_of(connection, key), plan=plan)
    if situation.touch is None or situation.step is None:
        return False
    return is_of_other_facts(situation.touch, (await commission_of(connection, situation)).facts)


def _check_state(found: CampaignRow, plan: CampaignPlan) -> None:
    before = stored_plan(found)
    if plan == before:
        raise StateConflict("campaign", found.campaign_id, "the plan is the one that it has already")
    if found.state in EDITED_WHOLE:
        return
    if found.state != "running":
        told = f"it is `{found.state}`; make a copy with another plan: agentic-sales campaigns clone --help"
        raise StateConflict("campaign", found.campaign_id, told)
    if different := _beyond_wording(before, plan):
        told = (
            f"it is `running`, and only the `input` of steps and of their variants can change meanwhile, not "
            f"{', '.join(different)}; pause it first: agentic-sales campaigns pause {found.campaign_id}"
        )
        raise StateConflict("campaign", found.campaign_id, told)


def _beyond_wording(before: CampaignPlan, plan: CampaignPlan) -> list[str]:
    """Return the keys in which two plans differ beside the wording of their steps."""
    old, new = _without_wording(before), _without_wording(plan)
    return [f"`{key}`" for key in CampaignPlan.model_fields if getattr(old, key) != getattr(new, key)]


def _without_wording(plan: CampaignPlan) -> CampaignPlan:
    def wordless(step: Step) -> Step:
        variants = tuple(variant.model_copy(update={"input": {}}) for variant in step.variants)
        return step.model_copy(update={"input": {}, "variants": variants})

    return plan.model_copy(update={"steps": tuple(map(wordless, plan.steps))})
