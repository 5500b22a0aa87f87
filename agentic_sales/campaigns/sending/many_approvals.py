"""Let a person agree to many messages at once: one decision, one transaction and one record for each of them.

Nothing here sends. Each message still has its own door, its own turn and its own limits. A person can agree to so many
messages a day, because nobody reads more than that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agentic_sales.campaigns.sending.approval import approve
from agentic_sales.contracts import ApprovalId
from agentic_sales.errors import RequestError
from agentic_sales.store.approvals import ApprovalRow
from agentic_sales.store.database import Database


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """A message that a person has seen."""

    approval_id: ApprovalId
    digest: str
    """Digest of the message as it was seen. The answer counts for no other."""


@dataclass(frozen=True, slots=True)
class LeftMessage:
    """A message that was not approved."""

    approval_id: str
    reason: str
    """Why, in words for people."""


@dataclass(frozen=True, slots=True)
class ManyApproved:
    """What became of each message."""

    approved: tuple[ApprovalRow, ...]
    left: tuple[LeftMessage, ...]


async def approve_many(
    database: Database, seen: Sequence[SeenMessage], *, by: str, note: str, most_a_day: int, now: datetime
) -> ManyApproved:
    """Agree to messages one by one. One that is refused keeps back no other.

    Args:
        database: Where the campaigns are.
        seen: The messages, each as it was seen.
        by: Person that agrees.
        note: Note of the person, kept with each decision.
        most_a_day: Messages that this person may agree to in a UTC day.
        now: The present.
    """
    approved: list[ApprovalRow] = []
    left: list[LeftMessage] = []
    for one in seen:
        try:
            row = await approve(
                database, one.approval_id, digest=one.digest, by=by, note=note, most_a_day=most_a_day, now=now
            )
            approved.append(row)
        except RequestError as exc:
            left.append(LeftMessage(one.approval_id, str(exc)))
    return ManyApproved(tuple(approved), tuple(left))
