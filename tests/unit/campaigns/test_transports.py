"""The ways that mail takes: real SMTP, real HTTP, a real directory; each tells without guessing what happened."""

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agentic_sales.campaigns.sending import messages
from agentic_sales.campaigns.sending.links import open_links
from agentic_sales.campaigns.sending.messages import build_message, to_bytes
from agentic_sales.campaigns.sending.transports.chosen import open_transport
from agentic_sales.campaigns.sending.transports.chosen import smtp_server as server_of
from agentic_sales.campaigns.sending.transports.contract import Handover
from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.sending.transports.resend import TRIES, ResendTransport
from agentic_sales.campaigns.sending.transports.smtp import SmtpServer, SmtpTransport
from agentic_sales.contracts import TouchId
from agentic_sales.errors import ConfigurationError, InvalidMessage
from agentic_sales.local.ports import LOOPBACK
from agentic_sales.outbound.http import httpx
from agentic_sales.settings import Settings
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.mailboxes import MailboxRow
from agentic_sales.store.touches import TouchRow
from tests.support.http_server import QuietHandler, served
from tests.support.ports import free_port
from tests.support.small_campaign import NOW, parsed
from tests.support.smtp_server import MailSink, drops_the_connection, hangs, smtp_server, with_login
from tests.support.tls import certificate

__all__ = ["certificate"]  # pytest finds the fixture here

KEY = TouchId("0123456789abcdef0123456789abcdef")
SHORT_S = 0.4


def message(**values: Any) -> EmailMessage:
    """Make a mail; `values` replace what stands in the touch, the person or the mailbox."""
    words = {
        "to_email": "jo@example.com",
        "subject": "Grüße",
        "text": "Hello\n.\nworld",
        "html": "",
        "message_id": f"<{KEY}@sales.example>",
        "in_reply_to": "",
        "references": "",
        "first_name": "Jo",
        "last_name": "Müller, PhD",
        "address": "ann@sales.example",
        "display_name": "Ann",
        "reply_to": "team@sales.example",
        "postal_address": "1 Main Street",
        **values,
    }

    def of(kind: Any) -> Any:
        return kind(**{name: value for name, value in words.items() if name in kind.__table__.columns})

    url = f"https://sales.example/unsubscribe/{'t' * 120}"
    return build_message(of(TouchRow), of(ContactRow), of(MailboxRow), unsubscribe_url=url, date=NOW)


async def deliver(server: SmtpServer, **options: Any) -> Handover:
    """Hand a mail to an SMTP server."""
    return await SmtpTransport(server, **options).deliver(message(), key=KEY)


async def test_a_mail_goes_over_smtp_and_arrives_as_it_was_made() -> None:
    sink = MailSink()
    with smtp_server(sink) as server:
        assert (await deliver(server)).state == "sent"
    (taken,) = sink.taken
    assert taken == to_bytes(message())
    mail = parsed(taken)
    assert (mail["Subject"], mail["Message-ID"]) == ("Grüße", f"<{KEY}@sales.example>")
    assert mail["To"].addresses[0].display_name == "Jo Müller, PhD"
    assert mail["Reply-To"].addresses[0].addr_spec == "team@sales.example"


async def test_a_long_unsubscribe_link_stands_in_its_header_as_it_is() -> None:
    line = next(line for line in to_bytes(message()).split(b"\r\n") if line.startswith(b"List-Unsubscribe:"))
    assert line == b"List-Unsubscribe: <https://sales.example/unsubscribe/" + b"t" * 120 + b">"


@pytest.mark.parametrize("values", [{"subject": "ü" * 390}, {"last_name": "é" * 300}, {"postal_address": "w" * 3000}])
def test_no_encoded_word_and_no_line_is_longer_than_the_rfcs_allow(values: dict[str, str]) -> None:
    lines = to_bytes(message(**values)).split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert max(len(line) for line in lines if b"=?utf-8?" in line) <= 76


