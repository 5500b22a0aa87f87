"""Name the campaigns that are killed: each is small, and all together cross every kind of step that there is.

What people do is part of a campaign's life: they answer, they agree, they look up what became of a message. It is done
by the process that lives, through the same doors as in the world, after every visit; so it is killed as well, and a
process that goes on does again what it does not find done.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import update

from agentic_sales.campaigns.answers import events
from agentic_sales.campaigns.answers.inbound import Inbound, Kind
from agentic_sales.campaigns.plan.desk import known_campaign, move
from agentic_sales.campaigns.plan.edits import edit_plan
from agentic_sales.campaigns.plan.plan import CampaignPlan
from agentic_sales.campaigns.sending.approval import approve, edit_message, reject
from agentic_sales.campaigns.sending.door import resolve
from agentic_sales.campaigns.sending.touches import touch_key
from agentic_sales.contracts import ApprovalId, TouchId
from agentic_sales.store.approvals import ApprovalRow, approvals, is_approved
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.database import Database
from agentic_sales.store.touches import IN_DOUBT, WAITING, TouchRow, touch, touches
from agentic_sales.store.visits import Key, wake
from tests.support.smtp_server import MailSink, Reply, drops_the_connection

EDITED = "Edited: "


@dataclass(frozen=True)
class People:
    """Whoever has to do with one campaign, and what they can do now."""

    database: Database
    """Where it is kept."""
    key: Key
    """The person in it."""
    email: str
    """The person's address."""
    mails: Path
    """What the mail server has taken: a file for each message, named by its id."""
    now: datetime
    """The present."""

    async def resolve(self) -> None:
        """Look into the mail server for each message of which nobody knows whether it was sent, and tell."""
        async with self.database.reading() as connection:
            unknown = await touches(connection, campaign_id=self.key[0], states=IN_DOUBT)
        for row in unknown:
            state: Any = "sent" if (self.mails / file_of(row.message_id)).exists() else "failed"
            await resolve(self.database, TouchId(row.touch_id), state, by="Ann", now=self.now)

    async def questions(self) -> list[tuple[ApprovalRow, TouchRow]]:
        """Return what waits for somebody's word."""
        async with self.database.reading() as connection:
            asked = [(row, await touch(connection, TouchId(row.touch_id))) for row in await approvals(connection)]
        return [(row, about) for row, about in asked if about is not None and about.campaign_id == self.key[0]]

    async def write(self, kind: Kind, text: str, about_ids: tuple[str, ...] = ()) -> None:
        """Let the person write, in the thread of some messages; the same words again are the same mail."""
        told: Any = {"address": self.email, "text": text, "about_ids": about_ids, "is_signed": True}
        event = Inbound(f"{kind}-{self.key[0]}", "test", kind, self.now, **told)
        async with self.database.writing() as connection:
            await events.record(connection, event, now=self.now)

    async def has(self, step: int) -> bool:
        """Tell whether the person got the message of a step."""
        async with self.database.reading() as connection:
            found = await touch(connection, touch_key(*self.key, step))
        return found is not None and found.state == "sent"


def file_of(message_id: str) -> str:
    """Return the name of a message's file."""
    return message_id.strip("<>").replace("/", "_")


Deed = Callable[[People], Awaitable[None]]


async def nothing(_: People) -> None:
    """Leave it to itself."""


async def is_away(people: People) -> None:
    """Send an absence note."""
    await people.write("auto_reply", "I am out of the office.")


async def answers(people: People) -> None:
    """Answer the first message."""
    if await people.has(0):
        await people.write("reply", "Sounds good, can we have a call next week?")


async def leaves(people: People) -> None:
    """Follow the link by which one leaves."""
    if await people.has(0):
        async with people.database.writing() as connection:
            await events.unsubscribe(connection, *people.key, now=people.now)


async def edits_and_agrees(people: People) -> None:
    """Change a message, and agree to the changed one."""
    by: Any = {"by": "Ann", "now": people.now}
    for row, about in await people.questions():
        last = row
        if not about.subject.startswith(EDITED):
            words: Any = {"subject": EDITED + about.subject, "text": about.text}
            last = await edit_message(people.database, ApprovalId(row.approval_id), digest=row.digest, **words, **by)
        await approve(people.database, ApprovalId(last.approval_id), digest=last.digest, note="", **by)


async def refuses(people: People) -> None:
    """Refuse a message."""
    for row, _ in await people.questions():
        words: Any = {"digest": row.digest, "by": "Ann", "note": "", "now": people.now}
        await reject(people.database, ApprovalId(row.approval_id), **words)


async def agrees(people: People) -> None:
    """Agree to every message."""
    for row, _ in await people.questions():
        words: Any = {"digest": row.digest, "by": "Ann", "note": "", "now": people.now}
        await approve(people.database, ApprovalId(row.approval_id), **words)


