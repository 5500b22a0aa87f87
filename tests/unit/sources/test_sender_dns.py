"""What a DNS server says of a sender, over a real socket: found, missing and unknown are three things."""

from collections.abc import Iterator

import pytest

from agentic_sales.settings import Settings
from agentic_sales.sources import sender_dns
from agentic_sales.sources.sender_dns import DnsAnswer, SenderDns
from agentic_sales.sources.spf import SpfWalk, follow_spf
from tests.support.dns_server import Trouble, Zone, dns_server

OURS, THEIRS = "45.33.32.156", "45.33.32.1"


@pytest.fixture
def zone() -> Iterator[Zone]:
    with dns_server() as zone:
        yield zone


@pytest.fixture
def dns(zone: Zone) -> SenderDns:
    return SenderDns(Settings.model_validate({"AGENTIC_SALES_DNS": zone.address}))


async def spf(dns: SenderDns, zone: Zone, record: str, ip: str = OURS, **others: str) -> SpfWalk:
    """Follow a record of `acme.example`. Others are those of `NAME.example`."""
    zone.txt("acme.example", record)
    for name, text in others.items():
        zone.txt(f"{name}.example", text)
    return await follow_spf(dns, "acme.example", sender="ann@acme.example", ip=ip)


# Answers


async def test_the_strings_of_a_text_are_joined_and_a_large_one_is_asked_for_over_tcp(
    dns: SenderDns, zone: Zone
) -> None:
    text = "v=DKIM1; p=" + "A" * 3000
    zone.txt("s._domainkey.acme.example", text)
    assert (await dns.texts("s._domainkey.acme.example")).values == (text,)
    assert zone.asked == [f"s._domainkey.acme.example TXT over {over}" for over in ("udp", "tcp")]


@pytest.mark.parametrize("trouble", ["silence", "servfail", "refused", "nonsense"])
async def test_a_server_that_does_not_say_leaves_it_unknown(
    dns: SenderDns, zone: Zone, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_dns, "LOOKUP_S", 0.5)
    zone.txt("acme.example", "v=spf1 -all")
    zone.troubles["acme.example"] = trouble
    answer = await dns.texts("acme.example")
    assert (answer.state, answer.values) == ("unknown", ())
    assert "`acme.example` (TXT)" in answer.why


async def test_a_name_that_is_not_there_and_one_without_such_a_record_are_missing(dns: SenderDns, zone: Zone) -> None:
    zone.records["acme.example", "A"] = [OURS]
    assert (await dns.texts("acme.example")) == DnsAnswer("missing", why="`acme.example` has no TXT record")
    assert (await dns.texts("gone.example")) == DnsAnswer("missing", why="there is no name `gone.example`")


async def test_an_alias_is_followed_and_one_that_leads_nowhere_is_told(dns: SenderDns, zone: Zone) -> None:
    zone.records["s1._domainkey.acme.example", "CNAME"] = ["s1.service.example."]
    zone.txt("s1.service.example", "k=rsa; p=AAAA")
    zone.records["s2._domainkey.acme.example", "CNAME"] = ["s2.service.example."]
    there, nowhere = await dns.texts("s1._domainkey.acme.example"), await dns.texts("s2._domainkey.acme.example")
    assert (there.values, there.alias) == (("k=rsa; p=AAAA",), "s1.service.example")
    assert (nowhere.state, nowhere.alias) == ("missing", "s2.service.example")
    assert "its alias leads to `s2.service.example`, where nothing is" in nowhere.why


async def test_a_domain_in_other_letters_is_asked_for_in_its_ascii_form(dns: SenderDns, zone: Zone) -> None:
    zone.txt("xn--mller-kva.example", "v=spf1 -all")
    assert (await dns.texts("müller.example")).values == ("v=spf1 -all",)


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "a..example", "\ud800.example"])
async def test_a_name_that_the_dns_cannot_have_is_missing_and_not_asked_for(
    dns: SenderDns, zone: Zone, name: str
) -> None:
    assert (await dns.texts(name)).state == "missing"
    assert zone.asked == []


async def test_addresses_are_unknown_when_one_kind_is_and_the_other_is_missing(dns: SenderDns, zone: Zone) -> None:
    zone.records["mx.example", "MX"] = ["10 a.example."]
    zone.troubles["mx.example AAAA"] = "servfail"
    assert (await dns.addresses("mx.example")).state == "unknown"
    zone.records["mx.example", "A"] = [OURS]
    fresh = SenderDns(Settings.model_validate({"AGENTIC_SALES_DNS": zone.address}))
    assert (await fresh.addresses("mx.example")).values == (OURS,)


async def test_without_a_server_and_for_examples_on_the_internet_nobody_is_asked() -> None:
    for told in ("off", ""):
        answer = await SenderDns(Settings.model_validate({"AGENTIC_SALES_DNS": told})).texts("acme.example")
        assert answer.state == "unknown"


# SPF


