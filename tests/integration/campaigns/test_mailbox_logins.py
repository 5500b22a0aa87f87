"""Each mailbox goes out and in by a login of its own, and an expired one costs a campaign time and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agentic_sales.campaigns.answers.trying import log_in, try_logins
from agentic_sales.campaigns.mailboxes.keeping import (
    edit_mailbox,
    known_mailbox,
    open_mailbox,
    remove_mailbox,
    switch_mailbox,
)
from agentic_sales.campaigns.mailboxes.logins import checked_login, read_secret
from agentic_sales.campaigns.mailboxes.tokens import Tokens
from agentic_sales.campaigns.sending.door import Door, when_and_why
from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.sending.transports.own import open_own
from agentic_sales.contracts import MailboxId, TouchId
from agentic_sales.errors import InvalidRequest, LoginRefused, StateConflict, UnknownRecord
from agentic_sales.local.ports import LOOPBACK
from agentic_sales.settings import Settings
from agentic_sales.store.database import as_current
from agentic_sales.store.mailboxes import MailboxRow, mailboxes
from agentic_sales.store.touches import TouchRow
from agentic_sales.workers.child.campaigns import read_inboxes
from tests.support import mails
from tests.support.imap_server import running_dovecot
from tests.support.ports import free_port
from tests.support.small_campaign import LINKS, MAILBOX, NOW, SmallCampaign, later, small_campaign
from tests.support.smtp_server import MailSink, TokenSink, smtp_server, with_password, with_tokens
from tests.support.tls import certificate
from tests.support.token_server import CLIENT, TokenServer, token_server

__all__ = ["certificate"]  # pytest finds the fixture here

ANN, BOB = "ann@sales.example", "bob@sales.example"
SECOND = MailboxId("second")


def door_of(campaign: SmallCampaign, configuration: Settings) -> Door:
    """Open the door as a worker does."""
    return Door(campaign.database, MaildirTransport(campaign.folder), LINKS, own_way=partial(open_own, configuration))


@dataclass(frozen=True)
class Office:
    """A mailbox at a provider that takes tokens."""

    campaign: SmallCampaign
    configuration: Settings
    tokens: TokenServer
    sink: TokenSink

    def door(self) -> Door:
        return door_of(self.campaign, self.configuration)

    async def send(self, touch_id: TouchId, now: datetime = NOW) -> TouchRow:
        return await self.door().send(touch_id, now=now)

    async def row(self) -> MailboxRow:
        async with self.campaign.database.reading() as connection:
            return await known_mailbox(connection, MAILBOX)

    async def log_in(self) -> list[str]:
        told: list[str] = []
        await asyncio.to_thread(log_in, self.configuration, (await self.row()).as_data(), told.append)
        await switch_mailbox(self.campaign.database, MAILBOX, "retry", now=NOW)
        return told


def configured(kind: str, base: Settings, tokens: TokenServer) -> Settings:
    """Return a configuration whose provider is the token endpoint of the test."""
    told: dict[str, Any] = {"microsoft_client_id": CLIENT, "microsoft_authority": f"{tokens.base}/tenant"}
    if kind == "google":
        secret = SecretStr("shh-application")
        told = {"google_client_id": CLIENT, "google_client_secret": secret, "google_oauth_url": tokens.base}
    return base.model_copy(update=told)


@asynccontextmanager
async def office(
    kind: str, base: Settings, tls: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    """Make a campaign whose mailbox logs in by tokens."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls[0]))
    with token_server(ANN, tls=tls if kind == "microsoft" else None) as tokens:
        sink = TokenSink(needs_login=True, opens=tokens.opens)
        with smtp_server(sink, **with_tokens()) as server:
            login: dict[str, Any] = {"login": kind, "smtp_url": f"smtp://{LOOPBACK}:{server.port}"}
            async with small_campaign(base, **login) as campaign:
                yield Office(campaign, configured(kind, base, tokens), tokens, sink)


