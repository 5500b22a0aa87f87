"""Let campaigns go on from a worker child of core: the tick that beat asks for, and the reading of inboxes."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from agentic_sales.campaigns.answers.arrivals import read_due
from agentic_sales.campaigns.answers.imap_accounts import imap_accounts, own_account
from agentic_sales.campaigns.outcomes.learning import tell_outcomes
from agentic_sales.campaigns.visits import clock
from agentic_sales.campaigns.visits.tick import CAMPAIGN, Ticked, request_of, thread_of, tick
from agentic_sales.contracts import MailboxId, RunId
from agentic_sales.errors import ConfigurationError, LoginRefused, ProviderUnavailable, UnknownRecord
from agentic_sales.observability.tracing import parse_inbound
from agentic_sales.runs.feedback import FeedbackQueue
from agentic_sales.runs.ledger import Outcome
from agentic_sales.runs.submit import Runs
from agentic_sales.runs.turns import Turn
from agentic_sales.settings import Settings, settings
from agentic_sales.store.campaigns import EnrollmentRow
from agentic_sales.store.database import current_database
from agentic_sales.store.mailboxes import mailboxes, note_inbox
from agentic_sales.store.visits import key_of
from agentic_sales.workers.current import CurrentChild

log = structlog.get_logger()


class LiveFleet:
    """The fleet, as a tick needs it."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    async def submit_visit(self, row: EnrollmentRow, run_id: RunId) -> None:
        """Submit the run that makes a visit, in the batch lane, on the enrollment's thread and in its trace."""
        key = key_of(row)
        run = await self._runs.submit(
            CAMPAIGN,
            {**request_of(key), "priority": "batch"},
            trace=parse_inbound(row.trace or {}),
            turn=Turn(thread_of(key), strategy="reject", keeps_state=True),
            run_id=run_id,
        )
        run.ended.cancel()

    async def outcomes(self, run_ids: Sequence[RunId]) -> list[Outcome | None]:
        """Return how runs ended; None: one has not, or is not known."""
        return await self._runs.ledger.outcomes(run_ids)


async def tick_campaigns(child: CurrentChild) -> Ticked:
    """Tick, and send the outcomes of messages as feedback on the runs that wrote them."""
    fleet, configuration = LiveFleet(await child.runs()), settings()
    database = current_database(configuration)
    ticked = await tick(database, fleet, now=clock.now())
    queue = FeedbackQueue(child.ledger) if configuration.langsmith_tracing else None
    await tell_outcomes(database, queue, shown=configuration.trace_payloads)
    return ticked


async def read_arrivals(configuration: Settings) -> int:
    """Read the mails that a provider received; return how many were about a campaign."""
    return await read_due(configuration, current_database(configuration), now=clock.now())


async def read_inboxes(configuration: Settings) -> Mapping[MailboxId, int]:
    """Read the inbox of every mailbox with a login of its own or in `AGENTIC_SALES_IMAP`; return the mails by mailbox.

    Only mails about a campaign count. A server that is away keeps nobody else's inbox unread: it is read at the next
    slot, from where it ended, and the mailbox says why it was not read.

    Raises:
        ConfigurationError: The setting is none.
    """
    database, named = current_database(configuration), imap_accounts(configuration)
    async with database.reading() as connection:
        own = {MailboxId(row.mailbox_id): row for row in await mailboxes(connection) if row.login}
    wanted = [*own, *(mailbox_id for mailbox_id in named if mailbox_id not in own)]

    async def read(mailbox_id: MailboxId) -> int:
        try:
            row = own.get(mailbox_id)
            account = named.get(mailbox_id) if row is None else await asyncio.to_thread(own_account, configuration, row)
            if account is None:
                return 0
            from agentic_sales.campaigns.answers.imap import poll_mailbox  # noqa: PLC0415 - its package is an extra

            return await poll_mailbox(database, mailbox_id, account, now=clock.now())
        except (ProviderUnavailable, LoginRefused, UnknownRecord, ConfigurationError) as exc:
            log.warning("inbox_not_read", mailbox_id=mailbox_id, reason=str(exc))
            async with database.writing() as connection:
                await note_inbox(connection, mailbox_id, str(exc)[:500])
        except Exception:  # One inbox keeps no other one unread.
            log.exception("inbox_not_read", mailbox_id=mailbox_id)
        return 0

    return dict(zip(wanted, await asyncio.gather(*map(read, wanted)), strict=True))
