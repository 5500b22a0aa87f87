"""Read a mail server's report in words: the address, whether its mail bounced or is late, and why.

Many servers report without the form of RFC 3464: Zoho, Yahoo, GMX, Exim, qmail, OpenSMTPD, WorkMail, Domino. Their
reports share three marks. A mailer is the sender. The subject or the text says that a mail was given up. The address
stands above the copy of that mail, with the reason beside it.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from agentic_sales.rules.bounces import cause_of
from agentic_sales.rules.tables import NOTHING, Table, extended, table

LONGEST_REPORT_CHARS = 8_000
"""The message of a report stands at its start."""
LONGEST_REASON_CHARS = 1_500
_ADDRESS = re.compile(r"[^\s<>@:;,'\"()\[\]=]{1,64}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z0-9-]{1,63}", re.IGNORECASE)
_IN_FRONT = re.compile(rf"^[ \t>*]{{0,8}}[<\"']?({_ADDRESS.pattern})[>\"']?[ \t]{{0,4}}:", re.IGNORECASE | re.MULTILINE)
"""An address at the start of a line with a colon behind it, as most servers write it."""


@dataclass(frozen=True, slots=True)
class Worded:
    """A report in words."""

    state: Literal["failed", "delayed"]
    """`delayed`: the server goes on trying."""
    address: str
    """Address that the report is about. Empty if it does not say."""
    reason: str
    """The report's words on the reason."""


@dataclass(frozen=True, slots=True)
class ReportSigns:
    """The tables of this module as patterns."""

    mailer: re.Pattern[str]
    failure: tuple[re.Pattern[str], re.Pattern[str]]
    """Subjects and texts of reports on mail that was given up."""
    late: tuple[re.Pattern[str], re.Pattern[str]]
    """Subjects and texts of reports on late mail."""
    receipt: tuple[re.Pattern[str], re.Pattern[str]]
    """Subjects and texts of reports on opened or deleted mail."""
    copy: re.Pattern[str]
    """Line at which the copy of the mail begins."""


def signs_of(additions: Table = NOTHING) -> ReportSigns:
    """Return the signs of the table and of a person's additions to it."""
    given = extended(table("reports"), additions)
    failure, late = (tuple(_any_of(given[name][of]) for of in ("subjects", "texts")) for name in ("failure", "delay"))
    subjects = "|".join(re.escape(subject) for subject in given["receipt"]["subjects"])
    return ReportSigns(
        mailer=_any_of(given["mailer"]["words"]),
        receipt=(re.compile(rf"(?:{subjects})[ \t(:]"), _any_of(given["receipt"]["texts"])),
        copy=re.compile("|".join(f"(?:{line})" for line in given["copy"]["lines"])),
        failure=(failure[0], failure[1]),
        late=(late[0], late[1]),
    )


@cache
def our_signs() -> ReportSigns:
    """Return the signs of the table alone."""
    return signs_of()


def is_mailer(sender: str, signs: ReportSigns | None = None) -> bool:
    """Tell whether a mail server, and no person, is the sender of a mail."""
    name, _, address = sender.lower().rpartition("<")
    local = address.rpartition("@")[0] or address
    mailer = (signs or our_signs()).mailer
    return mailer.fullmatch(local.strip()) is not None or mailer.search(name) is not None


def is_receipt(subject: str, text: str, signs: ReportSigns | None = None) -> bool:
    """Tell whether a mail program says that a message was opened, or deleted."""
    subjects, texts = (signs or our_signs()).receipt
    return subjects.match(subject.lower()) is not None and texts.search(text[:LONGEST_REPORT_CHARS].lower()) is not None


def worded_report(
    *,
    sender: str,
    subject: str,
    text: str,
    failed: str = "",
    ours: Collection[str] = (),
    signs: ReportSigns | None = None,
) -> Worded | None:
    """Read a report in words. None if the mail is none.

    Args:
        sender: Its `From`.
        subject: Its subject.
        text: Its text.
        failed: Address that a header names (`X-Failed-Recipients`).
        ours: Addresses that it was sent to. It is about none of them.
        signs: Signs to look for. None for the table of this package.
    """
    signs = signs or our_signs()
    told = _above_copy(text[:LONGEST_REPORT_CHARS], signs)
    state = _state(subject.lower(), told.lower(), signs)
    if state is None or not (failed or is_mailer(sender, signs)):
        return None
    address = failed or _address_in(told, {*map(str.lower, ours)}, signs)
    beside = told[told.find(address) :][:LONGEST_REASON_CHARS] if address else told
    return Worded(state, address, beside if cause_of(beside) else told[:LONGEST_REASON_CHARS])


def _state(subject: str, text: str, signs: ReportSigns) -> Literal["failed", "delayed"] | None:
    has_failed = [bool(signs.failure[0].search(subject)), bool(signs.failure[1].search(text))]
    is_late = [bool(signs.late[0].search(subject)), bool(signs.late[1].search(text))]
    if is_late[0] or (is_late[1] and not has_failed[0]):
        return "delayed"
    return "failed" if any(has_failed) else None


def _above_copy(text: str, signs: ReportSigns) -> str:
    """Return a report's own words, without the copy of the mail below."""
    lines = text.splitlines()
    ends = (at for at, line in enumerate(lines) if signs.copy.match(line.strip().lower()) and _has_address(lines[:at]))
    return "\n".join(lines[: next(ends, len(lines))])


def _has_address(lines: Iterable[str]) -> bool:
    return any("@" in line for line in lines)


def _address_in(text: str, ours: set[str], signs: ReportSigns) -> str:
    found = [*_IN_FRONT.findall(text), *_ADDRESS.findall(text)]
    return next((one for one in found if one.lower() not in ours and not is_mailer(one, signs)), "")


def _any_of(entries: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?<![a-z])(?:{entry})(?![a-z])" for entry in entries))
