"""Decide which addresses the fetcher may connect to, as a guard against server-side request forgery.

A URL becomes a `Target`, checked as text. A `Target` becomes addresses, all checked after one resolution. A connection
must use exactly these addresses. A second resolution could answer differently. This module never connects.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.outbound.http import httpx

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Resolves a host name and a port to addresses. Raises `socket.gaierror` without any."""

_MAX_URL_CHARS = 2_048
_PUBLIC_PORTS = frozenset({80, 443})
_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})+")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_INNER_NAMES = (".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".onion", ".test")
_EXAMPLE = ".example"
_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})

# IANA's special-purpose registries, written out. `ipaddress` calls different addresses global in the patch releases of
# Python 3.11 to 3.13. Multicast and the host address of Azure's metadata service are added.
_NOT_PUBLIC_V4 = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_UNICAST_V6 = ip_network("2000::/3")
_NOT_PUBLIC_V6 = tuple(ip_network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64 = ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Target:
    """An address that may be requested by its text."""

    url: httpx.URL
    """The requested URL without user information and fragment."""
    host: str
    """Host name in ASCII (IDNA) or IP address without brackets, in lower case and without a trailing dot."""
    port: int
    """TCP port."""
    is_exempt: bool
    """True if the deployment allows this host and port even on a private network."""
    via: httpx.URL | None = None
    """Server that stands for this host. None: the host itself is asked."""

    @property
    def origin(self) -> str:
        """Scheme, host and port. One robots.txt is valid for them."""
        return f"{self.url.scheme}://{_bracketed(self.host)}:{self.port}"


async def resolve_by_system(host: str, port: int) -> tuple[str, ...]:
    """Ask the system's resolver. The best address comes first."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


class AddressGuard:
    """Turns URLs into targets and targets into addresses, or refuses them."""

    def __init__(
        self,
        allowed_private_hosts: Collection[str],
        resolve: Resolve = resolve_by_system,
        *,
        example_sites_url: str | None = None,
    ) -> None:
        """Take what the deployment allows.

        Args:
            allowed_private_hosts: `host` or `host:port` that may be on a private network.
            resolve: Resolves host names.
            example_sites_url: Server that stands for every host under `.example`. No real site can have such a name
                (RFC 2606).
        """
        self._allowed = frozenset(host.lower() for host in allowed_private_hosts)
        self._resolve = resolve
        self._example_sites = httpx.URL(example_sites_url) if example_sites_url else None

    def target(self, url: str, *, base: httpx.URL | None = None) -> Target:
        """Check a URL as text. `base` makes a relative one absolute.

        Raises:
            FetchRefused: The URL cannot be read, or no public web page would have it.
        """
        if len(url) > _MAX_URL_CHARS:
            raise FetchRefused(f"{url[:80]}…", f"its {len(url)} characters are more than {_MAX_URL_CHARS}")
        try:
            parsed = httpx.URL(url) if base is None else base.join(url)
        except (httpx.InvalidURL, ValueError) as exc:
            raise FetchRefused(url, f"it is not a URL: {exc}") from exc
        if parsed.scheme not in {"http", "https"}:
            raise FetchRefused(url, f"only http and https are read, not `{parsed.scheme or 'no scheme'}`")
        if parsed.userinfo:
            raise FetchRefused(_without_secrets(parsed), "it carries a user name or password")
        return self._target(parsed.copy_with(fragment=None))

    def _target(self, url: httpx.URL) -> Target:
        host = url.raw_host.decode("ascii").removesuffix(".")
        port = {"http": 80, "https": 443}[url.scheme] if url.port is None else url.port
        if self._example_sites is not None and host.endswith(_EXAMPLE):
            named = url.copy_with(host=host, raw_path=url.raw_path)
            return Target(named, host, port, is_exempt=True, via=self._example_sites)
        is_exempt = not self._allowed.isdisjoint({host, _bracketed(host), f"{_bracketed(host)}:{port}"})
        reason = None if is_exempt else _name_problem(host) or _port_problem(port)
        if reason:
            raise FetchRefused(str(url), reason)
        return Target(url.copy_with(host=host, raw_path=url.raw_path), host, port, is_exempt)

    async def addresses(self, target: Target) -> tuple[str, ...]:
        """Resolve a target once and return every address, all of them allowed.

        The message hides the refused address. A caller could otherwise explore the inner network with it.

        Raises:
            FetchRefused: The name does not exist, or one of its addresses is not public.
            ProviderUnavailable: The name cannot be resolved at the moment.
        """
        found = await self._resolved(target)
        if not target.is_exempt and not all(is_public(address) for address in found):
            raise FetchRefused(str(target.url), f"the host `{target.host}` is not on the public internet")
        return found

    async def _resolved(self, target: Target) -> tuple[str, ...]:
        host, port = (target.via.host, target.via.port or target.port) if target.via else (target.host, target.port)
        if _is_address(host):
            return (host,)
        try:
            found = tuple(await self._resolve(host, port))
        except socket.gaierror as exc:
            if exc.errno in _NO_SUCH_NAME:
                raise FetchRefused(str(target.url), f"the host name `{target.host}` does not exist") from exc
            raise ProviderUnavailable(target.host, f"its name cannot be resolved now: {exc}") from exc
        if not found:
            raise FetchRefused(str(target.url), f"the host name `{target.host}` has no address")
        return found


def is_public(address: str) -> bool:
    """Tell whether an IP address and every embedded IPv4 address are on the public internet."""
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC_V4)
    embedded = _embedded(ip)
    if embedded is not None:
        return is_public(str(embedded))
    return ip in _GLOBAL_UNICAST_V6 and not any(ip in network for network in _NOT_PUBLIC_V6)


def is_loopback(host: str) -> bool:
    """Tell whether a host leads only to this machine. No other machine reaches a service there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address inside a mapped, 6to4 or NAT64 address."""
    return ip.ipv4_mapped or ip.sixtofour or (IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in _NAT64 else None)


def _name_problem(host: str) -> str | None:
    if _is_address(host):
        return None  # A name is checked after its resolution to addresses.
    if _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        return f"`{host}` spells an IP address in an unusual way"
    if not _HOST_NAME.fullmatch(host) or f".{host}".endswith(_INNER_NAMES):
        return f"`{host}` is not the name of a public host"
    return None


def _port_problem(port: int) -> str | None:
    return None if port in _PUBLIC_PORTS else f"port {port} is neither 80 nor 443"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _without_secrets(url: httpx.URL) -> str:
    return str(url.copy_with(userinfo=b""))
