"""Say which rules of Gmail, Yahoo and Microsoft a campaign would break, before it starts.

From 5,000 messages a day on, they ask for SPF, DKIM, an aligned DMARC policy, one-click unsubscription that is signed
and less than 0.3 % complaints. They ask every sender for SPF or DKIM, and for servers with names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentic_sales.campaigns.deliverability.sender import organization_of
from agentic_sales.campaigns.plan.plan import CampaignPlan
from agentic_sales.rules.findings import Finding, fail
from agentic_sales.store.mailboxes import MailboxRow

BULK_A_DAY = 5_000
MOST_COMPLAINED_RATIO = 0.003
COMPLAINTS = "complaints"
_OF_BULK = frozenset({"SPF", "SPF way out", "DKIM", "DMARC", "alignment", "one-click"})


@dataclass(frozen=True, slots=True)
class BulkWarning:
    """A rule that one mailbox, or the plan, would break."""

    mailbox_id: str
    """Empty for the plan."""
    finding: Finding

    def as_data(self) -> dict[str, str]:
        """Return it as plain data for programs."""
        return {"mailbox_id": self.mailbox_id, **self.finding.as_data()}


def messages_a_day(rows: Iterable[MailboxRow], organization: str) -> int:
    """Return the most messages that may leave from all mailboxes of an organization in a day."""
    of = (row for row in rows if organization_of(row.address.rpartition("@")[2].lower()) == organization)
    return sum(row.daily_cap for row in of)


def bulk_warnings(
    plan: CampaignPlan, rows: Sequence[MailboxRow], findings: Mapping[str, Sequence[Finding]]
) -> list[BulkWarning]:
    """Return what would break a rule. What is unknown is a warning for a bulk sender alone, who has to be sure.

    Args:
        plan: Plan of the campaign.
        rows: All mailboxes in use, because receivers count those of one domain together.
        findings: What was found of the mailboxes of the plan.
    """
    warnings = []
    limit = plan.guardrail.most_complained_ratio
    if limit > MOST_COMPLAINED_RATIO:
        told = f"the plan goes on up to {limit:.1%} complaints; Gmail and Yahoo refuse a sender from 0.3 % on"
        finding = fail(COMPLAINTS, told, "set guardrail.most_complained_ratio of the plan to 0.003 or less")
        warnings.append(BulkWarning("", finding))
    for row in rows:
        organization = organization_of(row.address.rpartition("@")[2].lower())
        is_bulk = messages_a_day(rows, organization) >= BULK_A_DAY
        warnings += [BulkWarning(row.mailbox_id, f) for f in findings.get(row.mailbox_id, ()) if _breaks(f, is_bulk)]
    return warnings


def _breaks(finding: Finding, is_bulk: bool) -> bool:  # noqa: FBT001 - the one thing that it depends on
    return finding.status == "fail" or (is_bulk and finding.status == "unknown" and finding.check in _OF_BULK)