async def agrees_and_corrects(people: People) -> None:
    """Agree to every message. Correct the person's position while an approved message waits for its day."""
    await agrees(people)
    async with people.database.writing() as connection:
        found = await touch(connection, touch_key(*people.key, 1))
        if found is not None and found.state in WAITING and await is_approved(connection, found.touch_id, found.digest):  # type: ignore[arg-type]
            person = ContactRow.contact_id == people.key[1], ContactRow.position != "Head of Sales"
            changed = await connection.execute(update(ContactRow).where(*person).values(position="Head of Sales"))
            if changed.rowcount:
                await wake(connection, now=people.now, campaign_id=people.key[0], contact_id=people.key[1])


async def agrees_and_replans(people: People) -> None:
    """Agree to every message. Pause, change the plan for everybody and resume, while an approved message waits."""
    await agrees(people)
    async with people.database.reading() as connection:
        found = await known_campaign(connection, people.key[0])
        waiting = await touch(connection, touch_key(*people.key, 1))
    if found.plan_version == 1 and waiting is not None and waiting.state in WAITING:
        if found.state == "running":
            await move(people.database, people.key[0], "pause", now=people.now)
        words = {"steps": [FIRST, {**LATER, "input": {"tone": "warm and brief"}}]}
        plan = CampaignPlan.model_validate({**found.plan, **words})
        await edit_plan(people.database, people.key[0], plan, by="Ann", now=people.now, moves=True)
    async with people.database.reading() as connection:
        found = await known_campaign(connection, people.key[0])
    if found.state == "paused":
        await move(people.database, people.key[0], "resume", now=people.now)


async def agrees_and_replies(people: People) -> None:
    """Agree to every message, also to the drafted answer. Reply to the first message in its thread."""
    await agrees(people)
    async with people.database.reading() as connection:
        first = await touch(connection, touch_key(*people.key, 0))
    if first is not None and first.state == "sent":
        await people.write("reply", "Sounds good, can we have a call next week?", (first.message_id,))


def greylists(recipient: int) -> str:
    """Answer every other recipient that it is too early."""
    return "451 4.7.1 come back later" if recipient % 2 else "250 OK"


def refuses_everybody(_: int) -> str:
    """Answer that there is nobody of this name."""
    return "550 5.1.1 nobody of this name"


@dataclass(frozen=True)
class Shape:
    """A campaign of one person, what people do, and how the mail server answers."""

    steps: tuple[Mapping[str, Any], ...]
    """Its steps."""
    sends: frozenset[int]
    """Steps whose message the person gets."""
    answers: int = 0
    """Drafted answers to replies that the person gets."""
    ends: str = "finished"
    """How the person's way ends."""
    plan: Mapping[str, Any] = field(default_factory=lambda: {"needs_approval": False})
    """The rest of its plan."""
    deed: Deed = nothing
    """What people do."""
    on_recipient: Callable[[int], str] = MailSink.on_recipient
    """Answer to the n-th RCPT."""
    on_message: Reply = MailSink.on_message
    """Answer to a message."""


FIRST, LATER = {"delay_days": 0}, {"delay_days": 3}
A_OR_B = {"variants": [{"name": "a"}, {"name": "b", "input": {"campaign_id": "other"}}]}
SHAPES: Mapping[str, Shape] = {
    "away": Shape((FIRST, LATER), frozenset({0, 1}), deed=is_away),
    "asked": Shape((FIRST,), frozenset({0}), plan={"needs_approval": True}, deed=edits_and_agrees),
    "ahead": Shape((FIRST, LATER), frozenset({0, 1}), plan={"needs_approval": True}, deed=agrees_and_corrects),
    "replanned": Shape((FIRST, LATER), frozenset({0, 1}), plan={"needs_approval": True}, deed=agrees_and_replans),
    "refused": Shape((FIRST,), frozenset(), ends="stopped", plan={"needs_approval": True}, deed=refuses),
    "left_out": Shape(({"only_if": {"plan": "pro"}}, A_OR_B), frozenset({1})),
    "answered": Shape((FIRST, LATER), frozenset({0}), ends="stopped", deed=answers),
    "replied": Shape((FIRST, LATER), frozenset({0}), 1, "stopped", {"needs_approval": True}, agrees_and_replies),
    "left": Shape((FIRST, LATER), frozenset({0}), ends="stopped", deed=leaves),
    "greylisted": Shape((FIRST,), frozenset({0}), on_recipient=greylists),
    "hung_up": Shape((FIRST,), frozenset({0}), on_message=drops_the_connection),
    "bounced": Shape((FIRST, LATER), frozenset(), ends="stopped", on_recipient=refuses_everybody),
}
"""Every campaign, by its name."""
