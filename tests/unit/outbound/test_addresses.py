"""What the fetcher may connect to."""

import socket
from collections.abc import Sequence

import pytest

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.outbound.addresses import AddressGuard, Resolve, is_public
from agentic_sales.outbound.http import httpx

PRIVATE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2002:c0a8:101::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_off_the_public_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_on_the_public_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "data:text/html,x",
        "example.com",
        "//example.com/",
        "",
        "http://",
        "http:///path",
        "http://[::1",
        "http://exa mple.com/",
        "http://example.com/\n",
        "http://example.com:0/",
        "http://example.com:22/",
        "http://example.com:8080/",
        "https://example.com:6379/",
        "http://example.com:99999999/",
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://example.com@127.0.0.1/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://api.localhost/",
        "http://redis/",
        "http://printer.local/",
        "http://metadata.google.internal/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://127.0.0.1.:80/x/../.." + "x" * 2048,
        "http://%31%32%37.0.0.1/",
        "http://127.0.0.1%2f@example.com/",
        "http://example..com/",
        "http://example.com\\@127.0.0.1/",
    ],
)
def test_a_url_that_no_public_page_has_is_refused(url: str) -> None:
    with pytest.raises(FetchRefused):
        AddressGuard(()).target(url)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://example.com", "example.com", 80),
        ("HTTPS://Example.COM./Path?q=1#part", "example.com", 443),
        ("https://bücher.example.com/", "xn--bcher-kva.example.com", 443),
        ("http://example.com:443/", "example.com", 443),
        ("http://93.184.216.34/", "93.184.216.34", 80),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443),
    ],
)
def test_a_url_of_a_public_page_names_its_host_and_port(url: str, host: str, port: int) -> None:
    target = AddressGuard(()).target(url)
    assert (target.host, target.port, target.is_exempt) == (host, port, False)
    assert not target.url.fragment


def test_a_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(FetchRefused) as refused:
        AddressGuard(()).target("http://user:secret@example.com/")
    assert "secret" not in str(refused.value)
    assert "example.com" in str(refused.value)


def test_a_relative_url_is_read_against_its_base() -> None:
    target = AddressGuard(()).target("../b", base=httpx.URL("https://example.com/x/y"))
    assert str(target.url) == "https://example.com/b"


@pytest.mark.parametrize("allowed", ["127.0.0.1", "127.0.0.1:8000"])
def test_an_allowed_host_is_exempt_with_its_port(allowed: str) -> None:
    assert AddressGuard([allowed]).target("http://127.0.0.1:8000/").is_exempt


@pytest.mark.parametrize("url", ["http://127.0.0.1:8001/", "http://127.0.0.2:8000/", "http://sub.127.0.0.1:8000/"])
def test_an_allowed_host_with_port_exempts_nothing_else(url: str) -> None:
    with pytest.raises(FetchRefused):
        AddressGuard(["127.0.0.1:8000"]).target(url)


def test_an_allowed_ipv6_host_is_exempt() -> None:
    target = AddressGuard(["[::1]:8000"]).target("http://[::1]:8000/")
    assert (target.host, target.is_exempt, target.origin) == ("::1", True, "http://[::1]:8000")


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    guard = AddressGuard((), resolve=answering("93.184.216.34", "2606:4700::1111", "10.0.0.7"))
    with pytest.raises(FetchRefused, match="not on the public internet") as refused:
        await guard.addresses(guard.target("http://example.com/"))
    assert "10.0.0.7" not in str(refused.value)


async def test_all_addresses_of_a_public_host_are_returned_in_order() -> None:
    guard = AddressGuard((), resolve=answering("93.184.216.34", "2606:4700::1111"))
    assert await guard.addresses(guard.target("http://example.com/")) == ("93.184.216.34", "2606:4700::1111")


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://169.254.169.254/latest/", "http://[::ffff:127.0.0.1]/"])
async def test_a_private_address_is_refused_without_asking_the_resolver(url: str) -> None:
    guard = AddressGuard((), resolve=answering())
    with pytest.raises(FetchRefused, match="not on the public internet"):
        await guard.addresses(guard.target(url))


async def test_an_exempt_host_may_be_private() -> None:
    guard = AddressGuard(["inner.example.com"], resolve=answering("10.0.0.7"))
    assert await guard.addresses(guard.target("http://inner.example.com:9000/")) == ("10.0.0.7",)


async def test_a_host_without_addresses_is_refused() -> None:
    guard = AddressGuard((), resolve=answering())
    with pytest.raises(FetchRefused, match="has no address"):
        await guard.addresses(guard.target("http://example.com/"))


async def test_a_name_that_does_not_exist_is_refused() -> None:
    guard = AddressGuard((), resolve=failing(socket.EAI_NONAME))
    with pytest.raises(FetchRefused, match="does not exist"):
        await guard.addresses(guard.target("http://nowhere.example.com/"))


async def test_a_resolver_that_fails_for_now_makes_the_host_unavailable() -> None:
    guard = AddressGuard((), resolve=failing(socket.EAI_AGAIN))
    with pytest.raises(ProviderUnavailable, match="cannot be resolved now"):
        await guard.addresses(guard.target("http://example.com/"))


def answering(*addresses: str) -> Resolve:
    """Return a resolver that always gives these addresses."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


def failing(errno: int) -> Resolve:
    """Return a resolver that fails with this error number."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(errno, "told by the test")

    return resolve
