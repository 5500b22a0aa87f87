"""Find, check and name addresses of this machine before a server is started on them."""

import socket
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address

from agentic_sales.errors import ConfigurationError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a free TCP port of loopback."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def refuse_busy_ports(wanted: Mapping[str, tuple[str, int]]) -> None:
    """Make sure that every address can be bound.

    Args:
        wanted: Maps the use of an address, and the way to choose another, to (host, port).

    Raises:
        ConfigurationError: An address is taken or is not this machine's. The message names all of them.
    """
    problems = [
        f"{host}:{port} for {purpose} cannot be used: {reason}"
        for purpose, (host, port) in wanted.items()
        if (reason := _why_not(host, port))
    ]
    if problems:
        raise ConfigurationError("; ".join(problems))


def reachable_host(host: str) -> str:
    """Return the host for the URL of a server bound to `host`, which may be the address that means all."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return LOOPBACK
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


def _why_not(host: str, port: int) -> str:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the servers do: a port that is only waiting out its last connection is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as exc:
        return exc.strerror or str(exc)
    return ""
