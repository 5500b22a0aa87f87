"""Answer as a DNS server and as Reacher do: who takes mail in the sample world, and which mailboxes are there."""

import re
import socketserver
from collections.abc import Callable
from typing import Any

from dns.exception import DNSException
from dns.flags import AA, RA
from dns.message import Message, from_wire, make_response
from dns.rcode import NXDOMAIN, SERVFAIL
from dns.rdatatype import to_text
from dns.rrset import from_text

from agentic_sales.local.world.companies import Companies, WorldCompany
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json
from agentic_sales.local.world.meters import Rate
from agentic_sales.local.world.misbehaviour import Kind

DNS = "dns"
"""Name by which the DNS of a world is told to misbehave: `5xx` is a SERVFAIL, everything else is silence."""
_TTL_S = 60
_REACHER = Rate(60, 60)


class MailDns(socketserver.ThreadingUDPServer):
    """A DNS server for the domains of the companies. Other domains are not there."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], companies: Companies, failing: Callable[[str], Kind | None]) -> None:
        super().__init__(address, _DnsQuestion)
        self.companies, self.failing = companies, failing


class _DnsQuestion(socketserver.BaseRequestHandler):
    server: MailDns

    def handle(self) -> None:
        """Answer one question."""
        wire, sender = self.request
        try:
            asked = from_wire(wire)
        except DNSException:
            return
        if (answer := self._answer(asked)) is not None:
            sender.sendto(answer.to_wire(), self.client_address)

    def _answer(self, asked: Message) -> Message | None:
        answer = make_response(asked)
        answer.flags |= AA | RA
        if (kind := self.server.failing(DNS)) is not None:
            answer.set_rcode(SERVFAIL)
            return answer if kind == "5xx" else None
        name = asked.question[0].name.to_text(omit_final_dot=True).lower()
        company = self.server.companies.by_domain.get(name)
        if company is None or company.mail == "gone":
            answer.set_rcode(NXDOMAIN)
            return answer
        if company.mail == "silent":
            return None
        wanted = to_text(asked.question[0].rdtype)
        answer.answer += [
            from_text(f"{name}.", _TTL_S, "IN", kind, *values)
            for kind, values in _records(company).items()
            if kind == wanted
        ]
        return answer


def _records(company: WorldCompany) -> dict[str, list[str]]:
    """Return the records of a domain by their type."""
    host = {"A": ["127.0.0.1"]}
    match company.mail:
        case "server":
            return {**host, "MX": [f"20 backup.mail.{company.domain}.", f"10 mx.{company.domain}."]}
        case "null":
            return {**host, "MX": ["0 ."], "TXT": ['"v=spf1 -all"']}
        case "never":
            return {**host, "TXT": ['"v=spf1 -all"']}
        case "host":
            return host
        case _:
            return {}


def reacher(asked: Asked) -> WorldAnswer:
    """Answer `/v1/check_email`."""
    if asked.headers.get("x-reacher-secret", "").startswith("wrong"):
        return as_json({"error": "Missing or invalid x-reacher-secret header"}, 401)
    if asked.count("checks", _REACHER, "").is_over:
        return as_json({"error": "Rate limit exceeded"}, 429)
    body = asked.json()
    address = body.get("to_email") if isinstance(body, dict) else None
    if asked.path != "/v1/check_email" or not isinstance(address, str):
        return as_json({"error": "missing field `to_email`"}, 400)
    return as_json({"input": address, **_found(asked.world, address.lower())})


def _found(world: Companies, address: str) -> dict[str, Any]:
    company = world.by_domain.get(address.rpartition("@")[2])
    if company is None or company.mail not in {"server", "host"}:
        no_answer = {"error": {"type": "SmtpError", "message": "timed out"}}
        return {"is_reachable": "unknown" if company else "invalid", "smtp": no_answer, "mx": no_answer}
    printed = " ".join([*(person.email or "" for person in company.people), *(page.text for page in company.pages)])
    is_there = re.search(rf"(?<![\w.+-]){re.escape(address)}(?![\w-])", printed, re.IGNORECASE) is not None
    is_catch_all = company.mail == "host"
    smtp = {
        "can_connect_smtp": True,
        "has_full_inbox": False,
        "is_catch_all": is_catch_all,
        "is_deliverable": is_there or is_catch_all,
        "is_disabled": False,
    }
    verdict = "risky" if is_catch_all else "safe" if is_there else "invalid"
    return {"is_reachable": verdict, "smtp": smtp, "mx": {"accepts_mail": True, "records": [f"mx.{company.domain}."]}}
