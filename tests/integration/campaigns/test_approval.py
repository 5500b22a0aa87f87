"""Approvals: bound to the exact message, decided exactly once, and looked at by the door."""

import asyncio
from collections import Counter
from functools import partial
from typing import Any

import pytest

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.people.stops import stop_person
from agentic_sales.campaigns.plan.desk import move
from agentic_sales.campaigns.sending.approval import approve, ask_approval, edit_message, known_approval, reject
from agentic_sales.contracts import ApprovalId, TouchId
from agentic_sales.errors import InvalidMessage, NotPermitted, StateConflict, UnknownRecord
from agentic_sales.settings import Settings
from agentic_sales.store.approvals import ApprovalRow, approvals, approvals_of, expire_approvals, pending_count
from agentic_sales.store.contacts import erase_contact
from agentic_sales.store.database import open_database
from agentic_sales.store.visits import next_wake_at
from tests.support.databases import new_postgresql, until_blocked
from tests.support.processes import side_by_side
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, later, small_campaign

NEEDS_APPROVAL = {"needs_approval": True}
DECIDERS = 2
DECISIONS_EACH = 25


async def ask(campaign: SmallCampaign, touch_id: TouchId) -> ApprovalRow:
    """Ask about a message, for a day."""
    row = await campaign.row(touch_id)
    async with campaign.database.writing() as connection:
        return await ask_approval(connection, row, expires_at=later(days=1), now=NOW)


async def test_a_message_leaves_after_somebody_agreed_to_it(migrated: Settings) -> None:
    async with small_campaign(migrated, plan=NEEDS_APPROVAL) as campaign:
        touch_id = await campaign.message()
        question = await ask(campaign, touch_id)
        held = await campaign.door().send(touch_id, now=NOW)
        assert (held.state, held.detail) == ("pending", "nobody has approved this message")
        key = ApprovalId(question.approval_id)
        answered = await approve(campaign.database, key, digest=question.digest, by="Ann", now=NOW)
        assert (answered.state, answered.decided_by) == ("approved", "Ann")
        assert (await ask(campaign, touch_id)).state == "approved"
        assert (await campaign.door().send(touch_id, now=later(minutes=5))).state == "sent"


@pytest.mark.parametrize("decide", [approve, reject])
async def test_the_answer_itself_wakes_the_person_whom_it_concerns(migrated: Settings, decide: Any) -> None:
    async with small_campaign(migrated, plan=NEEDS_APPROVAL) as campaign:
        question = await ask(campaign, await campaign.message())
        at = later(minutes=5)
        await decide(campaign.database, ApprovalId(question.approval_id), digest=question.digest, by="Ann", now=at)
        async with campaign.database.reading() as connection:
            assert await next_wake_at(connection) == at


def decide_often(configuration: Settings, approval_id: ApprovalId, digest: str) -> list[str]:
    """Answer yes and no in turn, all at once, as a process of its own."""

    async def decide() -> list[str]:
        async with open_database(configuration) as database:
            answers = [
                (approve if number % 2 else reject)(database, approval_id, digest=digest, by=f"p{number}", now=NOW)
                for number in range(DECISIONS_EACH)
            ]
            outcomes = await asyncio.gather(*answers, return_exceptions=True)
        return [answer.state if isinstance(answer, ApprovalRow) else type(answer).__name__ for answer in outcomes]

    return asyncio.run(decide())


async def test_of_fifty_answers_at_once_exactly_one_counts(migrated: Settings) -> None:
    async with small_campaign(migrated, plan=NEEDS_APPROVAL) as campaign:
        touch_id = await campaign.message()
        question = await ask(campaign, touch_id)
        decide = partial(decide_often, migrated, ApprovalId(question.approval_id), question.digest)
        answers = side_by_side(*[decide] * DECIDERS)
        counted = Counter(outcome for outcomes in answers for outcome in outcomes)
        async with campaign.database.reading() as connection:
            (decided,) = await approvals_of(connection, touch_id)
        assert counted == {decided.state: 1, "StateConflict": DECIDERS * DECISIONS_EACH - 1}
        assert (await campaign.row(touch_id)).state == {"approved": "pending", "rejected": "suppressed"}[decided.state]


