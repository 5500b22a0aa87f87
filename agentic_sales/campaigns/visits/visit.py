"""Visit one person in a campaign: store the result of a decision.

Each function is one transaction. If a process dies between two of them, the row says where to go on.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import structlog

from agentic_sales.campaigns.plan.plan import variant_for
from agentic_sales.campaigns.sending.approval import ask_approval
from agentic_sales.campaigns.sending.touches import Draft, keep_words, write_touch
from agentic_sales.campaigns.visits.machine import NextAct, Situation, due_at
from agentic_sales.campaigns.visits.situation import sender_of
from agentic_sales.contracts import CampaignId, ContactId, TouchId
from agentic_sales.rules.names import filled, whole_name
from agentic_sales.store.approvals import outdate, was_edited
from agentic_sales.store.campaigns import EnrollmentRow, change_enrollment
from agentic_sales.store.database import Database
from agentic_sales.store.inbound import InboundRow
from agentic_sales.store.touches import TouchRow
from agentic_sales.store.visits import Key, came_back, end_visit

log = structlog.get_logger()

UNREAD = frozenset({"reply", "auto_reply"})
"""Kinds of inbound mail that `classify_reply` reads."""


async def keep_draft(
    database: Database,
    situation: Situation,
    output: Mapping[str, Any],
    *,
    facts: str = "",
    run_id: str,
    langsmith_run_id: str | None,
    now: datetime,
) -> TouchRow:
    """Store a workflow's message in the send ledger.

    Args:
        database: Where the ledger is.
        situation: The situation in which the message was asked for.
        output: The workflow's output.
        facts: Digest of what the workflow was asked with.
        run_id: The workflow's run.
        langsmith_run_id: The same run in LangSmith.
        now: The present.

    Raises:
        NotPermitted: The person must not be written to by now.
        UnknownRecord: The person or the mailbox is not there any more.
        InvalidMessage: No mail can be made of it.
    """
    name = whole_name(situation.fields["first_name"], situation.fields["last_name"])
    text, html = output.get("text") or output.get("body") or "", output.get("html") or ""
    words = {"subject": filled(output["subject"], name), "text": filled(text, name), "html": filled(html, name)}
    draft = _draft(situation, facts, words, now=now, run_id=run_id, langsmith_run_id=langsmith_run_id)
    async with database.writing() as connection:
        return await write_touch(connection, draft, now=now)


async def withdraw(database: Database, situation: Situation) -> bool:
    """Withdraw the questions about a message of other facts. Tell whether it stays in its words.

    A person's own words stay, and words that a provider may know already. They are only asked about again.
    """
    assert situation.touch is not None  # noqa: S101 - decided by `machine.decide`
    touch_id = TouchId(situation.touch.touch_id)
    async with database.writing() as connection:
        await outdate(connection, touch_id)
        return bool(situation.touch.attempts) or await was_edited(connection, touch_id)


async def keep_wording(database: Database, situation: Situation, facts: str, *, now: datetime) -> None:
    """Let a message stay in its words though what it was written from has changed.

    Raises:
        NotPermitted: The person must not be written to by now.
        UnknownRecord: The person or the mailbox is not there any more.
        InvalidMessage: No mail can be made of it.
    """
    touch = situation.touch
    assert touch is not None  # noqa: S101 - decided by `machine.decide`
    words = {"subject": touch.subject, "text": touch.text, "html": touch.html}
    run = {"run_id": touch.run_id, "langsmith_run_id": touch.langsmith_run_id}
    async with database.writing() as connection:
        await keep_words(connection, touch, _draft(situation, facts, words, now=now, **run), now=now)


def _draft(situation: Situation, facts: str, words: Mapping[str, str], *, now: datetime, **run: Any) -> Draft:
    enrolled = situation.enrollment
    campaign_id, contact_id = CampaignId(enrolled.campaign_id), ContactId(enrolled.contact_id)
    variant = variant_for(situation.plan, campaign_id, contact_id, enrolled.step)
    return Draft(
        campaign_id=campaign_id,
        contact_id=contact_id,
        step=enrolled.step,
        mailbox_id=sender_of(situation),
        is_reply=situation.step is not None and situation.step.thread == "same",
        not_before_at=max(due_at(situation), now) if situation.plan.needs_approval else now,
        variant=variant.name if variant else "",
        facts=facts,
        **words,
        **run,
    )


async def ask_person(database: Database, situation: Situation, *, now: datetime) -> None:
    """Ask a person whether the present step's message may be sent."""
    assert situation.touch is not None  # noqa: S101 - decided by `machine.decide`
    expires_at = max(due_at(situation), now) + situation.plan.approval_ttl
    async with database.writing() as connection:
        await ask_approval(connection, situation.touch, expires_at=expires_at, now=now)


async def advance(database: Database, key: Key, *, step: int, now: datetime) -> EnrollmentRow | None:
    """Go on to the step after this one, and return the enrollment there.

    A second worker's earlier advance stays as it is. None is returned then, and if the person's way has ended.
    """
    values = {"step": step + 1, "fruitless": 0, "not_before_at": None}
    async with database.writing() as connection:
        return await change_enrollment(connection, *key, values, now=now, expected_step=step)


async def put_off(database: Database, key: Key, until_at: datetime, *, now: datetime) -> None:
    """Let the next message wait until the person is back."""
    async with database.writing() as connection:
        await change_enrollment(connection, *key, {"not_before_at": until_at}, now=now)


_ENDS = {"park": "parked", "stop": "stopped", "finish": "finished"}


async def begin(database: Database, key: Key) -> tuple[int, list[InboundRow]]:
    """Return how often a person was woken until now, and the mails that `classify_reply` reads or has read.

    A wake during a visit changes the number. The mails are in the order of their arrival.
    """
    async with database.reading() as connection:
        wakes, came = await came_back(connection, key, UNREAD)
    return wakes or 0, came


async def stop(database: Database, key: Key, why: str, *, now: datetime) -> None:
    """Stop a person's way through the campaign, in the middle of a visit."""
    async with database.writing() as connection:
        await change_enrollment(connection, *key, {"state": "stopped", "reason": why}, now=now)


async def park(database: Database, key: Key, why: str, *, now: datetime) -> None:
    """Park a person's enrollment in the middle of a visit."""
    async with database.writing() as connection:
        await change_enrollment(connection, *key, {"state": "parked", "reason": why}, now=now)


async def settle(database: Database, key: Key, decision: NextAct, *, wakes: int, now: datetime) -> None:
    """End the visit as decided: asleep until its moment, parked, stopped, finished, or as it is.

    If the person was woken since the visit began, the decision is dropped. The visit may not have seen the new answer.
    The next visit decides again.
    """
    values: dict[str, Any] = {"fruitless": 0, "updated_at": now, "wake_at": decision.at}
    if decision.act in _ENDS:
        values |= {"state": _ENDS[decision.act], "reason": decision.why, "wake_at": None}
    elif decision.act == "sleep":
        values |= {"reason": decision.why}
    async with database.writing() as connection:
        await end_visit(connection, key, values, wakes=wakes)
    log.info("visit_ended", campaign_id=key[0], contact_id=key[1], act=decision.act)


def unread(came: Iterable[InboundRow]) -> list[InboundRow]:
    """Return the inbound mails that nobody has classified yet."""
    return [row for row in came if row.reply_class is None]
