"""An inbox is read over real IMAP: each mail once, nothing in it is changed, and what was not stored is not lost."""

import asyncio
from dataclasses import replace
from email.errors import CharsetError
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from agentic_sales.campaigns.answers import imap
from agentic_sales.campaigns.answers.imap import poll_mailbox
from agentic_sales.campaigns.answers.imap_accounts import ImapAccount
from agentic_sales.campaigns.answers.inbound import Inbound, parse_mail
from agentic_sales.campaigns.answers.mails import MOST_BYTES
from agentic_sales.contracts import MailboxId, TouchId
from agentic_sales.errors import ProviderUnavailable, UnknownRecord
from agentic_sales.local.ports import LOOPBACK
from agentic_sales.settings import Settings
from agentic_sales.store.database import as_current
from agentic_sales.store.inbound import inbound_messages, inbound_of, unreadable_count
from agentic_sales.store.mailboxes import change_mailbox
from agentic_sales.store.suppressions import suppressions
from agentic_sales.workers.child.campaigns import read_inboxes
from tests.support import mails
from tests.support.imap_server import PASSWORD, ImapServer, hangs_up_after
from tests.support.ports import free_port
from tests.support.small_campaign import MAILBOX, NOW, SmallCampaign, later, small_campaign


async def test_of_several_inboxes_one_that_is_away_leaves_no_other_unread(
    migrated: Settings, imap_server: ImapServer
) -> None:
    user = f"several-{migrated.database_url is None}"
    async with small_campaign(migrated) as campaign, as_current(campaign.database):
        first = await campaign.message("jo@gmail.example")
        await campaign.door().send(first, now=NOW)
        await asyncio.to_thread(imap_server.put, user, about(first, mails.GMAIL_REPLY))
        away = f"gone=imap://x:y@{LOOPBACK}:{free_port()}"
        there = f"{MAILBOX}=imap://{user}:{PASSWORD}@{LOOPBACK}:{imap_server.port}"
        configured = migrated.model_copy(update={"imap": SecretStr(f"{away};{there}")})
        assert await read_inboxes(configured) == {"gone": 0, MAILBOX: 1}


def about(touch_id: TouchId, raw: str) -> bytes:
    """Return a mail about a message, as it goes over the line."""
    return raw.replace(mails.OURS, f"<{touch_id}@sales.example>").replace("\n", "\r\n").encode()


async def poll(campaign: SmallCampaign, account: ImapAccount) -> int:
    """Read the inbox."""
    return await poll_mailbox(campaign.database, MAILBOX, account, now=later(days=1))


async def test_an_inbox_is_read_once_and_stays_as_it_is(migrated: Settings, imap_server: ImapServer) -> None:
    user = f"once-{migrated.database_url is None}"
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("gone@corp.example")
        first = await campaign.write(contact_id)
        await campaign.door().send(first, now=NOW)
        await asyncio.to_thread(imap_server.put, user, b"From: shop@x.example\r\nSubject: Sale\r\n\r\nBuy")
        await asyncio.to_thread(imap_server.put, user, about(first, mails.EXCHANGE_OUT_OF_OFFICE))
        account = imap_server.account(user)
        assert [await poll(campaign, account), await poll(campaign, account)] == [1, 0]
        async with campaign.database.reading() as connection:
            assert [row.kind for row in await inbound_of(connection, contact_id)] == ["auto_reply"]
            assert await suppressions(connection) == []
        await asyncio.to_thread(imap_server.put, user, about(first, mails.POSTFIX_BOUNCE), mails.GARBAGE[4])
        assert [await poll(campaign, account), await poll(campaign, account)] == [1, 0]
        async with campaign.database.reading() as connection:
            assert {row.kind for row in await inbound_of(connection, contact_id)} == {"auto_reply", "bounced"}
            assert [row.reason for row in await suppressions(connection)] == ["bounced"]
        assert await asyncio.to_thread(imap_server.unread, user) == 4


async def test_a_mail_that_could_not_be_stored_is_read_again(migrated: Settings, imap_server: ImapServer) -> None:
    user = f"again-{migrated.database_url is None}"
    async with small_campaign(migrated) as campaign:
        first = await campaign.message("jo@gmail.example")
        await campaign.door().send(first, now=NOW)
        replies = [about(first, mails.EXCHANGE_OUT_OF_OFFICE), about(first, mails.GMAIL_REPLY)]
        await asyncio.to_thread(imap_server.put, user, *replies)
        async with campaign.database.writing() as connection:
            await connection.execute(text("ALTER TABLE inbound_messages RENAME TO out_of_reach"))
        with pytest.raises(DBAPIError):
            await poll(campaign, imap_server.account(user))
        async with campaign.database.writing() as connection:
            await connection.execute(text("ALTER TABLE out_of_reach RENAME TO inbound_messages"))
        assert await asyncio.to_thread(imap_server.unread, user) == len(replies)
        assert await poll(campaign, imap_server.account(user)) == len(replies)