async def test_a_changed_message_is_asked_about_anew_and_the_old_answer_is_worth_nothing(migrated: Settings) -> None:
    async with small_campaign(migrated, plan=NEEDS_APPROVAL) as campaign:
        touch_id = await campaign.message()
        first = await ask(campaign, touch_id)
        key = ApprovalId(first.approval_id)
        words = {"subject": "Better", "text": "Hello!", "html": ""}
        second = await edit_message(campaign.database, key, digest=first.digest, by="Ann", now=NOW, **words)
        assert (second.state, second.digest == first.digest) == ("pending", False)
        with pytest.raises(StateConflict, match="it is `edited` by Ann"):
            await approve(campaign.database, key, digest=first.digest, by="Bob", now=NOW)
        with pytest.raises(StateConflict, match="another message"):
            await approve(campaign.database, ApprovalId(second.approval_id), digest=first.digest, by="Bob", now=NOW)
        await approve(campaign.database, ApprovalId(second.approval_id), digest=second.digest, by="Bob", now=NOW)
        assert (await campaign.door().send(touch_id, now=NOW)).state == "sent"
        (mail,) = campaign.mails()
    assert mail["Subject"] == "Better"


BROKEN = [
    *(("Hi\r\nBcc: all@example.com", "Hello", "Subject"), ("Hi \ud83d", "Hello", "Subject"), (" ", "Hello", "Subject")),
    *(
        ("x" * 401, "Hello", "Subject"),
        ("Hi", "Hello\x00", "text"),
        ("Hi", "Hello \ud83d", "text"),
        ("Hi", " ", "text"),
    ),
]
"""Subject, text, and which of the two no mail can be made of."""


@pytest.mark.parametrize(("subject", "text", "part"), BROKEN)
async def test_words_of_which_no_mail_can_be_made_are_refused_where_they_come_in(
    migrated: Settings, subject: str, text: str, part: str
) -> None:
    async with small_campaign(migrated, plan=NEEDS_APPROVAL) as campaign:
        question = await ask(campaign, await campaign.message())
        key = ApprovalId(question.approval_id)
        words: dict[str, Any] = {"subject": subject, "text": text}
        with pytest.raises(InvalidMessage, match=f"`{part}` cannot be sent"):
            await edit_message(campaign.database, key, digest=question.digest, by="Ann", now=NOW, **words)
        async with campaign.database.reading() as connection:
            assert (await known_approval(connection, key)).state == "pending"
        with pytest.raises(InvalidMessage, match=f"`{part}` cannot be sent"):
            await campaign.write(await campaign.person("bo@example.com"), **words)


async def test_a_message_that_is_edited_back_is_asked_about_again(migrated: Settings) -> None:
    async with small_campaign(migrated, plan=NEEDS_APPROVAL) as campaign:
        question = await ask(campaign, await campaign.message())
        original = {"subject": "Your forecasts", "text": "Hello,\n\nshall we talk?", "html": ""}
        for words in ({**original, "text": "Hi"}, original):
            key = ApprovalId(question.approval_id)
            question = await edit_message(campaign.database, key, digest=question.digest, by="Ann", now=NOW, **words)
        assert question.state == "pending"


async def test_a_refused_message_never_leaves(migrated: Settings) -> None:
    async with small_campaign(migrated, plan=NEEDS_APPROVAL) as campaign:
        touch_id = await campaign.message()
        question = await ask(campaign, touch_id)
        await reject(campaign.database, ApprovalId(question.approval_id), digest=question.digest, by="Ann", now=NOW)
        row = await campaign.door().send(touch_id, now=NOW)
    assert (row.state, row.detail) == ("suppressed", "rejected by Ann")


async def test_nobody_is_asked_any_more_about_a_message_that_will_not_go(migrated: Settings) -> None:
    async with small_campaign(migrated, plan=NEEDS_APPROVAL) as campaign:
        left, stopped = await campaign.message("left@example.com"), await campaign.message("stopped@example.com")
        for touch_id in (left, stopped):
            await ask(campaign, touch_id)
        async with campaign.database.writing() as connection:
            await stop_person(connection, email_hash("left@example.com"), "replied", source="test", now=NOW)
            assert [row.touch_id for row in await approvals(connection)] == [stopped]
            assert await pending_count(connection, now=NOW) == 1
        await move(campaign.database, CAMPAIGN, "stop", now=NOW)
        async with campaign.database.reading() as connection:
            assert await approvals(connection) == []
            assert await pending_count(connection, now=NOW) == 0
        row = await campaign.row(stopped)
    assert (row.state, row.detail) == ("suppressed", "the campaign is stopped")


