"""Carry the trace of one user action over every hop.

Four headers travel with a run: W3C's `traceparent`, `tracestate` and `baggage`, and LangSmith's `langsmith-trace`.
They are copied as they came; an action that arrives without a trace starts one, so that every run has a trace id.
Nothing here needs an exporter, opens a socket or looks at a payload.

W3C and LangSmith both claim the header `baggage`. What a caller sends as `baggage` is kept as one text, LangSmith's
members among it. What LangSmith says of a run of ours travels beside it under a name of its own, and the two are joined
only where a request leaves the fleet.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from agentic_sales.contracts import TRACE_HEADERS

LANGSMITH_TRACE = "langsmith-trace"
LANGSMITH_BAGGAGE = "langsmith-baggage"
"""Where LangSmith's baggage travels inside the fleet, apart from W3C's."""

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""`traceparent` of W3C Trace Context level 1, section 3.2.2: version, trace-id, parent-id, flags."""
_SAMPLED = 0x01
_LONGEST_HEADER_CHARS = 8192
"""Longest header that is carried; W3C Baggage section 4.3 asks for at least this much."""


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The trace that a run belongs to."""

    headers: Mapping[str, str]
    """The trace headers, lower-case names; always with a valid `traceparent`."""
    is_decided: bool = True
    """False: the action starts here, and nobody has said yet whether its trace is kept."""

    @property
    def trace_id(self) -> str:
        """Return the W3C trace id, 32 hexadecimal digits."""
        return self.headers["traceparent"][3:35]

    @property
    def is_sampled(self) -> bool:
        """Tell whether the trace is kept; decided once per action, by whoever started it."""
        return bool(int(self.headers["traceparent"][-2:], 16) & _SAMPLED)

    @property
    def is_in_run_tree(self) -> bool:
        """Tell whether LangSmith keeps it: it is kept at all, or a run tree that is kept goes on with it."""
        return self.is_sampled or LANGSMITH_TRACE in self.headers

    def outbound(self) -> dict[str, str]:
        """Return the four headers for a request that leaves the fleet, both baggages in one."""
        headers = {name: self.headers[name] for name in TRACE_HEADERS if name in self.headers}
        if own := self.headers.get(LANGSMITH_BAGGAGE):
            headers["baggage"] = merged_baggage(headers.get("baggage", ""), own)
        return headers


def parse_inbound(headers: Mapping[str, str]) -> TraceContext:
    """Continue the caller's trace, or start one when the caller sent none that is valid.

    Args:
        headers: Header names in lower case, of a caller that may be believed; others than the four are ignored.
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
    """Decide whether a trace is kept, from its id alone: every process that asks decides the same."""
    return int(trace_id[16:], 16) < ratio * (1 << 64)


def merged_baggage(*members: str) -> str:
    """Join baggage headers; of entries with the same key the last one stays."""
    entries = [entry.strip() for header in members for entry in header.split(",") if entry.strip()]
    return ",".join({entry.partition("=")[0].strip(): entry for entry in entries}.values())
