"""Examine the DKIM keys of a sender. No DNS server lists selectors, so a selector has to be told, or is a usual one."""

import asyncio

from agentic_sales.campaigns.deliverability.sender import Sender
from agentic_sales.rules.dkim_keys import SHORTEST_RSA_BITS, USUAL_RSA_BITS, DkimKey, read_key
from agentic_sales.rules.findings import Finding, fail, ok, unknown, warn
from agentic_sales.sources.sender_dns import DnsAnswer, SenderDns

KEY = "DKIM"


async def examine_dkim(dns: SenderDns, sender: Sender) -> list[Finding]:
    """Return what is found of each key that somebody named, or of the usual ones together."""
    selectors = sender.selectors or sender.way.provider.selectors
    if not selectors:
        return [_untold(sender, ())]
    names = [f"{selector}._domainkey.{sender.domain}" for selector in selectors]
    answers = dict(zip(names, await asyncio.gather(*map(dns.texts, names)), strict=True))
    if sender.selectors:
        return [_key(name, answer, sender) for name, answer in answers.items()]
    return _usual(sender, answers)


def _usual(sender: Sender, answers: dict[str, DnsAnswer]) -> list[Finding]:
    there = {name: answer for name, answer in answers.items() if answer.state == "found"}
    if there:
        return [_key(name, answer, sender) for name, answer in there.items()]
    silent = [answer.why for answer in answers.values() if answer.state == "unknown"]
    if silent:
        return [unknown(KEY, f"whether there is a key is not known: {silent[0]}")]
    if not sender.way.provider.fixed:
        return [_untold(sender, tuple(answers))]
    name = sender.way.provider.name
    told = (
        f"there is no key at {' or '.join(f'`{key}`' for key in answers)}, so {name} does not sign as `{sender.domain}`"
    )
    if alias := next((answer.why for answer in answers.values() if answer.alias), ""):
        told = f"{told} ({alias})"
    return [fail(KEY, told, f"switch DKIM on for `{sender.domain}` at {name}, and publish the records that it shows")]


def _untold(sender: Sender, tried: tuple[str, ...]) -> Finding:
    told = f"which selector signs for `{sender.domain}` is not known, and the DNS lists none"
    if tried:
        told = f"{told}; there is no key at the usual ones ({', '.join(name.partition('.')[0] for name in tried)})"
    fix = (
        f"name it: AGENTIC_SALES_DKIM_SELECTORS={sender.domain}=SELECTOR; it is `s=` in the DKIM-Signature of a "
        "received mail"
    )
    return unknown(KEY, told, fix)


def _key(name: str, answer: DnsAnswer, sender: Sender) -> Finding:
    if answer.state == "unknown":
        return unknown(KEY, f"whether there is a key at `{name}` is not known: {answer.why}")
    if answer.state == "missing":
        fix = "publish the record that your mail service shows for it, or name the selector that signs"
        return fail(KEY, f"there is no key at `{name}`: {answer.why}", fix)
    keys = [text for text in answer.values if "p=" in text.replace(" ", "")]
    if len(keys) != 1:
        told = f"`{name}` has {len(keys)} keys in {len(answer.values)} TXT records, and a receiver cannot choose"
        return fail(KEY, told, "leave one record with the key there")
    where = f"`{name}`" + (f" (alias of `{answer.alias}`)" if answer.alias else "")
    try:
        key = read_key(keys[0])
    except ValueError as exc:
        return fail(KEY, f"the key at {where} cannot be read: {exc}", "publish it again, as your mail service shows it")
    return _judged(key, where, sender)


def _judged(key: DkimKey, where: str, sender: Sender) -> Finding:
    renew = f"make a new key of {USUAL_RSA_BITS} bits at {sender.way.name}, and publish it"
    if key.is_revoked:
        return fail(KEY, f"the key at {where} was revoked: every signature by it fails", renew)
    if key.kind == "rsa" and key.bits < SHORTEST_RSA_BITS:
        return fail(KEY, f"the key at {where} has {key.bits} bits, and receivers take none below 1024", renew)
    if key.is_test:
        told = f"the key at {where} says that it is a test (`t=y`), so receivers may treat the mail as unsigned"
        return warn(KEY, told, "take `t=y` out of the record")
    if key.kind == "rsa" and key.bits < USUAL_RSA_BITS:
        told = f"the key at {where} has {key.bits} bits, and RFC 8301 asks for {USUAL_RSA_BITS}"
        return warn(KEY, told, renew)
    if key.kind == "ed25519":
        told = f"the key at {where} is of Ed25519, which many receivers do not check"
        return warn(KEY, told, "let the service sign by an RSA key too")
    return ok(KEY, f"an RSA key of {key.bits} bits at {where}")