async def test_two_mailboxes_go_out_by_two_logins(migrated: Settings, tmp_path: Path) -> None:
    first, second = MailSink(needs_login=True), MailSink(needs_login=True)
    file = tmp_path / "bob.secret"
    file.write_text("geheim-bob\n")
    with (
        smtp_server(first, **with_password("ann", "geheim-ann")) as ours,
        smtp_server(second, **with_password(BOB, "geheim-bob")) as theirs,
    ):
        login: dict[str, Any] = {
            "login": "password",
            "smtp_url": f"smtp://ann@{LOOPBACK}:{ours.port}",
            "secret": "env:ANN_PASSWORD",
        }
        async with small_campaign(migrated, **login) as campaign:
            other = {"smtp_url": f"smtp://{LOOPBACK}:{theirs.port}", "secret": f"file:{file}", "login": "password"}
            values = {"address": BOB, "postal_address": "1 Main Street", **other}
            await open_mailbox(campaign.database, SECOND, values, now=NOW)
            door = Door(
                campaign.database, MaildirTransport(campaign.folder), LINKS, own_way=partial(open_own, migrated)
            )
            touch_id = await campaign.message("jo@example.com")
            waits = await door.send(touch_id, now=NOW)
            assert (waits.state, "ANN_PASSWORD is not set" in waits.detail) == ("deferred", True)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("ANN_PASSWORD", "geheim-ann")
                assert (await door.send(touch_id, now=later(minutes=6))).state == "sent"
                second_id = await campaign.write(await campaign.person("uma@example.com"), mailbox_id=SECOND)
                assert (await door.send(second_id, now=later(minutes=6))).state == "sent"
    assert (len(first.taken), len(second.taken), campaign.mails()) == (1, 1, [])
    assert b"From: Ann <ann@sales.example>" in first.taken[0]
    assert b"From: bob@sales.example" in second.taken[0]


