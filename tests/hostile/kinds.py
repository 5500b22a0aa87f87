"""Say for each kind of input from strangers how bad inputs are made, and what must hold of each of them.

Inputs are made by Hypothesis: it goes on from an input that breaks a rule to the smallest one that does.
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from agentic_sales.campaigns.answers.inbound import LONGEST_TEXT_CHARS, parse_mail
from agentic_sales.campaigns.sending.links import Links
from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.errors import InvalidRequest
from agentic_sales.observability.redaction import CUT, LONGEST_CHARS, redacted
from agentic_sales.routing import HEALTH_PATHS, INTERNAL_PREFIXES, OPEN_PREFIXES, PUBLIC_CORE_PREFIXES, path_decision
from agentic_sales.rules.contact_files import NotAContactFile, open_contact_file
from agentic_sales.rules.contact_lines import LineReader
from agentic_sales.rules.headings import load_headings
from agentic_sales.rules.wishes import load_wishes
from agentic_sales.sources.html import read_html
from agentic_sales.wire import from_wire, read_body, to_wire

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Kind:
    """One kind of input."""

    name: str
    """What it is, in a word."""
    inputs: SearchStrategy[Any]
    """How inputs are made."""
    check: Callable[[Any], None]
    """Raises when an input does what it must not."""


@dataclass(frozen=True)
class Tried:
    """What became of the inputs of a kind."""

    name: str
    """The kind."""
    inputs: int
    """How many were tried."""
    failure: str | None
    """What broke, and by which input; None: all held."""

    def __str__(self) -> str:
        """Tell it in one line."""
        return f"{self.name:12} {self.inputs:8} inputs tried, {self.failure or 'all held'}"


def tried(kind: Kind, *, most: int, number: int = 0) -> Tried:
    """Try inputs of a kind; equal numbers try equal inputs."""
    counted = 0

    @seed(number)
    @settings(max_examples=most, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(kind.inputs)
    def try_one(value: Any) -> None:
        nonlocal counted
        counted += 1
        kind.check(value)

    try:
        try_one()
    except Exception as exc:  # noqa: BLE001 - whatever it raises is what broke
        told = [f"{type(exc).__name__}: {exc}", *getattr(exc, "__notes__", ())]
        return Tried(kind.name, counted, " | ".join(told)[:2000])
    return Tried(kind.name, counted, None)


def _pieces(*fixed: str, longest: int = 30) -> SearchStrategy[str]:
    """Make texts of fixed pieces, some repeated many times, and of anything between them."""
    piece = st.one_of(st.sampled_from(fixed), st.text(max_size=8))
    repeated = st.tuples(piece, st.sampled_from((1, 1, 1, 1, 50, 500))).map(lambda pair: pair[0] * pair[1])
    return st.lists(repeated, max_size=longest).map("".join)


def _as_bytes(text: SearchStrategy[str]) -> SearchStrategy[bytes]:
    """Write texts in an encoding, and put stray bytes among some of them."""
    encoded = st.tuples(text, st.sampled_from(("utf-8", "latin-1", "utf-16", "cp1252")))
    plain = encoded.map(lambda pair: pair[0].encode(pair[1], errors="replace"))
    return st.tuples(plain, st.binary(max_size=20), st.integers(0, 400)).map(
        lambda t: t[0][: t[2]] + t[1] + t[0][t[2] :]
    )


def check_path(value: tuple[str, str]) -> None:
    """Without the key nothing is let through but health and open paths, and what is internal is forbidden to all."""
    method, path = value
    for has_auth, matches in ((False, False), (True, False), (True, True)):
        status = path_decision(method, path, has_auth=has_auth, auth_matches=matches)
        assert status in {200, 401, 403, 404}
        if path.startswith(INTERNAL_PREFIXES):
            assert status == 403
        if status == 200 and not matches:
            is_health = path in HEALTH_PATHS and method in {"GET", "HEAD"}
            assert is_health or (path.startswith(OPEN_PREFIXES) and method in {"GET", "HEAD", "POST"})


PLANTED = ("jane.doe@acme.example", "+49 30 1234567", "sk-live-0123456789abcdef", "Bearer abcdefgh12345678")


def check_redaction(text: str) -> None:
    """No address, number or key that stands by itself is left, and no text is longer than the limit."""
    left = redacted(f"{text[:20_000]} {' , '.join(PLANTED)} {text[20_000:]}")
    assert not [secret for secret in PLANTED if secret in left]
    assert len(left) <= 2 * LONGEST_CHARS + len(CUT)


def check_html(markup: str) -> None:
    """A page is read, and shows nothing that a person would not see."""
    reading = read_html(
        f"<p>seen</p><script>unseen-1</script><p style='display:none'>unseen-2</p>{markup}", "http://x.example/"
    )
    assert "\x00" not in reading.text
    assert "seen" in reading.text


def check_csv(raw: bytes) -> None:
    """A file is refused by name, or each of its lines is read."""
    headings = load_headings()
    try:
        opened = open_contact_file(io.BytesIO(raw), headings)
    except NotAContactFile:
        return
    reader = LineReader(opened, load_wishes(headings))
    for record in opened.records:
        reader.read(record)


def check_mail(raw: bytes) -> None:
    """A mail is read as one event, whatever it is, and no text of it is endless or can start a header."""
    inbound = parse_mail(raw, source="imap:hostile", received_at=NOW)
    assert len(inbound.text) <= LONGEST_TEXT_CHARS
    assert not {"\r", "\n", "\x00"} & set(inbound.subject + inbound.address + inbound.message_id)


def check_body(raw: bytes) -> None:
    """A body is refused, or what is written of it is read again as the same."""
    try:
        value = read_body(raw)
    except InvalidRequest as exc:
        to_wire(str(exc))
        return
    written = to_wire(value)
    assert b"NaN" not in written or b'"' in written
    assert from_wire(written) == value


LINKS = Links("https://sales.example", b"the secret of the links")
PERSON = (CampaignId("campaign-1"), ContactId("contact-1"))
TOKEN = LINKS.unsubscribe_url(*PERSON).rpartition("/")[2]


def check_token(token: str) -> None:
    """A token is of a person whom we wrote to, or of nobody."""
    assert LINKS.read(token) in {None, PERSON}


_PATHS = _pieces(
    *(*PUBLIC_CORE_PREFIXES, *HEALTH_PATHS, *INTERNAL_PREFIXES, *OPEN_PREFIXES),
    *("/", "..", ".", "//", "%2e", "%2f", ";", "\\"),
    longest=5,
)
_METHODS = st.sampled_from(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "BREW"))
_JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from((2**63, -(2**63) - 1, 10**400)),
        st.floats(),
        st.text(st.characters(exclude_categories=())),
        st.sampled_from(("\x00", "\ud800", "\u2028", "\\u0000")),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
)
_BODIES = st.one_of(
    _JSON.map(lambda value: json.dumps(value).encode()),
    _as_bytes(_pieces("{", "}", "[", "]", ":", ",", '"', "\\u0000", "\\ud800", "NaN", "1e999", "null", "-0", '{"a":')),
)

KINDS = (
    Kind("paths", st.tuples(_METHODS, _PATHS), check_path),
    Kind(
        "redaction",
        _pieces("@", ".", ":", "=", "token", "bearer ", "eyJ", "://", "+", "input_value="),
        check_redaction,
    ),
    Kind(
        "html",
        _pieces(
            *("<p>", "</p>", "<div>", "<table>", "<li>", "<!--", "-->", "<script>", "<style>", "<svg>", "&#0;", "&lt;"),
            *(
                '<a href="',
                "javascript:",
                '">',
                "<![CDATA[",
                "<?xml",
                "\x00",
                "\u202e",
                "<base href=",
                "<meta charset=idna>",
            ),
        ),
        check_html,
    ),
    Kind(
        "csv",
        _as_bytes(
            _pieces(
                "email", "name", ",", ";", "\t", '"', "\n", "\r\n", "a@b.example", "=cmd|' /C calc'!A0", "\ufeff", "yes"
            )
        ),
        check_csv,
    ),
    Kind(
        "mails",
        _as_bytes(
            _pieces(
                *(
                    "Subject: ",
                    "From: ",
                    "Message-ID: <",
                    ">",
                    "\r\n",
                    "\n",
                    "=?utf-8?q?",
                    "?=",
                    "=?\xff?b?",
                    "a@b.example",
                ),
                *("Content-Type: multipart/mixed; boundary=x", "--x", "Content-Type: message/delivery-status", "; a=b"),
                *(
                    "Final-Recipient: rfc822;",
                    "Action: failed",
                    "Status: 5.1.1",
                    "References: ",
                    "<p>",
                    "unsubscribe",
                    "> ",
                ),
            )
        ),
        check_mail,
    ),
    Kind("bodies", _BODIES, check_body),
    Kind(
        "tokens",
        st.one_of(
            st.text(),
            _pieces(TOKEN, TOKEN[:20], TOKEN[20:], ".", "=", "A"),
            st.tuples(st.integers(0, len(TOKEN) - 1), st.characters()).map(
                lambda t: TOKEN[: t[0]] + t[1] + TOKEN[t[0] + 1 :]
            ),
        ),
        check_token,
    ),
)
"""Every kind whose reader is a function; heads and operations need a server (`heads.py`, `operations.py`)."""
