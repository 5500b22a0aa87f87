"""Kill the process of a campaign at every point of it, one point after the other, and let the next process go on.

The points are not drawn but swept: the k-th process dies at its k-th point, until one gets through.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes
from itertools import count, product
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.plan.plan import CampaignPlan
from agentic_sales.campaigns.visits.visit import UNREAD
from agentic_sales.contracts import CampaignId, MailboxId, TouchId
from agentic_sales.settings import Settings
from agentic_sales.store.approvals import is_approved
from agentic_sales.store.campaigns import EnrollmentRow, add_campaign, enroll, enrollment, move_campaign
from agentic_sales.store.contacts import add_contact
from agentic_sales.store.database import open_database
from agentic_sales.store.inbound import inbound_of
from agentic_sales.store.mailboxes import add_mailbox
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.touches import TouchRow, touches
from agentic_sales.store.visits import Key
from tests.chaos.arena import Arena
from tests.chaos.campaign_lives import BOUNDARIES, EVERYWHERE, PROCESSES, Life, is_survived
from tests.chaos.campaign_shapes import SHAPES, Shape, file_of
from tests.chaos.report import Report
from tests.support.databases import new_postgresql
from tests.support.small_campaign import NOW
from tests.support.smtp_server import MailSink, smtp_server

STRIDE = 199
"""Of the points of a smaller chaos run each n-th is visited; a prime, so that the points differ in kind."""
AFTERWARDS = timedelta(minutes=1)
"""When the next process begins."""
LATE = timedelta(days=4)
"""A death may cost its lease, and with it the rest of a day and a weekend; but never the wait for a forgotten wish."""


@dataclass
class Sweep:
    """What came of a sweep."""

    kills: int = 0
    """Processes that were killed."""
    mails: int = 0
    """Messages that the server took."""
    twice: int = 0
    """Messages that it took more than once."""
    lost: int = 0
    """People whose way did not end as it had to, or of whose messages or answers not every one is accounted for."""
    late: int = 0
    """People whose way ended days after that of somebody whose processes nobody killed."""
    unapproved: int = 0
    """Messages that went although nobody had agreed to exactly them."""
    ambiguous: int = 0
    """Messages of which nobody knew whether they were sent, shown as such and resolved by name."""
    of_those_sent: int = 0
    """Of the ambiguous, those that were."""
    ended_at: list[datetime] = field(default_factory=list)
    """When the ways ended."""
    wrong: list[str] = field(default_factory=list)
    """What was."""

    def end(self) -> None:
        """Compare the ways with the last, that nobody disturbed."""
        self.late = sum(at > self.ended_at[-1] + LATE for at in self.ended_at)
        if self.late or self.twice or self.unapproved:
            self.wrong.append(f"{self.late} late, {self.twice} twice, {self.unapproved} unapproved")

    def counts(self) -> Counter[str]:
        """Return what can be added up."""
        return Counter({name: value for name, value in vars(self).items() if isinstance(value, int)})


def campaign_kills(arena: Arena) -> Report:
    """Kill campaigns at every durable step, on SQLite and PostgreSQL: nothing is sent twice, nobody is lost."""
    every = 1 if arena.is_whole else STRIDE
    return kills_of(arena, points=EVERYWHERE if arena.inside else BOUNDARIES, every=every)


def kills_of(arena: Arena, *, points: Collection[str], every: int) -> Report:
    """Sweep the campaigns of all shapes on both databases, as many side by side as there are processors.

    Args:
        arena: Where their state goes.
        points: Kinds of points.
        every: 1 for all of them; n for each n-th, which is faster.
    """
    report, total = Report(), Counter[str]()
    with ExitStack() as stack:
        pool = stack.enter_context(ProcessPoolExecutor(os.cpu_count(), mp_context=PROCESSES))
        pending = {}
        for shape, kind in product(SHAPES, ("sqlite", "postgresql")):
            where = Settings(state_dir=arena.fleet.directory / "campaign-kills" / f"{shape}-{kind}")
            if kind == "postgresql":
                where = where.model_copy(update={"database_url": stack.enter_context(new_postgresql())})
            tells = kind == "sqlite"
            asked = pool.submit(sweep, shape, where, points=points, every=every, tells_first=tells)
            pending[asked] = shape, kind
        for ended in as_completed(pending):
            (shape, kind), swept = pending[ended], ended.result()
            arena.tell(f"{shape} on {kind}: {swept.kills} kills, {swept.mails} mails, {swept.ambiguous} ambiguous")
            total += swept.counts()
            total[f"kills on {kind}"] += swept.kills
            report.hold(f"{shape} on {kind}", holds=not swept.wrong, found=swept.wrong)
    report.count(**{name: total[name] for name in (*Sweep().counts(), "kills on sqlite", "kills on postgresql")})
    return report


def sweep(shape: str, settings: Settings, *, points: Collection[str], every: int, tells_first: bool) -> Sweep:
    """Kill a campaign at each of its points in a new database; return what came of it.

    Args:
        shape: Name of the campaign's shape.
        settings: Names the database.
        points: Kinds of points.
        every: 1 for all of them; n for each n-th.
        tells_first: Every other death is told of by the fleet, beginning with the first, or with the second.
    """
    upgrade(settings)
    swept, sink = Sweep(), NotingSink.of(SHAPES[shape], settings.state_dir / "mails")
    with smtp_server(sink) as server:
        for number in count(0, every):
            key, email = asyncio.run(begin(settings, SHAPES[shape], number))
            tells = (number // every % 2 == 0) == tells_first
            life = Life(settings, shape, key, email, server, sink.folder, points, tells=tells, dies_at=number)
            is_through = is_survived(life)
            swept.kills += not is_through
            if not is_through:
                assert is_survived(replace(life, dies_at=None, age=AFTERWARDS)), (
                    "a process that nobody kills comes to the end"
                )
            asyncio.run(_judge(life, sink, swept))
            if is_through:
                swept.end()
                return swept
    raise AssertionError("the points are counted for ever")


@dataclass
class NotingSink(MailSink):
    """A server that notes what it took where other processes can look it up."""

    folder: Path = Path()
    """A file for each message."""

    @classmethod
    def of(cls, shape: Shape, folder: Path) -> "NotingSink":
        """Make the server of a shape."""
        folder.mkdir()
        return cls(on_recipient=shape.on_recipient, on_message=shape.on_message, folder=folder)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Take a message."""
        message = message_from_bytes(envelope.original_content or b"")
        (self.folder / file_of(message["Message-ID"])).touch()
        return await super().handle_DATA(server, session, envelope)

    def count(self, message_id: str) -> int:
        """Count how often it took a message."""
        return sum(message_from_bytes(raw)["Message-ID"] == message_id for raw in self.taken)


