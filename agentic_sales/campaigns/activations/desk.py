"""Carry out a person's commands on verticals: activate one, confirm or refuse what was found, and resume.

A change wakes the thread of the activation. The next tick visits it.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Literal

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.plan.desk import check_joinable, known_campaign
from agentic_sales.contracts import CampaignId, MailboxId
from agentic_sales.errors import InvalidRequest, StateConflict
from agentic_sales.rules.verticals import Vertical, vertical_of, verticals
from agentic_sales.settings import settings
from agentic_sales.store.activations import (
    CONFIRM,
    FAILED,
    RUNNING,
    WAITING,
    ActivationRow,
    activation,
    begin_activation,
    change_activation,
    locked_activation,
)
from agentic_sales.store.database import Database
from agentic_sales.store.mailboxes import mailbox
from agentic_sales.store.statements import known

THREAD_PREFIX = "vertical-"
"""Prefix of the ids of activations' threads."""
Word = Literal["confirmed", "refused"]
_NO_ID = re.compile(r"[^A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class ActivationOrder:
    """What a person orders with an activation."""

    pages: int = 1
    """Most pages of 100 files of a code search."""
    sample: int = 5
    """Most companies that are looked at before the confirmation."""
    most_leads: int | None = None
    """Most leads of the round. None: the flow's limit."""
    budget_usd: float | None = None
    """Most cost of the round in USD. None: the flow's budget."""
    campaign_id: str = ""
    """Campaign that the people of the round join. Empty: none, or the flow's own if a mailbox is named."""
    mailbox_id: str = ""
    """Mailbox of the flow's own campaign. Empty: `campaign_id` counts."""
    promoted_by: str = ""
    """Person who lets the round make contacts of people. Empty: each person is promoted by hand."""


def thread_of(activation_id: str) -> str:
    """Return the thread of an activation."""
    return f"{THREAD_PREFIX}{activation_id}"


def known_verticals() -> Mapping[str, Vertical]:
    """Return the verticals of this deployment by their slugs."""
    found = with_additions("verticals", verticals, settings().rules_dir)
    return {vertical.slug: vertical for vertical in found.values()}


def vertical_named(name: str) -> Vertical:
    """Return the vertical of a slug or an alias.

    Raises:
        InvalidRequest: There is none. The message names those that there are.
    """
    try:
        return vertical_of(name, with_additions("verticals", verticals, settings().rules_dir))
    except ValueError as exc:
        raise InvalidRequest(str(exc)) from exc


async def activate(
    database: Database, name: str, order: ActivationOrder, *, is_dry: bool, trace: Mapping[str, str], now: datetime
) -> ActivationRow:
    """Begin to activate a vertical. Nothing of it is rolled out before a person confirms what was found.

    Args:
        database: The store.
        name: The vertical.
        order: What the round is to do.
        is_dry: Its round writes nothing into the book and enrolls nobody.
        trace: Headers of the trace that its runs belong to.
        now: The present.

    Raises:
        InvalidRequest: There is no such vertical, or it has no code search.
        UnknownRecord: There is no such campaign or mailbox.
        StateConflict: The campaign was stopped, or an activation of the vertical is under way.
    """
    vertical = vertical_named(name)
    if not vertical.code:
        raise InvalidRequest(
            f"vertical `{vertical.slug}` has no code search; add `code` to its table in verticals.toml"
        )
    activation_id = f"{_NO_ID.sub('-', vertical.slug)}-{now.astimezone(UTC):%Y%m%dT%H%M%S}-{token_hex(2)}"
    values = {"slug": vertical.slug, "activation_id": activation_id, "given": asdict(order), "is_dry": is_dry}
    async with database.writing() as connection:
        if order.campaign_id:
            check_joinable(await known_campaign(connection, CampaignId(order.campaign_id)))
        if order.mailbox_id:
            known(await mailbox(connection, MailboxId(order.mailbox_id)), "mailbox", order.mailbox_id)
        if not await begin_activation(connection, {**values, "trace": dict(trace)}, now=now):
            row = known(await activation(connection, vertical.slug), "activation of vertical", vertical.slug)
            raise StateConflict("vertical", vertical.slug, f"its activation is {row.state}; {next_command(row)}")
        return known(await activation(connection, vertical.slug), "activation of vertical", vertical.slug)


async def say(database: Database, name: str, word: Word, *, by: str, why: str = "", now: datetime) -> ActivationRow:
    """Write a person's word on what was found. The first word counts.

    Raises:
        InvalidRequest: There is no such vertical.
        UnknownRecord: It was never activated.
        StateConflict: It does not wait for a word, or somebody has said it already.
    """
    slug = vertical_named(name).slug
    async with database.writing() as connection:
        row = known(await locked_activation(connection, slug), "activation of vertical", slug)
        if row.word:
            raise StateConflict("vertical", slug, f"{row.word_by} has {row.word} it already")
        if row.state != WAITING:
            raise StateConflict("vertical", slug, f"its activation is {row.state}; {next_command(row)}")
        values = {"word": word, "word_by": by, "reason": why, "wake_at": now}
        changed = await change_activation(connection, row.activation_id, values, now=now)
    return known(changed, "activation of vertical", slug)


async def resume(database: Database, name: str, *, now: datetime) -> ActivationRow:
    """Let a failed activation go on where it stood.

    Raises:
        InvalidRequest: There is no such vertical.
        UnknownRecord: It was never activated.
        StateConflict: It has not failed.
    """
    slug = vertical_named(name).slug
    async with database.writing() as connection:
        row = known(await locked_activation(connection, slug), "activation of vertical", slug)
        if row.state != FAILED:
            raise StateConflict("vertical", slug, f"its activation is {row.state}; {next_command(row)}")
        state = WAITING if row.stage == CONFIRM else RUNNING
        values = {"state": state, "reason": "", "fruitless": 0, "wake_at": now}
        changed = await change_activation(connection, row.activation_id, values, now=now)
    return known(changed, "activation of vertical", slug)


def next_command(row: ActivationRow) -> str:
    """Return the command with which a person goes on."""
    if row.state == WAITING and not row.word:
        return f"agentic-sales verticals confirm {row.slug} --by NAME, or refuse it"
    if row.state == FAILED:
        return f"agentic-sales verticals resume {row.slug}"
    if row.round_id:
        return f"agentic-sales flows report {row.round_id}"
    return f"agentic-sales verticals status {row.slug}"