@pytest.mark.parametrize(
    ("values", "header"),
    [
        ({"subject": "Hi\nBcc: all@example.com"}, "Subject"),
        ({"subject": "Hi\u2028Bcc: all@example.com"}, "Subject"),
        ({"subject": " "}, "Subject"),
        ({"first_name": "Jo\r\nBcc: all@example.com"}, "To"),
        ({"to_email": "jo@example.com, all@example.com"}, "To"),
        ({"to_email": "jo@example.com\r\nBcc: all@example.com"}, "To"),
        ({"in_reply_to": "<a@b>\r\nBcc: x@y.z"}, "In-Reply-To"),
        ({"first_name": "=?utf-8?q?Jo=0D=0ABcc:_x@evil.example?="}, "To"),
        ({"subject": "Hi =?utf-8?q?a=0D=0A=0D=0AAnother_body?="}, "Subject"),
        ({"subject": "Hi =?UTF-8?B?Cg==?="}, "Subject"),
        ({"display_name": "=?utf-8?q?Ann=0ABcc:_x@evil.example?="}, "From"),
        ({"subject": "next\u0085line"}, "Subject"),
        *(({"subject": f"a{chr(code)}b"}, "Subject") for code in (0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029)),
    ],
)
def test_nothing_that_a_stranger_wrote_becomes_another_header(values: dict[str, str], header: str) -> None:
    with pytest.raises(InvalidMessage, match=header):
        message(**values)


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"first_name": "=?utf-8?q?Jo=0D=0ABcc:_x@evil.example?="}, "bcc|headers"),
        ({"subject": "Hi =?utf-8?q?a=0D=0A=0D=0AAnother_body?="}, "content-type|headers"),
        ({"subject": "Hi =?utf-8?q?there?="}, "Subject"),
    ],
)
def test_a_mail_that_a_receiver_would_read_otherwise_is_refused_even_if_its_words_were_let_through(
    values: dict[str, str], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "encoded_word", lambda _: None)
    with pytest.raises(InvalidMessage, match=f"`({part})`"):
        message(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"subject": '  Two  spaces: no =?, ?= and "quotes"'},
        {"subject": "a" * 399},
        {"subject": "Grüße " * 60},
        {"subject": "日本語" * 100},
        {"first_name": 'Jo "the one"', "last_name": "O'Brien \\ (PhD), Jr."},
        {"first_name": "é" * 200, "last_name": "@home"},
        {"text": "From here\n.\n\n\ttab  and   spaces\n" + "ü" * 2_000},
        {"text": "a\u0085b\u2028c\x0cd", "html": "<p>\u0085</p>"},
        {"text": "x" * 3_000, "html": f"<p>{'y' * 3_000}</p>"},
        {"display_name": "", "reply_to": ""},
        {"in_reply_to": "<a@b.example>", "references": " ".join(f"<{n}{'a' * 60}@b.example>" for n in range(20))},
    ],
)
def test_what_people_write_passes_the_look_at_what_goes_out(values: dict[str, str]) -> None:
    assert to_bytes(message(**values))


async def test_a_server_that_hangs_up_after_the_message_leaves_an_unknown() -> None:
    sink = MailSink(on_message=drops_the_connection)
    with smtp_server(sink) as server:
        delivery = await deliver(server)
    assert (delivery.state, len(sink.taken)) == ("ambiguous", 1)


async def test_a_server_that_never_answers_to_the_message_leaves_an_unknown() -> None:
    sink = MailSink(on_message=hangs)
    with smtp_server(sink) as server:
        delivery = await deliver(server, data_timeout_s=SHORT_S)
    assert (delivery.state, len(sink.taken)) == ("ambiguous", 1)


async def test_a_server_that_greylists_is_asked_again_later() -> None:
    answers = ["450 4.7.1 greylisted", "250 OK"]
    sink = MailSink(on_recipient=lambda number: answers[number - 1])
    with smtp_server(sink) as server:
        assert (await deliver(server)).state == "deferred"
        assert sink.taken == []
        assert (await deliver(server)).state == "sent"


@pytest.mark.parametrize(
    ("answer", "is_bad_address"), [("550 5.1.1 no such user", True), ("552 5.3.4 too large", False), ("550 no", False)]
)
async def test_a_server_that_refuses_for_good_is_not_asked_again(answer: str, *, is_bad_address: bool) -> None:
    with smtp_server(MailSink(on_recipient=lambda _: answer)) as server:
        delivery = await deliver(server)
    assert (delivery.state, delivery.detail, delivery.is_bad_address) == ("failed", answer, is_bad_address)


@pytest.mark.parametrize(("answer", "state"), [("451 4.3.0 later", "deferred"), ("554 5.6.0 malformed", "failed")])
async def test_the_answer_to_the_message_is_sorted_by_its_class(answer: str, state: str) -> None:
    with smtp_server(MailSink(on_message=lambda *_: answer, takes=False)) as server:
        assert (await deliver(server)).state == state


@pytest.mark.parametrize(
    "answer", ["550 5.7.1 we do not like you", "550 5.7.515 unauthenticated", "550 5.7.26 no DKIM"]
)
async def test_a_server_that_dislikes_the_sender_says_nothing_about_the_address(answer: str) -> None:
    with smtp_server(MailSink(on_recipient=lambda _: answer)) as server:
        assert await deliver(server) == Handover("deferred", answer)


