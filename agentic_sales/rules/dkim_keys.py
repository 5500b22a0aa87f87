"""Read a DKIM key record and the DKIM signatures of a mail (RFC 6376, RFC 8463). Nothing is verified or asked.

The length of an RSA key is read from its DER form, so that no library of cryptography is needed for it.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Literal

SHORTEST_RSA_BITS = 1024
"""A receiver takes no shorter key (RFC 8301)."""
USUAL_RSA_BITS = 2048
"""What RFC 8301 asks signers for."""
ONE_CLICK = ("list-unsubscribe", "list-unsubscribe-post")
"""Headers that a signature must cover (RFC 8058, 4)."""
_ED25519_BYTES = 32
_NO_RSA_KEY = "its key is no RSA key: a part of it is missing, or it is of another kind"
_BIT_STRING, _SEQUENCE, _INTEGER = 0x03, 0x30, 0x02


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A key that a domain publishes."""

    kind: Literal["rsa", "ed25519"]
    bits: int
    is_revoked: bool = False
    """The record is there, with an empty key."""
    is_test: bool = False
    """It says that it is a test, so receivers may treat its mail as unsigned."""


@dataclass(frozen=True, slots=True)
class DkimSignature:
    """The tags of a signature."""

    domain: str
    selector: str
    headers: tuple[str, ...]
    """Names of the signed headers in lower case."""

    @property
    def covers_one_click(self) -> bool:
        """Tell whether both headers of one-click unsubscription are signed."""
        return set(ONE_CLICK) <= set(self.headers)


def tags_of(text: str) -> dict[str, str]:
    """Return the tags of a DKIM or DMARC text by their names in lower case, in their order.

    Raises:
        ValueError: A part is no `name=value`, or a name stands twice.
    """
    tags: dict[str, str] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        name, is_tag, value = part.partition("=")
        name = name.strip().lower()
        if not is_tag or not re.fullmatch(r"[a-z]\w*", name):
            raise ValueError(f"`{part.strip()[:60]}` is no tag and value")
        if name in tags:
            raise ValueError(f"the tag `{name}` stands in it twice")
        tags[name] = value.strip()
    return tags


def read_key(text: str) -> DkimKey:
    """Read a key record.

    Raises:
        ValueError: It is no key that a receiver could use for mail.
    """
    tags = tags_of(text)
    if "v" in tags and (tags["v"] != "DKIM1" or next(iter(tags)) != "v"):
        raise ValueError("its version is not `v=DKIM1` at its begin")
    if "p" not in tags:
        raise ValueError("it has no key (`p=`)")
    if not {"*", "email"} & {service.strip() for service in tags.get("s", "*").split(":")}:
        raise ValueError(f"it is not for mail (`s={tags['s']}`)")
    kind = tags.get("k", "rsa").lower()
    if kind not in {"rsa", "ed25519"}:
        raise ValueError(f"its kind of key is `{kind}`, which no receiver knows")
    is_test = "y" in {flag.strip() for flag in tags.get("t", "").split(":")}
    encoded = "".join(tags["p"].split())
    named: Literal["rsa", "ed25519"] = "ed25519" if kind == "ed25519" else "rsa"
    if not encoded:
        return DkimKey(named, 0, is_revoked=True, is_test=is_test)
    try:
        raw = b64decode(encoded, validate=True)
    except (NotBase64, ValueError) as exc:
        raise ValueError("its key is not base64: a part of it is missing, or a character was changed") from exc
    if named == "rsa":
        return DkimKey(named, _rsa_bits(raw), is_test=is_test)
    if len(raw) != _ED25519_BYTES:
        raise ValueError(f"its Ed25519 key has {len(raw)} of {_ED25519_BYTES} bytes")
    return DkimKey(named, 8 * len(raw), is_test=is_test)


def _rsa_bits(raw: bytes) -> int:
    """Return the bits of the modulus of an RSA key, as SubjectPublicKeyInfo or as RSAPublicKey."""
    try:
        kind, inside = next(_parts(raw))
        parts = list(_parts(inside))
        if kind == _SEQUENCE and parts[0][0] == _SEQUENCE and parts[1][0] == _BIT_STRING:
            inside = next(_parts(parts[1][1][1:]))[1]
            parts = list(_parts(inside))
    except (IndexError, StopIteration, ValueError) as exc:
        raise ValueError(_NO_RSA_KEY) from exc
    if [kind for kind, _ in parts] != [_INTEGER, _INTEGER]:
        raise ValueError(_NO_RSA_KEY)
    return int.from_bytes(parts[0][1]).bit_length()


def _parts(raw: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(raw):
        kind, length = raw[at], raw[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(raw[at : at + count]), at + count
        if at + length > len(raw):
            raise ValueError("it ends too early")
        yield kind, raw[at : at + length]
        at += length


def signatures_of(mail: Message) -> list[DkimSignature]:
    """Return the signatures of a received mail. One that cannot be read is left out."""
    found = []
    for value in mail.get_all("DKIM-Signature", []):
        try:
            tags = tags_of("".join(str(value).splitlines()))
            names = tuple(name.strip().lower() for name in tags["h"].split(":"))
            found.append(DkimSignature(tags["d"].lower(), tags["s"], names))
        except (KeyError, ValueError):
            continue
    return found
