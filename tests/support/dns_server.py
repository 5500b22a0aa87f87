"""Answer as a DNS server on loopback, over UDP and TCP, from records that a test states."""

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from dns.flags import AA, RA, TC
from dns.message import Message, from_wire, make_response
from dns.name import Name, from_text
from dns.rcode import NXDOMAIN, REFUSED, SERVFAIL
from dns.rdatatype import CNAME, to_text
from dns.rrset import from_text as rrset_of

from agentic_sales.local.ports import LOOPBACK
from tests.support.http_server import POLL_S

Trouble = Literal["silence", "servfail", "refused", "nonsense"]
LARGEST_UDP_BYTES = 512
_TTL_S = 60


@dataclass
class Zone:
    """What the server knows, and what it was asked."""

    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """By name and type, in the form of zone files. A TXT record is one or more quoted strings."""
    troubles: dict[str, Trouble] = field(default_factory=dict)
    """By name, or by name and type: `acme.example TXT`."""
    asked: list[str] = field(default_factory=list)
    """`name type over udp`, in order."""
    address: str = ""
    """`127.0.0.1:port`."""

    def txt(self, name: str, *records: str) -> None:
        """State TXT records, each of which is cut into strings of 200 characters as people do it."""
        pieces = ([text[at : at + 200] for at in range(0, max(len(text), 1), 200)] for text in records)
        self.records[name, "TXT"] = [" ".join(f'"{piece}"' for piece in some) for some in pieces]

    def answer(self, wire: bytes, over: str) -> bytes | None:
        """Answer one question. None is silence."""
        query = from_wire(wire)
        name, kind = query.question[0].name, to_text(query.question[0].rdtype)
        text = name.to_text(omit_final_dot=True).lower()
        self.asked.append(f"{text} {kind} over {over}")
        trouble = self.troubles.get(text) or self.troubles.get(f"{text} {kind}")
        if trouble == "silence":
            return None
        response = make_response(query)
        response.flags |= AA | RA
        if trouble == "nonsense":
            return b"\x00" * 7
        if trouble is not None:
            response.set_rcode(SERVFAIL if trouble == "servfail" else REFUSED)
            return response.to_wire()
        self._fill(response, name, kind)
        raw = response.to_wire()
        if over == "udp" and len(raw) > LARGEST_UDP_BYTES:
            response.answer.clear()
            response.flags |= TC
            raw = response.to_wire()
        return raw

    def _fill(self, response: Message, name: Name, kind: str) -> None:
        while alias := self.records.get((_plain(name), "CNAME")):
            response.answer.append(rrset_of(name, _TTL_S, "IN", CNAME, *alias))
            name = from_text(alias[0])
        if values := self.records.get((_plain(name), kind)):
            response.answer.append(rrset_of(name, _TTL_S, "IN", kind, *values))
        elif not any(f".{known}".endswith(f".{_plain(name)}") for known, _ in self.records):
            response.set_rcode(NXDOMAIN)


def _plain(name: Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


@contextmanager
def dns_server() -> Iterator[Zone]:
    """Serve an empty zone on one free port of UDP and TCP for as long as the context lasts."""
    zone = Zone()

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, sender = self.request
            if (answer := zone.answer(wire, "udp")) is not None:
                sender.sendto(answer, self.client_address)

    class Stream(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            if (answer := zone.answer(self.rfile.read(length), "tcp")) is not None:
                self.wfile.write(struct.pack("!H", len(answer)) + answer)

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with (
        socketserver.ThreadingTCPServer((LOOPBACK, 0), Stream) as tcp,
        socketserver.ThreadingUDPServer((LOOPBACK, tcp.server_address[1]), Datagram) as udp,
    ):
        zone.address = f"{LOOPBACK}:{tcp.server_address[1]}"
        servers = (tcp, udp)
        threads = [threading.Thread(target=one.serve_forever, kwargs={"poll_interval": POLL_S}) for one in servers]
        for thread in threads:
            thread.start()
        try:
            yield zone
        finally:
            for one in servers:
                one.shutdown()
            for thread in threads:
                thread.join()
