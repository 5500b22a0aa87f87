"""Give the readers of reports the signs of bounces, complaints and reports, a person's additions among them."""

from agentic_sales.additions import with_additions
from agentic_sales.rules import bounces, complaints, reports
from agentic_sales.settings import settings


def bounce_signs() -> bounces.BounceSigns:
    """Return the signs by which a server's words tell why a message did not arrive."""
    return with_additions("bounces", bounces.signs_of, settings().rules_dir)


def complaint_signs() -> complaints.ComplaintSigns:
    """Return the signs of a complaint."""
    return with_additions("complaints", complaints.signs_of, settings().rules_dir)


def report_signs() -> reports.ReportSigns:
    """Return the signs of a report in words."""
    return with_additions("reports", reports.signs_of, settings().rules_dir)
