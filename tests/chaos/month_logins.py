"""Let a month pass with mailboxes that log in to servers of their own, while one loses its login for two days."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from agentic_sales.campaigns.answers.trying import log_in
from agentic_sales.campaigns.mailboxes.keeping import edit_mailbox, known_mailbox, switch_mailbox
from agentic_sales.campaigns.visits.clock import ClockFile
from agentic_sales.contracts import MailboxId
from agentic_sales.local.ports import LOOPBACK
from agentic_sales.settings import Settings
from agentic_sales.store.database import Database
from agentic_sales.store.migrate import upgrade
from tests.chaos.arena import Arena
from tests.chaos.campaign_month import (
    BEGIN,
    DELAYS,
    MAILBOXES,
    WIDE,
    drive,
    enroll_people,
    mailbox_of,
    people_of,
    plan_of,
    sent_in,
    standing_in,
)
from tests.chaos.month_rules import broken_rules
from tests.chaos.month_workers import Place, processes
from tests.chaos.report import Report
from tests.support.databases import new_postgresql
from tests.support.small_campaign import parsed, small_campaign
from tests.support.smtp_server import MailSink, TokenSink, smtp_server, with_password, with_tokens
from tests.support.token_server import CLIENT, TokenServer, token_server

BY_TOKEN = MAILBOXES[1]
"""Mailbox that logs in by OAuth 2 tokens. The others log in by passwords."""
LOST_AT = BEGIN + timedelta(days=8)
"""Its refresh token ends, while second messages are under way."""
FOUND_AT = LOST_AT + timedelta(days=2)
"""A person logs in again."""
SECRET = "shh-application"
ADDRESSES = {name: f"{name}@sales.example" for name in MAILBOXES} | {MAILBOXES[0]: "ann@sales.example"}


def month_of_logins(arena: Arena) -> Report:
    """Let a month pass on four processes with a login for each mailbox. One expires: held, said, and it goes on."""
    report, people = Report(), people_of(arena)
    folder = arena.fleet.directory / "month-of-logins"
    folder.mkdir()
    with new_postgresql() as url, _office(folder) as office:
        clock = ClockFile(folder / "clock")
        environment = {
            "DATABASE_URL": url,
            "AGENTIC_SALES_STATE_DIR": str(folder),
            "AGENTIC_SALES_GOOGLE_CLIENT_ID": CLIENT,
            "AGENTIC_SALES_GOOGLE_CLIENT_SECRET": SECRET,
            "AGENTIC_SALES_GOOGLE_OAUTH_URL": office.tokens.base,
        }
        place = Place(office.configured(Settings(database_url=url, state_dir=folder)), clock, environment)
        upgrade(place.settings)
        report.count(people=people, mailboxes=len(MAILBOXES))
        asyncio.run(_month(place, office, report, people=people, tell=arena.tell))
    return report


@dataclass
class _Office:
    """The servers of the mailboxes, and the course of the lost login."""

    tokens: TokenServer
    sinks: Mapping[MailboxId, MailSink]
    logins: Mapping[MailboxId, dict[str, str]]
    is_lost: bool = False
    is_found: bool = False
    told: list[str] = field(default_factory=list)
    """Reasons for which the mailbox was held."""

    def configured(self, base: Settings) -> Settings:
        """Return a configuration with the token endpoint of this office."""
        google = {"google_client_id": CLIENT, "google_oauth_url": self.tokens.base}
        return base.model_copy(update={**google, "google_client_secret": SecretStr(SECRET)})

    async def log_in(self, database: Database, configuration: Settings, at: datetime) -> None:
        """Log the mailbox in, as `agentic-sales mailboxes login` does."""
        async with database.reading() as connection:
            row = await known_mailbox(connection, BY_TOKEN)
        if row.held_why:
            self.told.append(row.held_why)
        await asyncio.to_thread(log_in, configuration, row.as_data(), lambda _line: None)
        await switch_mailbox(database, BY_TOKEN, "retry", now=at)


@contextmanager
def _office(folder: Path) -> Iterator[_Office]:
    first, _, third = MAILBOXES
    with token_server(ADDRESSES[BY_TOKEN]) as tokens:
        passwords = {name: MailSink(needs_login=True) for name in (first, third)}
        by_token = TokenSink(needs_login=True, opens=tokens.opens)
        with (
            smtp_server(passwords[first], **with_password("ann", "geheim-1")) as one,
            smtp_server(by_token, **with_tokens()) as two,
            smtp_server(passwords[third], **with_password("cem", "geheim-3")) as three,
        ):
            logins = {BY_TOKEN: {"login": "google", "smtp_url": f"smtp://{LOOPBACK}:{two.port}"}}
            for name, user, secret, server in ((first, "ann", "geheim-1", one), (third, "cem", "geheim-3", three)):
                file = folder / f"{name}.secret"
                file.write_text(secret)
                url = f"smtp://{user}@{LOOPBACK}:{server.port}"
                logins[name] = {"login": "password", "smtp_url": url, "secret": f"file:{file}"}
            yield _Office(tokens, {**passwords, BY_TOKEN: by_token}, logins)


async def _month(place: Place, office: _Office, report: Report, *, people: int, tell: Callable[[str], None]) -> None:
    async with small_campaign(place.settings, plan=plan_of(WIDE), **mailbox_of(WIDE)) as campaign:
        database = campaign.database
        zones = await enroll_people(campaign, WIDE, people)
        for mailbox_id, login in office.logins.items():
            await edit_mailbox(database, mailbox_id, dict(login), now=BEGIN)
        await office.log_in(database, place.settings, BEGIN)
        place.clock.forward_to(BEGIN)

        async def at_step(shown: datetime) -> None:
            if shown >= LOST_AT and not office.is_lost:
                office.is_lost = True
                office.tokens.revoke()
                tell("a refresh token has ended")
            if shown >= FOUND_AT and not office.is_found:
                office.is_found = True
                await office.log_in(database, place.settings, FOUND_AT)
                tell("a person has logged in again")

        with processes(place) as workers:
            steps = await drive(database, place.clock, workers, tell, at_step=at_step)
        sent, standing = await sent_in(database), await standing_in(database)
    # A message that was refused for want of a login is tried again, so it takes more than one try.
    broken = [rule for rule in broken_rules(sent, zones, WIDE, DELAYS) if not rule.startswith("tries:")]
    _judge(office, report, people=people, standing=standing)
    report.count(clock_steps=steps, rules_broken=len(broken), mails_in_maildir=len(campaign.mails()))
    report.hold("no rule is broken", holds=not broken, found=broken[:5])
    report.hold("nothing went by another way", holds=not campaign.mails(), found=campaign.mails()[:1])


def _judge(office: _Office, report: Report, *, people: int, standing: Mapping[tuple[str, str], int]) -> None:
    mails = {name: [parsed(raw) for raw in sink.taken] for name, sink in office.sinks.items()}
    ids = Counter(str(mail["Message-ID"]) for taken in mails.values() for mail in taken)
    foreign = [mail["From"] for name, taken in mails.items() for mail in taken if ADDRESSES[name] not in mail["From"]]
    doubled = [message_id for message_id, count in ids.items() if count > 1]
    report.count(mails=sum(ids.values()), by_token=len(mails[BY_TOKEN]), doubled=len(doubled))
    report.count(tokens_given=len(office.tokens.given), holds_told=len(office.told))
    is_whole = standing == {("finished", "every message was sent"): people} and len(ids) == len(DELAYS) * people
    report.hold("everybody gets everything", holds=is_whole, found=(standing, len(ids)))
    report.hold("nobody gets anything twice", holds=not doubled, found=doubled[:5])
    report.hold("each mailbox sends by its own login", holds=not foreign, found=foreign[:5])
    is_told = any(f"agentic-sales mailboxes login {BY_TOKEN}" in why for why in office.told)
    report.hold("the lost login was held and said", holds=is_told, found=office.told)
    kept = [token for token in office.tokens.given if any(token in why for why in office.told)]
    report.hold("no token is in a reason", holds=not kept, found=len(kept))
