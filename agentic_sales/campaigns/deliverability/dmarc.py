"""Examine the DMARC policy of a sender, where its reports go, and whether SPF or DKIM can speak for `From`."""

from dataclasses import dataclass

from agentic_sales.campaigns.deliverability.sender import Sender, organization_of
from agentic_sales.rules.dmarc_policies import DmarcPolicy, is_dmarc, read_dmarc
from agentic_sales.rules.findings import Finding, fail, ok, unknown, warn
from agentic_sales.sources.sender_dns import SenderDns

POLICY, REPORTS, ALIGNMENT = "DMARC", "DMARC reports", "alignment"


@dataclass(frozen=True, slots=True)
class PolicyFound:
    """A policy, or a finding that there is none to go by."""

    policy: DmarcPolicy | None
    at: str
    """Domain whose policy it is."""
    finding: Finding


async def examine_dmarc(dns: SenderDns, sender: Sender) -> tuple[DmarcPolicy | None, list[Finding]]:
    """Return the policy that receivers go by, and what is found of it and of its reports."""
    found = await _policy(dns, sender)
    if found.policy is None:
        return None, [found.finding]
    return found.policy, [found.finding, *await _reports(dns, found.policy, found.at)]


async def _policy(dns: SenderDns, sender: Sender) -> PolicyFound:
    for at in dict.fromkeys((sender.domain, sender.organization)):
        answer = await dns.texts(f"_dmarc.{at}")
        if answer.state == "unknown":
            return PolicyFound(None, at, unknown(POLICY, f"whether there is a policy is not known: {answer.why}"))
        records = [text for text in answer.values if is_dmarc(text.strip())]
        if len(records) > 1:
            told = f"`_dmarc.{at}` has {len(records)} policies, and receivers go by none of them"
            return PolicyFound(None, at, fail(POLICY, told, "leave one record there"))
        if records:
            return _read(records[0], at, sender)
    start = f'publish a TXT record at `_dmarc.{sender.organization}`: "v=DMARC1; p=none; rua=mailto:ADDRESS"'
    told = f"`{sender.domain}` has no DMARC policy: Gmail and Yahoo refuse bulk mail without one"
    return PolicyFound(None, sender.domain, fail(POLICY, told, start))


def _read(text: str, at: str, sender: Sender) -> PolicyFound:
    try:
        policy = read_dmarc(text.strip())
    except ValueError as exc:
        fix = 'write it anew: "v=DMARC1; p=none; rua=mailto:ADDRESS"'
        return PolicyFound(None, at, fail(POLICY, f"the policy at `_dmarc.{at}` cannot be read: {exc}", fix))
    wanted = policy.policy if at == sender.domain else policy.subdomains
    share = f" of {policy.share} % of failing mail" if policy.share < 100 else ""  # noqa: PLR2004 - percent
    told = f"`_dmarc.{at}` asks for `{wanted}`{share}"
    return PolicyFound(policy, at, ok(POLICY, told))


async def _reports(dns: SenderDns, policy: DmarcPolicy, at: str) -> list[Finding]:
    if not policy.reports_to:
        told = f"the policy at `_dmarc.{at}` names nobody for its reports, so a failure is seen by nobody"
        return [warn(REPORTS, told, "add rua=mailto:ADDRESS to it")]
    return [await _reporter(dns, at, address) for address in policy.reports_to]


async def _reporter(dns: SenderDns, at: str, address: str) -> Finding:
    domain = address.rpartition("@")[2].lower()
    if organization_of(domain) == organization_of(at):
        return ok(REPORTS, f"they go to `{address}`")
    name = f"{at}._report._dmarc.{domain}"
    answer = await dns.texts(name)
    if answer.state == "unknown":
        return unknown(REPORTS, f"whether `{domain}` takes reports about `{at}` is not known: {answer.why}")
    if any(is_dmarc(text.strip()) for text in answer.values):
        return ok(REPORTS, f"they go to `{address}`, which takes them")
    told = f"`{domain}` does not say that it takes reports about `{at}`, so none are sent to `{address}`"
    return warn(REPORTS, told, f'let its owner publish a TXT record at `{name}`: "v=DMARC1"')


def examine_alignment(sender: Sender, policy: DmarcPolicy | None, way: Finding, keys: list[Finding]) -> Finding:
    """Return whether SPF or DKIM can pass for the domain of `From`. One of the two is enough.

    Args:
        sender: The sender.
        policy: Its policy. None: relaxed, as receivers assume.
        way: What was found of SPF and the way out.
        keys: What was found of its DKIM keys, all of them under the domain of `From`.
    """
    envelope = sender.envelope_domain
    is_strict = policy is not None and policy.is_spf_strict
    if way.status == "ok" and (envelope == sender.domain or not is_strict):
        return ok(ALIGNMENT, f"SPF passes for `{envelope}`, which is aligned with `From`")
    if any(key.status in {"ok", "warn"} for key in keys):
        told = f"a DKIM key is published under `{sender.domain}`; a signature by it is aligned with `From`"
        return ok(ALIGNMENT, told)
    if "unknown" in {way.status, *(key.status for key in keys)}:
        return unknown(ALIGNMENT, "neither SPF nor DKIM is known to pass for the domain of `From`", "see SPF and DKIM")
    told = f"neither SPF nor DKIM can pass for `{sender.domain}`, so every mail fails DMARC"
    if is_strict and envelope != sender.domain:
        told = f"{told}; the policy is strict for SPF (`aspf=s`), and the envelope has `{envelope}`"
    return fail(ALIGNMENT, told, "mend DKIM, which alone is enough; then SPF")
