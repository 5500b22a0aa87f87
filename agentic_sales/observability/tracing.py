"""Carry the trace of one user action over every hop.

Four headers travel with a run. They are W3C's `traceparent`, `tracestate` and `baggage`, and LangSmith's
`langsmith-trace`. They are copied unchanged. An action without a trace starts one, so that every run has a trace id.
Nothing here needs an exporter, opens a socket or looks at a payload.

W3C and LangSmith both claim the header `baggage`. A caller's `baggage` is kept as one text, with LangSmith's members
in
it. LangSmith's baggage for our own runs travels beside it under another name. The two are joined only where a request
leaves the fleet.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from agentic_sales.contracts import TRACE_HEADERS

LANGSMITH_TRACE = "langsmith-trace"
LANGSMITH_BAGGAGE = "langsmith-baggage"
"""Header of LangSmith's baggage inside the fleet, apart from W3C's."""

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""`traceparent` of W3C Trace Context level 1 section 3.2.2 with version, trace-id, parent-id and flags."""
_SAMPLED = 0x01
_LONGEST_HEADER_CHARS = 8192
"""Longest header that is carried. W3C Baggage section 4.3 asks for at least this much."""


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The trace that a run belongs to."""

    headers: Mapping[str, str]
    """The trace headers with lower-case names. `traceparent` is always there and valid."""
    is_decided: bool = True
    """False means that the action starts here and its sampling is not decided yet."""

    @property
    def trace_id(self) -> str:
        """Return the W3C trace id of 32 hexadecimal digits."""
        return self.headers["traceparent"][3:35]

    @property
    def is_sampled(self) -> bool:
        """Tell whether the trace is kept. The start of an action decides it once."""
        return bool(int(self.headers["traceparent"][-2:], 16) & _SAMPLED)

    @property
    def is_in_run_tree(self) -> bool:
        """Tell whether LangSmith keeps the trace. It is sampled, or it continues a run tree that is kept."""
        return self.is_sampled or LANGSMITH_TRACE in self.headers

    def outbound(self) -> dict[str, str]:
        """Return the four headers for a request that leaves the fleet. They hold both baggages in one."""
        headers = {name: self.headers[name] for name in TRACE_HEADERS if name in self.headers}
        if own := self.headers.get(LANGSMITH_BAGGAGE):
            headers["baggage"] = merged_baggage(headers.get("baggage", ""), own)
        return headers


def parse_inbound(headers: Mapping[str, str]) -> TraceContext:
    """Continue the caller's trace. Start a new one without a valid trace of the caller.

    Args:
        headers: Headers of a believed caller with lower-case names. All but the four are ignored.
    """
    kept = {
        name: value for name in TRACE_HEADERS if (value := headers.get(name)) and len(value) <= _LONGEST_HEADER_CHARS
    }
    if _TRACEPARENT.fullmatch(kept.get("traceparent", "")):
        return TraceContext(kept)
    kept.pop("tracestate", None)
    kept["traceparent"] = traceparent(secrets.token_hex(16), secrets.token_hex(8), is_sampled=False)
    return TraceContext(kept, is_decided=False)


def traceparent(trace_id: str, span_id: str, *, is_sampled: bool) -> str:
    """Write the W3C header."""
    return f"00-{trace_id}-{span_id}-{_SAMPLED if is_sampled else 0:02x}"


def is_kept(trace_id: str, ratio: float) -> bool:
    """Decide from its id alone whether a trace is kept. Every process decides the same."""
    return int(trace_id[16:], 16) < ratio * (1 << 64)


def merged_baggage(*members: str) -> str:
    """Join baggage headers. The last entry of a key stays."""
    entries = [entry.strip() for header in members for entry in header.split(",") if entry.strip()]
    return ",".join({entry.partition("=")[0].strip(): entry for entry in entries}.values())