async def begin(settings: Settings, shape: Shape, number: int) -> tuple[Key, str]:
    """Begin a campaign with a mailbox of its own and one person."""
    campaign_id, email = CampaignId(f"kill-{number}"), f"person{number}@example.com"
    consent = {"consent_basis": "consent", "consent_source": "a fair", "consent_at": NOW}
    mailbox = {"address": f"ann{number}@sales.example", "postal_address": "1 Main Street"}
    plan = CampaignPlan.model_validate({**shape.plan, "steps": shape.steps, "mailboxes": [campaign_id]})
    async with open_database(settings) as database, database.writing() as connection:
        person = {"email": email, "email_hash": email_hash(email), **consent}
        contact_id = await add_contact(connection, person, now=NOW)
        assert contact_id is not None
        await add_mailbox(connection, MailboxId(campaign_id), mailbox, now=NOW)
        await add_campaign(connection, campaign_id, name="Kill", plan=plan.model_dump(mode="json"), now=NOW)
        await move_campaign(connection, campaign_id, expected=("draft",), to="running", now=NOW)
        await enroll(connection, campaign_id, contact_id, wake_at=NOW, now=NOW)
    return (campaign_id, contact_id), email


async def _judge(life: Life, sink: NotingSink, swept: Sweep) -> None:
    """Look at how the person's way ended, and at every message and answer."""
    async with open_database(life.settings) as database, database.reading() as connection:
        row = await enrollment(connection, *life.key)
        sent = await touches(connection, campaign_id=life.key[0])
        unapproved = [one for one in sent if one.state == "sent" and not await is_approved(connection, *_exactly(one))]
        unread = [
            one for one in await inbound_of(connection, life.key[1]) if one.kind in UNREAD and one.reply_class is None
        ]
    assert row is not None
    taken = {one.touch_id: sink.count(one.message_id) for one in sent}
    unknown = [one for one in sent if one.resolved_by]
    swept.mails += sum(taken.values())
    swept.ambiguous += len(unknown)
    swept.of_those_sent += sum(one.state == "sent" for one in unknown)
    swept.ended_at.append(row.updated_at)
    swept.twice += sum(times > 1 for times in taken.values())
    swept.unapproved += len(unapproved) if SHAPES[life.shape].plan["needs_approval"] else 0
    if unread or not _is_right(SHAPES[life.shape], row, sent, taken):
        swept.lost += 1
        told = [(one.step, one.answers, one.state, one.detail, taken[one.touch_id]) for one in sent]
        swept.wrong.append(f"killed at {life.dies_at}: {row.state} ({row.reason}), {told}, {len(unread)} unread")


def _exactly(one: TouchRow) -> tuple[TouchId, str]:
    return TouchId(one.touch_id), one.digest


def _is_right(shape: Shape, row: EnrollmentRow, sent: Sequence[TouchRow], taken: Mapping[str, int]) -> bool:
    """Tell whether a way ended as it had to, or because somebody found that a message never left."""
    if any((one.state == "sent") != (taken[one.touch_id] == 1) for one in sent):
        return False
    if any(one.state == "failed" and one.resolved_by for one in sent):
        return row.state == "stopped" and bool(row.reason)
    got = [one for one in sent if one.state == "sent"]
    steps, answers = {one.step for one in got if one.answers is None}, sum(one.answers is not None for one in got)
    return row.state == shape.ends and steps == shape.sends and answers == shape.answers
