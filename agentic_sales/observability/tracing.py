"""Carry the trace of one user action over every hop.

Four headers travel with a run: W3C's `traceparent`, `tracestate` and `baggage`, and LangSmith's `langsmith-trace`.
They are copied as they came; an action that arrives without a trace starts one, so that every run has a trace id.
Nothing here needs an exporter, opens a socket or looks at a payload.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from agentic_sales.contracts import TRACE_HEADERS

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""`traceparent` of W3C Trace Context level 1, section 3.2.2: version, trace-id, parent-id, flags."""
_LONGEST_HEADER_CHARS = 8192
"""Longest header that is carried; W3C Baggage section 4.3 asks for at least this much."""


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The trace that a run belongs to."""

    headers: Mapping[str, str]
    """The trace headers, lower-case names; always with a valid `traceparent`."""

    @property
    def trace_id(self) -> str:
        """Return the W3C trace id, 32 hexadecimal digits."""
        return self.headers["traceparent"][3:35]


def parse_inbound(headers: Mapping[str, str]) -> TraceContext:
    """Continue the caller's trace, or start one when the caller sent none that is valid.

    Args:
        headers: Header names in lower case; others than the four are ignored.
    """
    kept = {
        name: value for name in TRACE_HEADERS if (value := headers.get(name)) and len(value) <= _LONGEST_HEADER_CHARS
    }
    if not _TRACEPARENT.fullmatch(kept.get("traceparent", "")):
        kept.pop("tracestate", None)
        kept["traceparent"] = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    return TraceContext(kept)
