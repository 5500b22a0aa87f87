"""DKIM keys, signatures and DMARC policies, as their texts say."""

import base64
from email import message_from_string

import pytest

from agentic_sales.rules.dkim_keys import DkimKey, read_key, signatures_of
from agentic_sales.rules.dmarc_policies import DmarcPolicy, is_dmarc, read_dmarc

EXPONENT = b"\x02\x03\x01\x00\x01"


def rsa_key(bits: int, *, bare: bool = False) -> str:
    """Return the base64 of a public key whose modulus has so many bits."""
    modulus = ((1 << (bits - 1)) | 1).to_bytes(bits // 8 + 1, "big")
    inside = _der(0x30, _der(0x02, modulus) + EXPONENT)
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    return base64.b64encode(inside if bare else _der(0x30, algorithm + _der(0x03, b"\0" + inside))).decode()


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    size = (length.bit_length() + 7) // 8
    return (
        bytes([tag])
        + (bytes([length]) if length < 128 else bytes([0x80 | size]) + length.to_bytes(size, "big"))
        + content
    )


@pytest.mark.parametrize("bits", [512, 1024, 2048, 4096])
@pytest.mark.parametrize("bare", [False, True])
def test_the_length_of_an_rsa_key_is_that_of_its_modulus(bits: int, *, bare: bool) -> None:
    assert read_key(f"v=DKIM1; k=rsa; p={rsa_key(bits, bare=bare)}") == DkimKey("rsa", bits)


def test_a_key_of_another_kind_revoked_or_under_test_is_told() -> None:
    ed25519 = base64.b64encode(bytes(32)).decode()
    assert read_key(f"v=DKIM1; k=ed25519; p={ed25519}") == DkimKey("ed25519", 256)
    assert read_key("v=DKIM1; p=").is_revoked
    assert read_key(f"t=y:s; p={rsa_key(2048)}").is_test
    assert not read_key(f"t=s; p={rsa_key(2048)}").is_test
    assert read_key(f"p= {rsa_key(2048)[:60]} {rsa_key(2048)[60:]} ;").bits == 2048


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("v=DKIM1; k=rsa", "no key"),
        ("k=rsa; v=DKIM1; p=AAAA", "version"),
        ("v=DKIM2; p=AAAA", "version"),
        ("p=AAA*", "not base64"),
        (f"p={rsa_key(2048)[:-40]}", "a part of it is missing"),
        ("p=AAAA", "no RSA key"),
        ("k=ed25519; p=AAAA", "has 3 of 32 bytes"),
        ("k=dsa; p=AAAA", "no receiver knows"),
        ("s=tlsrpt; p=AAAA", "not for mail"),
        ("p=AAAA; p=BBBB", "stands in it twice"),
        ("hello world", "is no tag and value"),
    ],
)
def test_a_record_that_no_receiver_can_use_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_key(text)


def test_a_signature_covers_one_click_only_if_both_headers_are_signed() -> None:
    def mail(headers: str) -> str:
        return f"DKIM-Signature: v=1; a=rsa-sha256; d=Acme.example; s=k1;\n h={headers};\n b=AA==\n\nHi"

    [both] = signatures_of(message_from_string(mail("From:To:\n List-Unsubscribe : list-unsubscribe-post")))
    [one] = signatures_of(message_from_string(mail("From:To:List-Unsubscribe")))
    assert (both.domain, both.selector, both.covers_one_click, one.covers_one_click) == (
        "acme.example",
        "k1",
        True,
        False,
    )
    assert signatures_of(message_from_string("DKIM-Signature: nonsense\n\nHi")) == []


def test_a_policy_is_read_with_its_subdomains_alignment_share_and_reports() -> None:
    text = "v=DMARC1; p=Reject; sp=none; adkim=s; aspf=r; pct=25; rua=mailto:a@acme.example!10m, mailto:b@x.example"
    expected = DmarcPolicy("reject", "none", 25, True, False, ("a@acme.example", "b@x.example"))
    assert read_dmarc(text) == expected
    assert read_dmarc("v=DMARC1;p=none") == DmarcPolicy("none", "none")
    assert read_dmarc("v=DMARC1; rua=mailto:a@acme.example").policy == "none"
    assert [is_dmarc(text) for text in ("v=DMARC1", "v = DMARC1 ; p=none", "v=dmarc1; p=none")] == [True, True, False]


@pytest.mark.parametrize("text", ["v=DMARC1", "v=DMARC1; p=nothing", "v=DMARC1; p=none; p=reject", "v=DMARC1; none"])
def test_a_policy_that_receivers_do_not_go_by_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"policy|twice|tag"):
        read_dmarc(text)