@pytest.mark.parametrize("kind", ["microsoft", "google"])
async def test_a_login_that_expires_mid_campaign_is_held_and_said_and_goes_on_after_the_next(
    kind: str, migrated: Settings, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office(kind, migrated, certificate, monkeypatch) as here:
        ids = [await here.campaign.message(f"p{number}@example.com") for number in range(4)]
        before = await here.send(ids[0])
        assert (before.state, "agentic-sales mailboxes login sales" in before.detail) == ("deferred", True)
        assert "ABCD-EFGH" in (await here.log_in())[0]
        file = migrated.state_dir / "mailboxes" / "sales.token"
        assert file.stat().st_mode & 0o777 == 0o600
        assert [(await here.send(touch_id)).state for touch_id in ids[:2]] == ["sent", "sent"]

        here.tokens.access.clear()  # The server refuses the kept token, and a refresh brings the next.
        assert (await here.send(ids[2])).state == "sent"

        here.tokens.revoke()
        held = await here.send(ids[3])
        row = await here.row()
        assert (held.state, row.held_until_at is not None, row.refusals) == ("deferred", True, 1)
        assert "agentic-sales mailboxes login sales" in row.held_why
        assert not any(token in row.held_why + held.detail for token in here.tokens.given)
        assert (await here.send(ids[3], later(minutes=1))).state == "deferred", "it is not tried meanwhile"

        await here.log_in()
        assert (await here.row()).held_until_at is None
        assert (await here.send(ids[3], later(minutes=2))).state == "sent"
        assert len(here.sink.taken) == len(ids), "each of them once"
        stored = json.dumps([(await here.campaign.row(touch_id)).as_data() for touch_id in ids])
        stored += json.dumps((await here.row()).as_data())
        assert not any(token in stored for token in here.tokens.given)


async def test_a_new_login_releases_no_mailbox_that_a_person_holds(
    migrated: Settings, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office("google", migrated, certificate, monkeypatch) as here:
        await switch_mailbox(here.campaign.database, MAILBOX, "hold", now=NOW)
        await here.log_in()
        assert not (await here.row()).is_active


async def test_a_test_logs_in_both_ways_sends_nothing_and_says_what_failed(
    migrated: Settings, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office("google", migrated, certificate, monkeypatch) as here:
        with running_dovecot(introspection_url=f"{here.tokens.base}/introspect?access_token=") as inbox:
            await edit_mailbox(
                here.campaign.database, MAILBOX, {"imap_url": f"imap://{LOOPBACK}:{inbox.port}"}, now=NOW
            )

            async def tried() -> dict[str, str]:
                return await asyncio.to_thread(try_logins, here.configuration, (await here.row()).as_data())

            assert all("agentic-sales mailboxes login sales" in why for why in (await tried()).values())
            await here.log_in()
            assert await tried() == {"out": "", "in": ""}
            here.tokens.access.clear()
            assert await tried() == {"out": "", "in": ""}, "a token that a server refuses is renewed once"

            touch_id = await here.campaign.message("jo@gmail.example")
            await here.send(touch_id)
            reply = mails.GMAIL_REPLY.replace(mails.OURS, f"<{touch_id}@sales.example>").replace("\n", "\r\n").encode()
            await asyncio.to_thread(inbox.put, ANN, reply)
            async with as_current(here.campaign.database):
                assert await read_inboxes(here.configuration) == {MAILBOX: 1}
                here.tokens.revoke()
                assert await read_inboxes(here.configuration) == {MAILBOX: 0}
                assert "agentic-sales mailboxes login sales" in (await here.row()).inbox_why
                assert set(await tried()) == {"out", "in"}
                await here.log_in()
                assert await read_inboxes(here.configuration) == {MAILBOX: 0}
                assert (await here.row()).inbox_why == ""
        assert len(here.sink.taken) == 1


async def test_mail_that_leaves_this_machine_needs_a_way_to_unsubscribe(
    migrated: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANN", "geheim")
    login: dict[str, Any] = {"login": "password", "smtp_url": "smtps://smtp.corp.example", "secret": "env:ANN"}
    async with small_campaign(migrated, **login) as campaign:
        door = door_of(campaign, migrated)
        held = await door.send(await campaign.message(), now=NOW)
        assert (held.state, "AGENTIC_SALES_UNSUBSCRIBE_SECRET" in held.detail) == ("deferred", True)
        clocked = migrated.model_copy(update={"virtual_clock": migrated.state_dir / "clock"})
        tried = await asyncio.to_thread(try_logins, clocked, await _told(campaign))
        assert "AGENTIC_SALES_VIRTUAL_CLOCK" in tried["out"]


async def _told(campaign: SmallCampaign) -> dict[str, Any]:
    async with campaign.database.reading() as connection:
        return (await known_mailbox(connection, MAILBOX)).as_data()


async def test_a_second_mailbox_of_an_address_is_refused_and_a_change_of_one_is_not(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        values = {"address": "Ann@Sales.example", "postal_address": "1 Main Street"}
        with pytest.raises(StateConflict, match=r"is the address of mailbox `sales`.*mailboxes edit"):
            await open_mailbox(campaign.database, SECOND, values, now=NOW)
        row = await edit_mailbox(
            campaign.database,
            MAILBOX,
            {"display_name": "Ann B", "signature": "Ann B, Acme", "daily_cap": 7, "ramp_start": 2, "reply_to": BOB},
            now=NOW,
        )
        assert (row.display_name, row.signature, row.daily_cap, row.ramp_start, row.reply_to, row.address) == (
            "Ann B",
            "Ann B, Acme",
            7,
            2,
            BOB,
            ANN,
        )
        refused: list[dict[str, Any]] = [{"time_zone": "Mars"}, {"login": "password"}, {"secret": "env:X"}]
        refused += [{"postal_address": " "}, {"booking_link": "http://calendar.example/ann"}]
        for wrong in refused:
            with pytest.raises(Exception, match=r"time zone|secret|login|postal|booking link .* not `http://"):
                await edit_mailbox(campaign.database, MAILBOX, wrong, now=NOW)
        with pytest.raises(UnknownRecord):
            await edit_mailbox(campaign.database, SECOND, {"daily_cap": 1}, now=NOW)


async def test_a_mailbox_is_removed_when_no_campaign_needs_it_and_comes_back_by_its_id(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        with pytest.raises(StateConflict, match="campaign `spring` is `running`"):
            await remove_mailbox(campaign.database, MAILBOX, now=NOW)
        unused = {"address": BOB, "postal_address": "1 Main Street", "login": "password", "secret": "env:BOB"}
        unused["smtp_url"] = "smtps://smtp.corp.example"
        await open_mailbox(campaign.database, SECOND, unused, now=NOW)
        await remove_mailbox(campaign.database, SECOND, now=NOW)
        async with campaign.database.reading() as connection:
            assert len(await mailboxes(connection, removed=True)) == 1
        await open_mailbox(campaign.database, SECOND, unused, now=NOW)
        await campaign.write(await campaign.person("uma@example.com"), mailbox_id=SECOND)
        await remove_mailbox(campaign.database, SECOND, now=NOW)
        async with campaign.database.reading() as connection:
            kept = next(row for row in await mailboxes(connection, removed=True) if row.mailbox_id == SECOND)
            assert (kept.secret, kept.login, kept.is_active) == ("", "", False)
            assert [row.mailbox_id for row in await mailboxes(connection)] == [MAILBOX]
        with pytest.raises(StateConflict, match="was removed; add it by that id"):
            await open_mailbox(campaign.database, "third", unused, now=NOW)
        await open_mailbox(campaign.database, SECOND, unused, now=NOW)
        async with campaign.database.reading() as connection:
            assert (await known_mailbox(connection, SECOND)).is_active


async def test_a_mailbox_sends_only_in_its_own_hours_as_well_as_in_those_of_the_person(migrated: Settings) -> None:
    window = {"starts": "14:00", "ends": "16:00", "days": [3]}
    async with small_campaign(migrated, time_zone="Europe/Berlin") as campaign:
        await edit_mailbox(campaign.database, MAILBOX, {"window": window}, now=NOW)
        touch_id = await campaign.message()
        waits = await campaign.door().send(touch_id, now=NOW)
        wednesday = later(days=2, hours=3)  # 13:00 UTC, which is 14:00 in Berlin
        assert (waits.state, waits.not_before_at) == ("pending", wednesday)
        assert "outside the hours of mailbox `sales`" in waits.detail
        assert (await when_and_why(campaign.database, touch_id, now=NOW)).at == wednesday
        again = await campaign.message("eve@example.com")
        assert (await campaign.door().send(again, now=NOW)).not_before_at == wednesday
        await edit_mailbox(campaign.database, MAILBOX, {"window": None}, now=NOW)
        assert (await campaign.door().send(again, now=NOW)).state == "sent", "a wider limit lets go what waits"
        await edit_mailbox(campaign.database, MAILBOX, {"window": window}, now=NOW)
        assert (await campaign.door().send(touch_id, now=wednesday)).state == "sent"
        night = {"starts": "20:00", "ends": "22:00"}
        await edit_mailbox(campaign.database, MAILBOX, {"window": night}, now=NOW)
        never = await campaign.door().send(await campaign.message("uma@example.com"), now=NOW)
        assert "never meet" in never.detail


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kind": "kerberos"}, "must be one of password, microsoft, google, resend"),
        ({"secret": "geheim"}, "told by where it is"),
        ({"secret": ""}, "needs the place of its secret"),
        ({"secret": "file:relative"}, "needs its whole path"),
        ({"smtp": "smtp://ann:geheim@smtp.corp.example"}, "without a password"),
        ({"smtp": "http://smtp.corp.example"}, "must be smtp://host:port"),
        ({"smtp": ""}, "must be smtp://host:port"),
        ({"imap": "imap://imap.corp.example"}, "is opened over TLS"),
        ({"kind": "microsoft", "secret": "env:X"}, "the tokens of Microsoft change"),
        ({"kind": "resend"}, "has no SMTP server"),
        ({"kind": "resend", "smtp": "", "imap": "imaps://imap.corp.example"}, "opens no inbox"),
    ],
)
def test_a_login_that_could_not_work_is_refused_and_no_secret_is_repeated(given: dict[str, str], told: str) -> None:
    right = {"kind": "password", "smtp": "smtps://smtp.corp.example", "imap": "", "secret": "env:ANN"}
    with pytest.raises(InvalidRequest, match=told) as refused:
        checked_login("sales", address=ANN, **{**right, **given})
    assert "geheim" not in str(refused.value)


def test_the_servers_of_a_provider_are_known_and_the_user_is_the_address() -> None:
    login = checked_login("sales", "microsoft", ANN, smtp="", imap="", secret="")
    assert login.smtp is not None
    assert login.imap is not None
    assert (login.smtp.host, login.smtp.port, login.smtp.username) == ("smtp.office365.com", 587, ANN)
    assert (login.imap.host, login.imap.scheme) == ("outlook.office365.com", "imaps")


def test_a_secret_that_is_not_there_is_told_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def secret(place: str) -> str:
        return read_secret(checked_login("sales", "password", ANN, smtp="smtps://s.example", imap="", secret=place))

    monkeypatch.setenv("ANN", "geheim")
    file = tmp_path / "secret"
    assert secret("env:ANN") == "geheim"
    with pytest.raises(LoginRefused, match="cannot be read"):
        secret(f"file:{file}")
    file.write_text("\n")
    with pytest.raises(LoginRefused, match="is empty"):
        secret(f"file:{file}")
    file.write_text("geheim\n")
    assert secret(f"file:{file}") == "geheim"
    with pytest.raises(LoginRefused, match="OTHER is not set"):
        secret("env:OTHER")


def test_a_provider_that_is_away_is_told(tmp_path: Path) -> None:
    away = Settings(state_dir=tmp_path, google_client_id="x", google_client_secret=SecretStr("y"))
    away = away.model_copy(update={"google_oauth_url": f"http://{LOOPBACK}:{free_port()}"})
    login = checked_login("sales", "google", ANN, smtp="", imap="", secret="")
    with pytest.raises(LoginRefused, match="Google does not answer"):
        Tokens(login, away).log_in(print)
    with pytest.raises(LoginRefused, match="nobody has logged in yet"):
        Tokens(login, away).access()