async def test_a_server_that_is_away_or_silent_has_taken_nothing() -> None:
    away = SmtpServer(LOOPBACK, free_port(), start_tls=None)
    assert (await deliver(away)).state == "deferred"
    with smtp_server(MailSink(on_recipient=lambda _: "250 OK")) as server:
        silent = SmtpTransport(replace(server, use_tls=True), answer_timeout_s=SHORT_S)
        assert (await silent.deliver(message(), key=KEY)).state == "deferred"


async def test_a_login_goes_over_starttls_alone_and_a_wrong_one_sends_nothing(certificate: tuple[Path, Path]) -> None:
    sink, theirs = MailSink(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(*certificate)
    ours = ssl.create_default_context(cafile=str(certificate[0]))
    with smtp_server(sink, **with_login(theirs)) as server:
        login = replace(server, username="ann", password="geheim", start_tls=True)
        assert (await deliver(login, tls=ours)).state == "sent"
        wrong = await deliver(replace(login, password="falsch"), tls=ours)
        assert (wrong.state, wrong.is_our_fault, "535" in wrong.detail) == ("deferred", True, True)
        stranger = await deliver(login)
        assert (stranger.state, "certificate" in stranger.detail) == ("deferred", True)
    assert len(sink.taken) == 1


async def test_a_server_that_takes_the_tls_away_gets_nothing() -> None:
    sink = MailSink()
    with smtp_server(sink) as server:
        delivery = await deliver(replace(server, start_tls=True))
    assert (delivery.state, sink.taken) == ("deferred", [])


async def test_tls_from_the_first_byte(certificate: tuple[Path, Path]) -> None:
    sink, theirs = MailSink(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(*certificate)
    ours = ssl.create_default_context(cafile=str(certificate[0]))
    with smtp_server(sink, ssl_context=theirs, server_hostname=LOOPBACK) as server:
        assert (await deliver(replace(server, use_tls=True), tls=ours)).state == "sent"


def test_a_second_delivery_into_a_maildir_is_the_same_file(tmp_path: Path) -> None:
    def put() -> None:
        assert asyncio.run(MaildirTransport(tmp_path).deliver(message(), key=KEY)).state == "sent"

    put()
    put()
    (file,) = tmp_path.glob("new/*")
    assert (list(tmp_path.glob("tmp/*")), file.read_bytes()) == ([], to_bytes(message()))
    read = file.rename(tmp_path / "cur" / f"{file.name}:2,S")
    put()
    assert (list(tmp_path.glob("new/*")), read.exists()) == ([], True)


def test_a_message_is_removed_from_wherever_in_the_maildir_it_lies(tmp_path: Path) -> None:
    transport, other = MaildirTransport(tmp_path), TouchId("another")
    assert asyncio.run(transport.remove([KEY])) == 0
    for key in (KEY, other):
        asyncio.run(transport.deliver(message(), key=key))
    (new,) = tmp_path.glob(f"new/{KEY}*")
    (tmp_path / "cur" / f"{new.name}:2,RS").write_bytes(new.read_bytes())
    (tmp_path / "tmp" / f"{new.name}.4711").write_bytes(b"begun by a process that was killed")
    assert asyncio.run(transport.remove([KEY])) == 3
    assert [path.name.partition(".")[0] for path in tmp_path.glob("*/*")] == [other]


async def test_a_maildir_that_cannot_be_written_has_taken_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert (await MaildirTransport(tmp_path / "file").deliver(message(), key=KEY)).state == "deferred"


@dataclass
class ResendServer:
    """A local server that answers as Resend's API does, by a script."""

    script: list[Callable[[BaseHTTPRequestHandler], None]]
    requests: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)


def answers(status: int, body: dict[str, Any], **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer with a status and JSON."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(json.dumps(body).encode())

    return answer


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """End the connection without an answer."""
    handler.close_connection = True


@contextmanager
def resend(*script: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[ResendServer, str]]:
    """Run the server; yield it and its URL."""
    server = ResendServer(list(script))

    class Handler(QuietHandler, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            server.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            server.script.pop(0)(self)

    with served(Handler) as url:
        yield server, url


async def send_by_resend(url: str) -> Handover:
    """Hand a mail to Resend."""
    async with httpx.AsyncClient(base_url=url, timeout=2) as client:
        return await ResendTransport(client, SecretStr("re_test")).deliver(message(), key=KEY)


TAKEN = answers(200, {"id": "re_1"})
BROKEN = answers(500, {"message": "internal error"})


async def test_a_mail_goes_to_resend_under_our_key() -> None:
    with resend(TAKEN) as (server, url):
        assert await send_by_resend(url) == Handover("sent", provider_id="re_1")
    ((headers, body),) = server.requests
    assert (headers["idempotency-key"], headers["authorization"]) == (KEY, "Bearer re_test")
    assert (body["to"], body["tags"]) == (['"Jo Müller, PhD" <jo@example.com>'], [{"name": "touch", "value": KEY}])
    assert body["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert body["headers"]["Message-ID"] == body["headers"]["References"] == f"<{KEY}@sales.example>"
    assert "Hello" in body["text"]


@pytest.mark.parametrize("doubt", [hangs_up, BROKEN])
async def test_a_try_that_ends_in_doubt_is_repeated_under_the_same_key(doubt: Any) -> None:
    with resend(doubt, TAKEN) as (server, url):
        assert (await send_by_resend(url)).state == "sent"
    assert [headers["idempotency-key"] for headers, _ in server.requests] == [KEY, KEY]
    assert server.requests[0][1] == server.requests[1][1]


@pytest.mark.parametrize(
    "script",
    [
        [hangs_up] * TRIES,
        [BROKEN] * TRIES,
        [BROKEN, answers(422, {"message": "wrong"})],
        [answers(409, {"message": "in progress"})],
    ],
)
async def test_what_stays_in_doubt_is_told_as_unknown(script: Any) -> None:
    with resend(*script) as (_, url):
        assert (await send_by_resend(url)).state == "ambiguous"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (answers(422, {"message": "bad to"}), Handover("failed", "422 bad to")),
        (
            answers(403, {"message": "domain not verified"}),
            Handover("deferred", "403 domain not verified", is_our_fault=True),
        ),
        (
            answers(429, {"message": "slow"}, retry_after="7"),
            Handover("deferred", "429 slow", retry_after_s=7.0, is_our_fault=True),
        ),
    ],
)
async def test_a_certain_answer_of_resend_is_told_as_certain(answer: Any, expected: Handover) -> None:
    with resend(answer) as (_, url):
        assert await send_by_resend(url) == expected


async def test_a_resend_that_is_away_has_taken_nothing() -> None:
    assert (await send_by_resend(f"http://{LOOPBACK}:{free_port()}")).state == "deferred"


async def test_nothing_leaves_the_machine_until_someone_configures_it(tmp_path: Path) -> None:
    configuration = Settings(state_dir=tmp_path)
    async with open_transport(configuration) as transport:
        assert transport.name == "maildir"
    assert open_links(configuration).secret == open_links(configuration).secret
    assert (tmp_path / "unsubscribe.secret").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("mail", "server"),
    [
        ("smtp://ann%40sales.example@mail.example", ("mail.example", 587, False, True)),
        ("smtps://ann@mail.example", ("mail.example", 465, True, True)),
        ("smtp://127.0.0.1:2525", (LOOPBACK, 2525, False, None)),
    ],
)
def test_an_smtp_url_says_how_safe_the_line_is(mail: str, server: tuple[str, int, bool, bool | None]) -> None:
    found = server_of(Settings.model_validate({"mail": mail, "mail_password": "geheim"}))
    assert (found.host, found.port, found.use_tls, found.start_tls) == server


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"mail": "pigeon"}, "maildir"),
        ({"mail": "smtp://ann:geheim@mail.example"}, "maildir"),
        ({"mail": "smtp://ann@mail.example"}, "AGENTIC_SALES_MAIL_PASSWORD"),
        ({"mail": "resend"}, "RESEND_API_KEY"),
    ],
)
async def test_a_way_that_cannot_be_taken_is_refused_at_the_start(values: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        async with open_transport(Settings.model_validate(values)):
            pass


@pytest.mark.parametrize("mail", ["resend", "smtp://mail.example", "smtps://ann@mail.example"])
async def test_no_mail_leaves_the_machine_while_the_days_are_not_real(mail: str, tmp_path: Path) -> None:
    configuration = Settings(mail=mail, mail_password=SecretStr("p"), virtual_clock=tmp_path / "clock")
    with pytest.raises(ConfigurationError, match="AGENTIC_SALES_VIRTUAL_CLOCK"):
        async with open_transport(configuration):
            pass


@pytest.mark.parametrize("mail", ["maildir", f"smtp://{LOOPBACK}:2525"])
async def test_mail_that_stays_here_may_be_sent_while_the_days_are_not_real(mail: str, tmp_path: Path) -> None:
    async with open_transport(Settings(mail=mail, virtual_clock=tmp_path / "clock")) as transport:
        assert transport.name in {"maildir", "smtp"}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "AGENTIC_SALES_UNSUBSCRIBE_SECRET"),
        ({"unsubscribe_secret": "s"}, "AGENTIC_SALES_PUBLIC_URL"),
        ({"unsubscribe_secret": "s", "public_url": "http://sales.example"}, "AGENTIC_SALES_PUBLIC_URL"),
    ],
)
def test_mail_that_leaves_the_machine_needs_a_way_to_unsubscribe(values: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        open_links(Settings.model_validate({"mail": "resend", **values}))
