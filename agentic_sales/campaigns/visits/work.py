"""Do the work of a visit that asks other workflows: read what came back, and let a message be written."""

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from agentic_sales.campaigns.answers.replies import asked_of, note_class
from agentic_sales.campaigns.sending.touches import touch_key
from agentic_sales.campaigns.visits import clock, surroundings
from agentic_sales.campaigns.visits.machine import NextAct, Situation, decide, written_at
from agentic_sales.campaigns.visits.situation import Commission, commission_of, situation_of, zone_of
from agentic_sales.campaigns.visits.visit import (
    advance,
    ask_person,
    begin,
    keep_draft,
    keep_wording,
    park,
    put_off,
    stop,
    unread,
    withdraw,
)
from agentic_sales.errors import InvalidMessage, NotPermitted
from agentic_sales.runs.memory import leave, take
from agentic_sales.runs.subruns import run_assistant
from agentic_sales.store.database import Database
from agentic_sales.store.touches import TouchRow
from agentic_sales.store.visits import Key

T = TypeVar("T")

LOOKED_AT_AGAIN = frozenset({"send", "advance", "sleep", "finish"})
"""Acts that follow from what the node before has left.

Each of them compares it with the store when it writes. The send door reads everything again under its locks. A step is
counted once, from the step that was read. A visit ends only if nobody woke the person since its begin.
"""


@dataclass(frozen=True, slots=True)
class Read:
    """What a node has read of a person, for the node right after it."""

    situation: Situation
    """The situation."""
    commission: Commission | None = None
    """What its message is written from. None if no message is written next."""


async def read_replies(database: Database, key: Key) -> tuple[int, bool]:
    """Classify what came back from a person since the last visit, and draw the consequences.

    Returns:
        How often the person had been woken at the begin of the visit, and whether the person ever replied.
    """
    wakes, came = await begin(database, key)
    for reply in unread(came):
        told = (await run_assistant("classify_reply", asked_of(reply))).output
        zone = await zone_of(database, key)
        back_at = await note_class(database, reply, key[1], told, zone=zone, now=clock.now())
        if back_at is not None:
            await put_off(database, key, back_at, now=clock.now())
    return wakes, any(row.kind == "reply" for row in came)


async def next_act(database: Database, key: Key) -> tuple[NextAct, int]:
    """Decide on the next step.

    The situation is what the node before has left, if that is enough for the decision. Otherwise it is read.

    Returns:
        The decision, and the number of the person's step.

    Raises:
        UnknownRecord: The campaign, the person or the enrollment is not there, or no longer.
    """
    read, now = take(Read), clock.now()
    if read is None or (decision := decide(read.situation, now)).act not in LOOKED_AT_AGAIN:
        read = await _read(database, key, now)
        decision = decide(read.situation, now)
    leave(read)
    return decision, read.situation.enrollment.step


async def _read(database: Database, key: Key, now: datetime) -> Read:
    async with database.reading() as connection:
        situation = await situation_of(connection, key)
        is_written_next = decide(situation, now).act == "write"
        return Read(situation, await commission_of(connection, situation) if is_written_next else None)


async def write_message(database: Database, key: Key) -> None:
    """Let the step's workflow write the message, and put it into the send ledger; or stop, if it says so.

    A message of other facts is withdrawn first. It is written anew when its time has come.
    """
    situation, commission = await _commissioned(database, key)
    if situation.is_outdated:
        has_own_words = await withdraw(database, situation)
        if written_at(situation, clock.now()) > clock.now():
            return
        if has_own_words:
            await _kept(database, key, keep_wording(database, situation, commission.facts, now=clock.now()))
            return
    written = await run_assistant(commission.assistant_id, commission.input)
    if skipped := written.output.get("skip_reason"):
        await stop(database, key, str(skipped), now=clock.now())
        return
    run = written.record
    ids: dict[str, Any] = {"facts": commission.facts, "run_id": run.run_id, "langsmith_run_id": run.langsmith_run_id}
    row = await _kept(database, key, keep_draft(database, situation, written.output, **ids, now=clock.now()))
    if row is not None:
        leave(Read(replace(situation, touch=row, approval=None, facts=commission.facts)))


async def _commissioned(database: Database, key: Key) -> tuple[Situation, Commission]:
    read = take(Read)
    if read is not None and read.commission is not None:
        return read.situation, read.commission
    async with database.reading() as connection:
        situation = await situation_of(connection, key)
        return situation, await commission_of(connection, situation)


async def _kept(database: Database, key: Key, keeping: Awaitable[T]) -> T | None:
    """Wait until a message is in the send ledger. Stop or park its person where it cannot be, and return None."""
    try:
        return await keeping
    except NotPermitted as exc:  # the person left while the message was written
        await stop(database, key, str(exc), now=clock.now())
    except InvalidMessage as exc:  # a person must look; who lets it go on has it written anew
        await park(database, key, str(exc), now=clock.now())
    return None


async def ask_for_approval(database: Database, key: Key) -> None:
    """Ask a person whether the present message may be sent."""
    read = take(Read) or await _read(database, key, clock.now())
    await ask_person(database, read.situation, now=clock.now())


async def send_message(database: Database, key: Key, step: int) -> TouchRow:
    """Send the message of a step through the door, which may say: not now, or never. Return the message."""
    read = take(Read)
    async with surroundings.open_door(database) as door:
        row = await door.send(touch_key(*key, step), now=clock.now())
    if read is not None and row.state == "sent":
        leave(Read(replace(read.situation, touch=row)))
    return row


async def go_on(database: Database, key: Key, step: int) -> None:
    """Go on to the step after this one."""
    read = take(Read)
    enrolled = await advance(database, key, step=step, now=clock.now())
    if read is not None and enrolled is not None and (situation := read.situation.after(enrolled)) is not None:
        leave(Read(situation))
