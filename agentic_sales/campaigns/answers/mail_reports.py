"""Read a mail's report on a mail of ours: that it came back, is late, was opened or was complained of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Literal

from agentic_sales.campaigns.answers.mails import (
    address,
    addresses,
    decoded,
    header,
    ids,
    only_address,
    own_parts,
    payloads,
    read_mail,
)
from agentic_sales.campaigns.answers.signs import bounce_signs, complaint_signs, report_signs
from agentic_sales.rules.bounces import cause_of, ends_address
from agentic_sales.rules.complaints import is_complaint, is_enclosed_complaint
from agentic_sales.rules.reports import Worded, is_receipt, worded_report

ReportKind = Literal["bounced", "delayed", "delivered", "complained", "other"]
OF_OURS = re.compile(r"<[0-9a-f]{32}@[^<>\s]{1,190}>")
"""A `Message-ID` of the form that ours have, wherever a report repeats it."""
_ENCLOSED = frozenset({"message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global"})
_RECIPIENTS = ("Original-Recipient", "Final-Recipient")


@dataclass(frozen=True, slots=True)
class Report:
    """The content of a report."""

    kind: ReportKind
    address: str
    """Address that it is about. Empty if it does not say."""
    text: str
    """The diagnosis, or the report's text."""
    about_ids: tuple[str, ...] = ()
    """`Message-ID`s of the mail that it is about."""


def report_of(message: Message, text: str) -> Report | None:
    """Read a report from a mail and its text. Return None if the mail is none."""
    found = _complaint(message) or _receipt(message, text) or _delivery_report(message, text)
    found = found or _told_in_words(message, text)
    return None if found is None else Report(found.kind, found.address, found.text, _about(message))


def _complaint(message: Message) -> Report | None:
    fields = next(_fields(message, "message/feedback-report"), None)
    enclosed = next(_enclosed(message), None)
    if fields is not None or _report_type(message) == "feedback-report":
        kind = header(fields, "Feedback-Type") if fields is not None else ""
        told: ReportKind = "complained" if is_complaint(kind, complaint_signs()) else "other"
        return Report(told, _complainer(fields, enclosed), f"feedback of the type `{kind or 'abuse'}`")
    if enclosed is not None and is_enclosed_complaint(header(message, "Subject"), enclosed.keys(), complaint_signs()):
        return Report("complained", _complainer(None, enclosed), "the recipient called it spam")
    return None


def _complainer(fields: Message | None, enclosed: Message | None) -> str:
    loop_headers = complaint_signs().loop_headers
    for holder, names in ((fields, loop_headers), (enclosed, (*loop_headers, "To"))):
        for name in names:
            if holder is not None and (found := address(holder, name)):
                return found
    return ""


def _receipt(message: Message, text: str) -> Report | None:
    fields = next(_fields(message, "message/disposition-notification"), None)
    is_one = fields is not None or _report_type(message) == "disposition-notification"
    if not is_one and not is_receipt(header(message, "Subject"), text, report_signs()):
        return None
    return Report("other", "" if fields is None else _recipient(fields), "a receipt of the recipient's mail program")


def _delivery_report(message: Message, text: str) -> Report | None:
    """Read RFC 3464. The first block is about the report, each further one about a recipient."""
    part = next((part for part in own_parts(message) if part.get_content_type() == "message/delivery-status"), None)
    if part is None:
        return None
    blocks = [block for block in payloads(part) if "Action" in block or "Status" in block]
    if not blocks:
        return _told_in_words(message, text) or Report("other", "", "")
    block = next((b for b in blocks if _action(b) == "failed"), blocks[0])
    told = f"{header(block, 'Status')} {header(block, 'Diagnostic-Code')}".strip()
    if _action(block) == "failed" and not cause_of(told, bounce_signs()):
        told = f"{told} {_explanation(message, text)}".strip()
    return Report(_status_kind(_action(block), told), _recipient(block), told)


def _explanation(message: Message, text: str) -> str:
    """Return the reason in a report's words. It stands beside a diagnosis that says nothing."""
    worded = _worded(message, text)
    return "" if worded is None else worded.reason


def _status_kind(action: str, told: str) -> ReportKind:
    match action:
        case "failed":
            return _failed(told)
        case "delayed":
            return "delayed"
        case "delivered" | "relayed" | "expanded":
            return "delivered"
        case _:
            return "other"


def _failed(told: str) -> ReportKind:
    """Tell an address without an owner from one that may be right: a full mailbox, or a server that dislikes us."""
    return "bounced" if ends_address(told, bounce_signs()) else "delayed"


def _told_in_words(message: Message, text: str) -> Report | None:
    worded = _worded(message, text)
    if worded is None:
        return None
    return Report("delayed" if worded.state == "delayed" else _failed(worded.reason), worded.address, worded.reason)


def _worded(message: Message, text: str) -> Worded | None:
    return worded_report(
        sender=header(message, "From"),
        subject=header(message, "Subject"),
        text=text,
        failed=address(message, "X-Failed-Recipients"),
        ours=addresses(header(message, "To")),
        signs=report_signs(),
    )


def _about(message: Message) -> tuple[str, ...]:
    """Return the `Message-ID`s of the mail that a report gives back, wherever it gives them."""
    found = [found for enclosed in _enclosed(message) for found in ids(enclosed, "Message-ID")]
    for kind in ("message/disposition-notification", "message/feedback-report"):
        found += [found for fields in _fields(message, kind) for found in ids(fields, "Original-Message-ID")]
    for part in own_parts(message):
        if part.get_content_maintype() == "text":
            found += OF_OURS.findall(decoded(part))
    return tuple(dict.fromkeys((*found, *ids(message, "In-Reply-To", "References"))))


def _enclosed(message: Message) -> Iterator[Message]:
    """Yield the mails that a mail encloses, or their headers alone."""
    for part in own_parts(message):
        if part.get_content_type() not in _ENCLOSED:
            continue
        whole = payloads(part)
        yield whole[0] if whole else read_mail(decoded(part).encode())


def _fields(message: Message, kind: str) -> Iterator[Message]:
    """Yield the fields of the parts of a type, which are written like headers."""
    for part in own_parts(message):
        if part.get_content_type() == kind:
            within = next(iter(payloads(part)), part)
            # Some begin with an empty line, behind which the reader takes the fields for a text.
            yield within if within is not part and within.keys() else read_mail(decoded(within).lstrip().encode())


def _recipient(block: Message) -> str:
    told = next((value for name in _RECIPIENTS if (value := header(block, name))), "")
    return only_address(told.rpartition(";")[2])


def _action(block: Message) -> str:
    return header(block, "Action").strip().lower()


def _report_type(message: Message) -> str:
    return str(message.get_param("report-type", "")).lower()
