"""Tell whether an address can be reached from this machine alone."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Say whether a server on this address is open to this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
