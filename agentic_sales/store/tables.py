"""Name every table of the store, so that a migration sees them all."""

from agentic_sales.store.activations import ActivationRow
from agentic_sales.store.analyses import AnalysisRow
from agentic_sales.store.approvals import ApprovalRow
from agentic_sales.store.arrivals import ArrivalRow
from agentic_sales.store.audit import AuditEntryRow
from agentic_sales.store.campaigns import CampaignRow, EnrollmentRow
from agentic_sales.store.columns import Table
from agentic_sales.store.companies import CompanyRow
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.documents import DocumentRow, PassageRow
from agentic_sales.store.earlier_plans import EarlierPlanRow
from agentic_sales.store.facts import FactRow
from agentic_sales.store.flow_rounds import FlowPlanRow, FlowRoundRow
from agentic_sales.store.inbound import InboundRow
from agentic_sales.store.keys import SubjectKeyRow
from agentic_sales.store.leads import LeadRow
from agentic_sales.store.mailboxes import MailboxRow
from agentic_sales.store.outcomes import OutcomeRow
from agentic_sales.store.people import ForgottenRow, PersonRow
from agentic_sales.store.products import ProductRow
from agentic_sales.store.subjects import SubjectRow
from agentic_sales.store.suggestions import SuggestionRow
from agentic_sales.store.suppressions import LiftRow, SuppressionRow
from agentic_sales.store.threads import ThreadLabelRow, ThreadRow
from agentic_sales.store.touches import TouchRow
from agentic_sales.store.webhooks import WebhookEndpointRow, WebhookMessageRow

__all__ = [
    "ActivationRow",
    "AnalysisRow",
    "ApprovalRow",
    "ArrivalRow",
    "AuditEntryRow",
    "CampaignRow",
    "CompanyRow",
    "ContactRow",
    "DocumentRow",
    "EarlierPlanRow",
    "EnrollmentRow",
    "FactRow",
    "FlowPlanRow",
    "FlowRoundRow",
    "ForgottenRow",
    "InboundRow",
    "LeadRow",
    "LiftRow",
    "MailboxRow",
    "OutcomeRow",
    "PassageRow",
    "PersonRow",
    "ProductRow",
    "SubjectKeyRow",
    "SubjectRow",
    "SuggestionRow",
    "SuppressionRow",
    "Table",
    "ThreadLabelRow",
    "ThreadRow",
    "TouchRow",
    "WebhookEndpointRow",
    "WebhookMessageRow",
]
