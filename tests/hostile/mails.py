"""Make mails that no honest program writes: worst cases of a size, and real mails that were broken at random."""

from collections.abc import Callable, Iterator, Mapping
from random import Random

from tests.support import mails as real

REAL = tuple(
    value.encode() for name, value in vars(real).items() if name.isupper() and isinstance(value, str) and "\n" in value
)
"""Mails as programs really write them."""
PIECES = (
    *(b"=?utf-8?q?=0D=0ABcc:_x@evil.example?=", b"=?\xff?q?a?=", b"=?utf-8?b?////?=", b"=?idna?q?a?=", b"=??q??="),
    *(
        b"\x00",
        b"\r",
        b"\n",
        b"\r\n\r\n",
        b"\x85",
        b"\xe2\x80\xa8",
        b"\xed\xa0\xbd",
        b"\xff\xfe",
        b" ",
        b"\t",
        b"; a=b",
    ),
    *(b"Content-Type: multipart/mixed; boundary=x\n\n--x\n", b"Content-Type: message/rfc822\n\n", b"--x--", b"--x\n"),
    *(b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: uuencode\n", b"charset*0*=utf-8''%ff"),
    *(b"Content-Type: message/delivery-status\n\n", b"Action: failed\nStatus: 5.1.1\n", b"<a@a@a@a", b"(((((", b'"'),
    *(b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n", b"<p><a /unsubscribe/", b"http:http:"),
    *(b"This is the qmail-send program", b"From: <>", b"Message-ID: <a@b>", b"References: <a> <b", b"9" * 5_000),
)
"""What is put into them."""


def broken_mails(number: int, *, seed: int = 0) -> Iterator[bytes]:
    """Yield real mails with pieces cut out, doubled, swapped and put in; equal seeds yield equal mails."""
    random = Random(seed)  # noqa: S311 - these are no secrets
    for _ in range(number):
        mail = random.choice(REAL)
        for _ in range(random.randint(1, 6)):
            mail = random.choice(_CHANGES)(mail, random)
        yield mail


def _cut_out(mail: bytes, random: Random) -> bytes:
    start = random.randint(0, len(mail))
    return mail[:start] + mail[start + random.randint(0, 200) :]


def _doubled(mail: bytes, random: Random) -> bytes:
    start = random.randint(0, len(mail))
    return mail[:start] + mail[start : start + 300] * random.choice((2, 50)) + mail[start + 300 :]


def _put_in(mail: bytes, random: Random) -> bytes:
    start = random.randint(0, len(mail))
    return mail[:start] + random.choice(PIECES) * random.choice((1, 1, 1, 40, 400)) + mail[start:]


def _turned(mail: bytes, random: Random) -> bytes:
    changed = bytearray(mail)
    for _ in range(random.randint(1, 20)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _enclosed(mail: bytes, random: Random) -> bytes:
    kind = random.choice((b"message/rfc822", b"message/delivery-status", b"text/html", b"message/feedback-report"))
    return (
        b"From: jo@x.example\nContent-Type: multipart/report; boundary=q\n\n--q\nContent-Type: " + kind + b"\n\n" + mail
    )


_CHANGES = (_cut_out, _doubled, _put_in, _put_in, _turned, _enclosed)


def _repeated(unit: bytes, *, before: bytes = b"From: jo@x.example\nSubject: Re: Hi\n\n") -> Callable[[int], bytes]:
    def made(size: int) -> bytes:
        return (before + unit * (size // len(unit) + 1))[:size]

    return made


def _nested(kind: bytes) -> Callable[[int], bytes]:
    def made(size: int) -> bytes:
        heads = b"".join(b"Content-Type: %s; boundary=b%d\n\n--b%d\n" % (kind, deep, deep) for deep in range(400))
        return (heads + b"\n" * size)[:size]

    return made


_QMAIL = b"From: MAILER-DAEMON@x.example\nSubject: failure notice\n\nThis is the qmail-send program\n"
_HTML = b"From: jo@x.example\nContent-Type: text/html\n\n"
WORST: Mapping[str, Callable[[int], bytes]] = {
    "addresses in a report": _repeated(b"<a@a@a@", before=_QMAIL),
    "addresses with domains": _repeated(b"a@b.c.d.e.f.g.", before=_QMAIL),
    "schemes": _repeated(b"http:"),
    "footers": _repeated(b"http:/unsubscribe/"),
    "links of a footer": _repeated(b"<a /unsubscribe/", before=_HTML),
    "open tags": _repeated(b"<p><div><a href=x>", before=_HTML),
    "blanks": _repeated(b" "),
    "line breaks": _repeated(b"\n"),
    "carriage returns": _repeated(b"\r"),
    "quotes": _repeated(b"> > >\n"),
    "attributions": _repeated(b"On Monday, Ann wrote:\n"),
    "parameters": _repeated(b"; a=b", before=b"Content-Type: text/plain"),
    "quoted parameters": _repeated(b'; a="', before=b"Content-Type: text/plain"),
    "continued parameters": _repeated(b";a*0*=x", before=b"Content-Type: text/plain"),
    "folded lines": _repeated(b"\n a", before=b"Subject: x"),
    "headers": _repeated(b"X-A: b\n", before=b""),
    "encoded words": _repeated(b"=?utf-8?q?a?= ", before=b"Subject: "),
    "broken encoded words": _repeated(b"=?a?q?x", before=b"Subject: "),
    "comments": _repeated(b"(", before=b"From: "),
    "references": _repeated(b"<a@b> ", before=b"References: "),
    "deep parts": _nested(b"multipart/mixed"),
    "deep mails": _repeated(b"Content-Type: message/rfc822\n\n", before=b""),
    "many parts": _repeated(b"--x\n\nhello\n", before=b"Content-Type: multipart/mixed; boundary=x\n\n"),
    "empty reports": _repeated(
        b"\n", before=b"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n"
    ),
    "report blocks": _repeated(
        b"Action: failed\n\n",
        before=b"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n",
    ),
    "base64": _repeated(b"AAAA\n", before=b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"),
}
"""Worst mails by name, each made to a size."""
