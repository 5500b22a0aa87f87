"""Read why a mail server refused: whether nobody has the address, or whether the refusal is about something else.

Only the first may end all messages to a person. A full mailbox empties, and a server that dislikes the sender, or the
message, says nothing about the recipient.
"""

import re

_CODE = re.compile(r"(?<![\d.])5\.[0-7]\.\d{1,3}(?!\.?\d)")
"""An enhanced status code (RFC 3463), and no part of an IP address."""
_NO_REASON = re.compile(r"5\.0\.\d{1,3}")
_BAD_ADDRESS = re.compile(r"5\.(?:1\.(?:[012369]|10)|2\.[01]|4\.(?:1|4|310)|5\.0)")
"""Codes of an address that nobody has, or no longer; Microsoft's servers say it by 5.4.1 and 5.5.0 too."""
_ABOUT_SENDER = re.compile(r"5\.(?:1\.[78]|7\.\d{1,3})")
_FOR_GOOD = re.compile(r"\b55[0-4]\b")
_DISLIKE = re.compile(
    r"spam|block(?:ed|list)|black ?list|policy|reputation|relay|spf|dkim|dmarc|authenticat|quota|full", re.IGNORECASE
)


def is_bad_address(told: str) -> bool:
    """Tell whether a server's answer names nobody's having the address as the reason."""
    return _BAD_ADDRESS.fullmatch(_reason(told)) is not None


def is_about_sender(told: str) -> bool:
    """Tell whether a server's answer is about who sends, or what, and not about whom it is for."""
    return _ABOUT_SENDER.fullmatch(_reason(told)) is not None


def is_undeliverable(told: str) -> bool:
    """Tell whether a report of failure ends an address; without a code it does, unless its words say otherwise."""
    if _reason(told):
        return is_bad_address(told)
    is_for_good = _NO_REASON.search(told) is not None or _FOR_GOOD.search(told) is not None
    return is_for_good and _DISLIKE.search(told) is None


def _reason(told: str) -> str:
    """Return the first code that gives a reason, which may stand behind a `5.0.0`; empty: there is none."""
    return next((code for code in _CODE.findall(told) if not _NO_REASON.fullmatch(code)), "")
