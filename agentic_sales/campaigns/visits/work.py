"""Do the work of a visit that asks other workflows: read what came back, and let a message be written."""

from collections.abc import Awaitable
from typing import Any

from agentic_sales.campaigns.answers.replies import asked_of, note_class
from agentic_sales.campaigns.visits import clock
from agentic_sales.campaigns.visits.machine import written_at
from agentic_sales.campaigns.visits.situation import commission_of, situation_of, zone_of
from agentic_sales.campaigns.visits.visit import (
    ask_person,
    keep_draft,
    keep_wording,
    park,
    put_off,
    replies_of,
    stop,
    unread,
    wakes_of,
    withdraw,
)
from agentic_sales.errors import InvalidMessage, NotPermitted
from agentic_sales.runs.subruns import run_assistant
from agentic_sales.store.database import Database
from agentic_sales.store.visits import Key


async def read_replies(database: Database, key: Key) -> tuple[int, bool]:
    """Classify what came back from a person since the last visit, and draw the consequences.

    Returns:
        How often the person had been woken at the begin of the visit, and whether the person ever replied.
    """
    wakes = await wakes_of(database, key)  # before anything is read that may change meanwhile
    came = await replies_of(database, key[1])
    for reply in unread(came):
        told = (await run_assistant("classify_reply", asked_of(reply))).output
        zone = await zone_of(database, key)
        back_at = await note_class(database, reply, key[1], told, zone=zone, now=clock.now())
        if back_at is not None:
            await put_off(database, key, back_at, now=clock.now())
    return wakes, any(row.kind == "reply" for row in came)


async def write_message(database: Database, key: Key) -> None:
    """Let the step's workflow write the message, and put it into the send ledger; or stop, if it says so.

    A message of other facts is withdrawn first. It is written anew when its time has come.
    """
    async with database.reading() as connection:
        situation = await situation_of(connection, key)
        commission = await commission_of(connection, situation)
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
    await _kept(database, key, keep_draft(database, situation, written.output, **ids, now=clock.now()))


async def _kept(database: Database, key: Key, keeping: Awaitable[object]) -> None:
    """Wait until a message is in the send ledger. Stop or park its person where it cannot be."""
    try:
        await keeping
    except NotPermitted as exc:  # the person left while the message was written
        await stop(database, key, str(exc), now=clock.now())
    except InvalidMessage as exc:  # a person must look; who lets it go on has it written anew
        await park(database, key, str(exc), now=clock.now())


async def ask_for_approval(database: Database, key: Key) -> None:
    """Ask a person whether the present message may be sent."""
    async with database.reading() as connection:
        situation = await situation_of(connection, key)
    await ask_person(database, situation, now=clock.now())