@pytest.mark.parametrize("raw", [mails.HOSTILE_CHARSET, mails.GARBAGE[4]])
async def test_a_mail_that_raises_is_kept_for_people_and_the_opt_out_behind_it_is_read(
    migrated: Settings, imap_server: ImapServer, monkeypatch: pytest.MonkeyPatch, raw: bytes
) -> None:
    def raising(content: bytes, **told: Any) -> Inbound:
        if b"unsubscribe me" in content:
            return parse_mail(content, **told)
        raise CharsetError("a charset that no library foresaw")

    monkeypatch.setattr(imap, "parse_mail", raising)
    user = f"raising-{migrated.database_url is None}-{len(raw)}"
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@gmail.example")
        await campaign.door().send(await campaign.write(contact_id), now=NOW)
        answer = b"From: jo@gmail.example\r\nSubject: Re: Hi\r\n\r\nunsubscribe me\r\n"
        await asyncio.to_thread(imap_server.put, user, raw, answer)
        assert [await poll(campaign, imap_server.account(user)) for _ in range(2)] == [1, 0]
        async with campaign.database.reading() as connection:
            assert [row.text for row in await inbound_of(connection, contact_id)] == ["unsubscribe me"]
            [kept] = await inbound_messages(connection, kind="unreadable")
            assert await unreadable_count(connection) == 1
        assert (kept.source, kept.text.partition("\n")[0]) == (
            *(f"imap:{MAILBOX}", "CharsetError: a charset that no library foresaw"),
        )
        assert kept.text.partition("\n\n")[2].splitlines()[0] == raw.splitlines()[0].decode(errors="backslashreplace")


async def test_a_charset_of_no_letters_does_not_keep_an_opt_out_from_being_read(
    migrated: Settings, imap_server: ImapServer
) -> None:
    user = f"charset-{migrated.database_url is None}"
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@gmail.example")
        await campaign.door().send(await campaign.write(contact_id), now=NOW)
        answer = b"From: jo@gmail.example\r\nSubject: Re: Hi\r\n\r\nunsubscribe me\r\n"
        await asyncio.to_thread(imap_server.put, user, mails.HOSTILE_CHARSET, answer)
        assert await poll(campaign, imap_server.account(user)) == 1


async def test_of_a_huge_mail_only_so_much_is_read_as_holds_what_it_says(
    migrated: Settings, imap_server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def sized(raw: bytes, **told: Any) -> Inbound:
        sizes.append(len(raw))
        return parse_mail(raw, **told)

    monkeypatch.setattr(imap, "parse_mail", sized)
    user = f"huge-{migrated.database_url is None}"
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@gmail.example")
        first = await campaign.write(contact_id)
        await campaign.door().send(first, now=NOW)
        huge = about(first, mails.GMAIL_REPLY) + b"\r\n" + b"x" * 76 * 100 + b"\r\n" * MOST_BYTES
        await asyncio.to_thread(imap_server.put, user, huge)
        assert await poll(campaign, imap_server.account(user)) == 1
        async with campaign.database.reading() as connection:
            assert [row.text for row in await inbound_of(connection, contact_id)] == [mails.GMAIL_WORDS]
        assert sizes == [MOST_BYTES]


async def test_what_was_read_before_the_line_broke_is_stored(migrated: Settings, imap_server: ImapServer) -> None:
    user = f"breaks-{migrated.database_url is None}"
    async with small_campaign(migrated) as campaign:
        first = await campaign.message("jo@gmail.example")
        await campaign.door().send(first, now=NOW)
        replies = [about(first, mails.EXCHANGE_OUT_OF_OFFICE), about(first, mails.GMAIL_REPLY)]
        await asyncio.to_thread(imap_server.put, user, *replies)
        with hangs_up_after(imap_server.port, fetches=1) as port:
            account = replace(imap_server.account(user), port=port)
            assert [await poll(campaign, account), await poll(campaign, account)] == [1, 1]


async def test_a_server_that_numbers_its_mails_anew_makes_nothing_happen_twice(
    migrated: Settings, imap_server: ImapServer
) -> None:
    user = f"anew-{migrated.database_url is None}"
    async with small_campaign(migrated) as campaign:
        first = await campaign.message("jo@gmail.example")
        await campaign.door().send(first, now=NOW)
        await asyncio.to_thread(imap_server.put, user, about(first, mails.GMAIL_REPLY))
        assert await poll(campaign, imap_server.account(user)) == 1
        async with campaign.database.writing() as connection:
            await change_mailbox(connection, MAILBOX, {"imap_validity": 7, "imap_uid": 900})
        assert await poll(campaign, imap_server.account(user)) == 0


async def test_an_inbox_that_cannot_be_opened_is_named(migrated: Settings, imap_server: ImapServer) -> None:
    async with small_campaign(migrated) as campaign:
        away = ImapAccount(LOOPBACK, free_port(), "ann", "geheim", is_clear=True)
        stranger = ImapAccount(LOOPBACK, imap_server.port, "ann", "falsch", is_clear=True)
        for account in (away, stranger):
            with pytest.raises(ProviderUnavailable, match="the inbox of sales"):
                await poll(campaign, account)
        with pytest.raises(UnknownRecord):
            await poll_mailbox(campaign.database, MailboxId("nobody"), away, now=NOW)