async def test_a_late_answer_is_refused_and_the_question_expires(migrated: Settings) -> None:
    async with small_campaign(migrated, plan=NEEDS_APPROVAL) as campaign:
        question = await ask(campaign, await campaign.message())
        key = ApprovalId(question.approval_id)
        with pytest.raises(StateConflict, match="it expired at"):
            await approve(campaign.database, key, digest=question.digest, by="Ann", now=later(days=1))
        async with campaign.database.writing() as connection:
            assert [row.approval_id for row in await expire_approvals(connection, now=later(days=1))] == [key]
            assert await approvals(connection) == []
        with pytest.raises(StateConflict, match="it is `expired`"):
            await approve(campaign.database, key, digest=question.digest, by="Ann", now=NOW)


async def test_nobody_agrees_to_a_message_to_a_person_who_has_left_meanwhile(migrated: Settings) -> None:
    async with small_campaign(migrated, plan=NEEDS_APPROVAL) as campaign:
        touch_id = await campaign.message()
        question, row = await ask(campaign, touch_id), await campaign.row(touch_id)
        key = ApprovalId(question.approval_id)
        async with campaign.database.writing() as connection:
            await stop_person(connection, row.email_hash, "complained", source="test", now=NOW)
        with pytest.raises(StateConflict, match="its message is `suppressed`"):
            await approve(campaign.database, key, digest=question.digest, by="Ann", now=NOW)
        async with campaign.database.reading() as connection:
            assert (await known_approval(connection, key)).state == "pending"


async def test_nobody_agrees_to_a_message_to_a_person_whose_consent_is_gone(migrated: Settings) -> None:
    async with small_campaign(migrated, plan=NEEDS_APPROVAL) as campaign:
        contact_id = await campaign.person("jo@example.com")
        question = await ask(campaign, await campaign.write(contact_id))
        await campaign.change(contact_id, consent_basis="")
        key = ApprovalId(question.approval_id)
        with pytest.raises(NotPermitted, match="no lawful basis"):
            await approve(campaign.database, key, digest=question.digest, by="Ann", now=NOW)
        async with campaign.database.reading() as connection:
            assert (await known_approval(connection, key)).state == "pending"


async def test_an_answer_needs_a_name_and_a_question(migrated: Settings) -> None:
    async with small_campaign(migrated, plan=NEEDS_APPROVAL) as campaign:
        question = await ask(campaign, await campaign.message())
        with pytest.raises(StateConflict, match="somebody with a name"):
            await approve(campaign.database, ApprovalId(question.approval_id), digest=question.digest, by="", now=NOW)
        with pytest.raises(UnknownRecord, match="unknown approval"):
            await approve(campaign.database, ApprovalId("nothing"), digest=question.digest, by="Ann", now=NOW)


async def test_an_answer_that_meets_the_erasure_of_its_person_does_not_wait_in_a_circle(
    postgresql_template: str,
) -> None:
    with new_postgresql(postgresql_template) as url:
        async with small_campaign(Settings(database_url=url), plan=NEEDS_APPROVAL) as campaign:
            contact_id = await campaign.person("jo@example.com")
            touch_id = await campaign.write(contact_id)
            question = await ask(campaign, touch_id)
            digest = (await campaign.row(touch_id)).email_hash
            async with campaign.database.writing() as erasure:
                await stop_person(erasure, digest, "stopped", source="forgotten", now=NOW)
                key = ApprovalId(question.approval_id)
                answer = asyncio.create_task(reject(campaign.database, key, digest=question.digest, by="Ann", now=NOW))
                await until_blocked(campaign.database)
                assert await erase_contact(erasure, contact_id)
            with pytest.raises(UnknownRecord):
                await answer