@pytest.mark.parametrize(
    ("record", "result"),
    [
        (f"v=spf1 ip4:{OURS} -all", "pass"),
        (f"v=spf1 ip4:{THEIRS}/24 -all", "pass"),
        (f"v=spf1 ip4:{THEIRS} -all", "fail"),
        (f"v=spf1 ip4:{THEIRS} ~all", "softfail"),
        (f"v=spf1 ip4:{THEIRS}", "neutral"),
        (f"v=spf1 -ip4:{OURS} +all", "fail"),
        ("V=SPF1 +ALL", "pass"),
        ("v=spf1 mx -all", "pass"),
        ("v=spf1 a:mail.acme.example -all", "pass"),
        ("v=spf1 a:mail.acme.example/24 -all", "pass"),
        ("v=spf1 a:other.acme.example -all", "fail"),
        ("v=spf1 exists:%{ir}.list.example -all", "pass"),
        ("v=spf1 exists:%{l}.%{o2}.by.example -all", "pass"),
        ("v=spf1 include:other.example -all", "pass"),
        ("v=spf1 redirect=other.example", "pass"),
        ("v=spf1 ?include:other.example -all", "neutral"),
        ("v=spf1 moo=x a:mail.acme.example -all", "pass"),
    ],
)
async def test_a_record_says_to_an_address_what_a_receiver_reads(
    dns: SenderDns, zone: Zone, record: str, result: str
) -> None:
    zone.records["acme.example", "MX"] = ["10 mail.acme.example."]
    zone.records["mail.acme.example", "A"] = [OURS]
    zone.records["other.acme.example", "A"] = [THEIRS]
    zone.records["156.32.33.45.list.example", "A"] = ["127.0.0.2"]
    zone.records["ann.acme.example.by.example", "A"] = ["127.0.0.2"]
    walk = await spf(dns, zone, record, other=f"v=spf1 ip4:{OURS} -all")
    assert (walk.result, walk.mistakes, walk.unanswered) == (result, [], [])


@pytest.mark.parametrize(
    ("record", "mistake"),
    [
        ("v=spf1 ipv4:1.2.3.4 -all", "`ipv4:1.2.3.4` is no term of SPF"),
        ("v=spf1 ip4:1.2.3 -all", "`ip4:1.2.3` names no network"),
        ("v=spf1 ip4:2001:db8::1 -all", "names no IPv4 network"),
        ("v=spf1 include: -all", "`include:` names no domain"),
        ("v=spf1 a/64 -all", "has a prefix that no address has"),
        ("v=spf1 exists:%x.example -all", "has a `%` that begins no macro"),
        ("v=spf1 redirect=a.example redirect=b.example", "`redirect=` stands in it twice"),
        ("v=spf1 include:nobody.example -all", "includes `nobody.example`, which has no SPF record"),
        ("v=spf1 redirect=nobody.example", "redirects to `nobody.example`, which has no SPF record"),
        ("v=spf1 include:acme.example -all", "`acme.example` includes itself"),
        ("v=spf1 redirect=acme.example", "`acme.example` includes itself"),
        ("v=spf1 include:broken.example -all", "the record of `broken.example`: `-al` is no term"),
        ("v=spf1 a:x1.example a:x2.example a:x3.example -all", "3 of its names do not exist"),
        (f"v=spf1 {' '.join(f'a:h{number}.example' for number in range(11))} -all", "it needs 11 questions"),
    ],
)
async def test_a_record_at_which_receivers_give_up_is_named_by_its_mistake(
    dns: SenderDns, zone: Zone, record: str, mistake: str
) -> None:
    for number in range(11):
        zone.records[f"h{number}.example", "A"] = [THEIRS]
    walk = await spf(dns, zone, record, broken="v=spf1 -al")
    assert walk.result == "permerror"
    assert mistake in "; ".join(walk.mistakes)


async def test_ten_questions_are_allowed_and_those_of_includes_count(dns: SenderDns, zone: Zone) -> None:
    for number in range(10):
        zone.records[f"h{number}.example", "A"] = [THEIRS]
    nine = " ".join(f"a:h{number}.example" for number in range(9))
    walk = await spf(dns, zone, "v=spf1 include:other.example -all", other=f"v=spf1 {nine} ~all")
    assert (walk.lookups, walk.mistakes, walk.catch_all) == (10, [], "-")
    fresh = SenderDns(Settings.model_validate({"AGENTIC_SALES_DNS": zone.address}))
    walk = await spf(fresh, zone, "v=spf1 include:more.example -all", more=f"v=spf1 {nine} a:h9.example ~all")
    assert (walk.lookups, walk.result) == (11, "permerror")


async def test_two_records_are_none_and_a_text_of_another_kind_is_no_record(dns: SenderDns, zone: Zone) -> None:
    zone.txt("acme.example", "v=spf1 -all", "v=spf1 ~all", "v=spf10 -all", "google-site-verification=1")
    walk = await follow_spf(dns, "acme.example", sender="ann@acme.example", ip=OURS)
    assert (walk.result, len(walk.records)) == ("permerror", 2)
    assert "has 2 SPF records" in walk.why


@pytest.mark.parametrize("trouble", ["refused", "servfail"])
async def test_an_include_without_an_answer_is_no_mistake_and_no_pass(
    dns: SenderDns, zone: Zone, trouble: Trouble
) -> None:
    zone.troubles["other.example"] = trouble
    walk = await spf(dns, zone, "v=spf1 include:other.example +all")
    assert (walk.result, walk.mistakes) == ("temperror", [])
    assert "`other.example` (TXT)" in "; ".join(walk.unanswered)


async def test_a_match_before_the_silent_include_counts(dns: SenderDns, zone: Zone) -> None:
    zone.troubles["other.example"] = "servfail"
    assert (await spf(dns, zone, f"v=spf1 ip4:{OURS} include:other.example -all")).result == "pass"


async def test_an_address_of_ipv6_is_matched_and_its_macro_has_one_part_a_digit(dns: SenderDns, zone: Zone) -> None:
    ip = "2600:3c01::f03c:91ff:fe18:bb2f"
    assert (await spf(dns, zone, "v=spf1 ip6:2600:3c01::/32 -all", ip)).result == "pass"
    digits = ".".join(reversed("26003c0100000000f03c91fffe18bb2f"))
    zone.records[f"{digits}.ip6.list.example", "A"] = ["127.0.0.2"]
    fresh = SenderDns(Settings.model_validate({"AGENTIC_SALES_DNS": zone.address}))
    assert (await spf(fresh, zone, "v=spf1 exists:%{ir}.%{v}.list.example -all", ip)).result == "pass"
