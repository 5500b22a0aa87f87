"""Tell a complaint from other feedback: a recipient called a message spam.

A complaint has one of three forms. It is a feedback report (RFC 5965), or such a report with its parts in a plain
multipart/mixed. Or a mail encloses the message with a provider's own header. Microsoft's program for junk mail sends
this form.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from agentic_sales.rules.tables import NOTHING, Table, extended, table

LONGEST_SUBJECT_CHARS = 500


@dataclass(frozen=True, slots=True)
class ComplaintSigns:
    """The table of this module."""

    others: frozenset[str]
    """Types of feedback that are no complaints."""
    loop_headers: tuple[str, ...]
    """Headers that name the recipient in a message that a provider encloses."""
    subjects: re.Pattern[str]
    """Subjects of complaints."""


def signs_of(additions: Table = NOTHING) -> ComplaintSigns:
    """Return the signs of the table and of a person's additions to it."""
    given = extended(table("complaints"), additions)
    subjects = re.compile("|".join(f"(?:{subject})" for subject in given["subjects"]))
    return ComplaintSigns(frozenset(given["others"]), tuple(given["loop_headers"]), subjects)


@cache
def our_signs() -> ComplaintSigns:
    """Return the signs of the table alone."""
    return signs_of()


def is_complaint(feedback_type: str, signs: ComplaintSigns | None = None) -> bool:
    """Tell whether feedback of a type is a complaint. An unknown type is one, because to stop is safe."""
    return feedback_type.strip().lower() not in (signs or our_signs()).others


def is_enclosed_complaint(subject: str, enclosed_headers: Collection[str], signs: ComplaintSigns | None = None) -> bool:
    """Tell whether a mail that encloses a message complains of it.

    Args:
        subject: Subject of the mail.
        enclosed_headers: Names of the headers of the enclosed message.
        signs: Signs to look for. None for the table of this package.
    """
    signs = signs or our_signs()
    names = {name.lower() for name in enclosed_headers}
    by_header = any(name.lower() in names for name in signs.loop_headers)
    return by_header or signs.subjects.search(subject[:LONGEST_SUBJECT_CHARS].lower()) is not None
