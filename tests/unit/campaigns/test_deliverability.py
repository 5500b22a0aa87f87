"""A mailbox as receivers see it: each break of its domain is found with a cure, and silence is never an answer."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from agentic_sales.campaigns.deliverability.bulk import bulk_warnings
from agentic_sales.campaigns.deliverability.examine import examine_sender
from agentic_sales.campaigns.deliverability.received import examine_received, selectors_of
from agentic_sales.campaigns.plan.plan import CampaignPlan
from agentic_sales.rules.findings import Finding, fail, ok, unknown
from agentic_sales.settings import Settings
from agentic_sales.sources import sender_dns
from agentic_sales.sources.sender_dns import SenderDns
from agentic_sales.store.mailboxes import MailboxRow
from tests.support.dns_server import Trouble, Zone, dns_server
from tests.unit.rules.test_dkim_keys import rsa_key

IP = "45.33.32.156"
KEY = f"v=DKIM1; k=rsa; p={rsa_key(2048)}"


@pytest.fixture
def zone() -> Iterator[Zone]:
    """The DNS of `acme.example`, which sends by a server of its own and has everything right."""
    with dns_server() as zone:
        zone.txt("acme.example", f"v=spf1 ip4:{IP} -all")
        zone.txt("s1._domainkey.acme.example", KEY)
        zone.txt("_dmarc.acme.example", "v=DMARC1; p=reject; rua=mailto:dmarc@acme.example")
        zone.records["acme.example", "MX"] = ["10 smtp.acme.example."]
        zone.records["smtp.acme.example", "A"] = [IP]
        zone.records["156.32.33.45.in-addr.arpa", "PTR"] = ["smtp.acme.example."]
        yield zone


def mailbox(**values: Any) -> MailboxRow:
    told = {"login": "password", "smtp_url": "smtps://smtp.acme.example", "secret": "env:X", "imap_url": ""}
    return MailboxRow(mailbox_id="sales", address="ann@acme.example", daily_cap=50, **{**told, **values})


async def examined(
    zone: Zone, row: MailboxRow | None = None, *, selectors: str = "acme.example=s1", **environment: str
) -> Mapping[str, Finding]:
    """Return what is found, by check."""
    told = {"AGENTIC_SALES_DNS": zone.address, "AGENTIC_SALES_DKIM_SELECTORS": selectors}
    told |= {"AGENTIC_SALES_PUBLIC_URL": "https://sales.acme.example", **environment}
    settings = Settings.model_validate(told)
    found = await examine_sender(settings, row or mailbox(), SenderDns(settings))
    return {finding.check: finding for finding in found}


async def test_of_a_domain_that_has_everything_right_only_what_nobody_can_know_is_unknown(zone: Zone) -> None:
    found = await examined(zone)
    assert {check: finding.status for check, finding in found.items()} == {
        **dict.fromkeys(
            ("SPF", "SPF way out", "DKIM", "DMARC", "DMARC reports", "alignment", "MX", "reverse name"), "ok"
        ),
        "one-click": "unknown",
    }
    assert "--received FILE" in found["one-click"].fix


BREAKS: list[tuple[str, dict[tuple[str, str], list[str]], str, str, str]] = [
    ("no SPF", {("acme.example", "TXT"): []}, "SPF", "fail", "has no TXT record"),
    ("open SPF", {("acme.example", "TXT"): ['"v=spf1 +all"']}, "SPF", "fail", "everybody may send as you"),
    ("neutral SPF", {("acme.example", "TXT"): [f'"v=spf1 ip4:{IP}"']}, "SPF", "warn", "nothing against a forger"),
    ("foreign SPF", {("acme.example", "TXT"): ['"v=spf1 -all"']}, "SPF way out", "warn", "does not let mail from"),
    ("broken SPF", {("acme.example", "TXT"): ['"v=spf1 moo -all"']}, "SPF way out", "fail", "nothing vouches"),
    ("no key", {("s1._domainkey.acme.example", "TXT"): []}, "DKIM", "fail", "there is no key at"),
    ("short key", {("s1._domainkey.acme.example", "TXT"): [f'"p={rsa_key(512)}"']}, "DKIM", "fail", "has 512 bits"),
    ("old key", {("s1._domainkey.acme.example", "TXT"): [f'"p={rsa_key(1024)}"']}, "DKIM", "warn", "has 1024 bits"),
    ("revoked key", {("s1._domainkey.acme.example", "TXT"): ['"p="']}, "DKIM", "fail", "was revoked"),
    ("torn key", {("s1._domainkey.acme.example", "TXT"): ['"p=MIGf"']}, "DKIM", "fail", "cannot be read"),
    ("two keys", {("s1._domainkey.acme.example", "TXT"): ['"p=AA"', '"p=BB"']}, "DKIM", "fail", "has 2 keys"),
    ("no policy", {("_dmarc.acme.example", "TXT"): []}, "DMARC", "fail", "has no DMARC policy"),
    (
        "two policies",
        {("_dmarc.acme.example", "TXT"): ['"v=DMARC1; p=none"'] * 2 + ['"v=DMARC1; p=reject"']},
        "DMARC",
        "fail",
        "policies",
    ),
    ("no reports", {("_dmarc.acme.example", "TXT"): ['"v=DMARC1; p=none"']}, "DMARC reports", "warn", "names nobody"),
    (
        "foreign reports",
        {("_dmarc.acme.example", "TXT"): ['"v=DMARC1; p=none; rua=mailto:a@b.example"']},
        "DMARC reports",
        "warn",
        "does not say that it takes",
    ),
    ("null MX", {("acme.example", "MX"): ["0 ."]}, "MX", "fail", "takes no mail"),
    ("no MX", {("acme.example", "MX"): []}, "MX", "fail", "neither a mail server nor a host"),
    ("no name", {("156.32.33.45.in-addr.arpa", "PTR"): []}, "reverse name", "warn", "has no name"),
    (
        "foreign name",
        {("156.32.33.45.in-addr.arpa", "PTR"): ["smtp2.acme.example."]},
        "reverse name",
        "warn",
        "does not lead back",
    ),
]


@pytest.mark.parametrize(
    ("records", "check", "status", "told"), [row[1:] for row in BREAKS], ids=[row[0] for row in BREAKS]
)
async def test_each_break_is_found_by_name_and_has_a_cure(
    zone: Zone, records: dict[tuple[str, str], list[str]], check: str, status: str, told: str
) -> None:
    zone.records |= records
    finding = (await examined(zone))[check]
    assert (finding.status, bool(finding.fix)) == (status, True)
    assert told in finding.told


@pytest.mark.parametrize("trouble", ["servfail", "refused"])
@pytest.mark.parametrize(
    ("name", "checks"),
    [
        ("acme.example", {"SPF", "SPF way out", "MX"}),
        ("s1._domainkey.acme.example", {"DKIM"}),
        ("_dmarc.acme.example", {"DMARC"}),
        ("smtp.acme.example", {"SPF way out", "reverse name"}),
        ("156.32.33.45.in-addr.arpa", {"reverse name"}),
    ],
)
async def test_what_the_dns_does_not_say_is_neither_fine_nor_missing(
    zone: Zone, trouble: Trouble, name: str, checks: set[str]
) -> None:
    zone.troubles[name] = trouble
    found = await examined(zone)
    assert {check for check, finding in found.items() if finding.status == "unknown"} == {*checks, "one-click"}
    assert not [finding for finding in found.values() if finding.status in {"warn", "fail"}]


async def test_silence_about_one_name_is_not_waited_for_longer_than_a_question_may_take(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_dns, "LOOKUP_S", 2.0)
    zone.troubles["_dmarc.acme.example"] = "silence"
    finding = (await examined(zone))["DMARC"]
    assert (finding.status, "gave no answer in time" in finding.told) == ("unknown", True)


async def test_with_no_answer_at_all_nothing_is_fine_and_nothing_is_missing(zone: Zone) -> None:
    assert {finding.status for finding in (await examined(zone, AGENTIC_SALES_DNS="off")).values()} == {"unknown"}


async def test_a_service_is_known_by_its_include_or_by_its_networks_and_missed_by_name(zone: Zone) -> None:
    google = mailbox(login="google", smtp_url="", secret="")
    zone.txt("_spf.google.com", "v=spf1 include:_nets.google.com ~all")
    zone.txt("_nets.google.com", "v=spf1 ip4:35.190.247.0/24 ip4:64.233.160.0/19 ~all")
    zone.txt("google._domainkey.acme.example", KEY)
    for record, status in (
        ("v=spf1 include:_spf.google.com -all", "ok"),
        ("v=spf1 ip4:35.190.247.0/24 ip4:64.233.160.0/19 -all", "ok"),
        (f"v=spf1 ip4:{IP} -all", "fail"),
    ):
        zone.txt("acme.example", record)
        assert (await examined(zone, google))["SPF way out"].status == status, record
    zone.troubles["_spf.google.com"] = "servfail"
    assert (await examined(zone, google))["SPF way out"].status == "unknown"


async def test_a_usual_selector_is_found_and_one_that_cannot_be_known_is_asked_for(zone: Zone) -> None:
    assert (await examined(zone, selectors=""))["DKIM"].status == "ok"
    del zone.records["s1._domainkey.acme.example", "TXT"]
    finding = (await examined(zone, selectors=""))["DKIM"]
    assert (finding.status, "AGENTIC_SALES_DKIM_SELECTORS=acme.example=" in finding.fix) == ("unknown", True)
    fixed = (await examined(zone, mailbox(login="microsoft", smtp_url="", secret=""), selectors=""))["DKIM"]
    assert (fixed.status, "switch DKIM on" in fixed.fix) == ("fail", True)


async def test_a_policy_of_the_organization_holds_for_its_subdomain_and_strict_spf_does_not_align(zone: Zone) -> None:
    zone.txt("_dmarc.acme.example", "v=DMARC1; p=reject; sp=none; aspf=s; rua=mailto:d@acme.example")
    zone.txt("send.news.acme.example", "v=spf1 include:amazonses.com ~all")
    zone.txt("amazonses.com", "v=spf1 ip4:54.240.0.0/18 -all")
    row = MailboxRow(
        mailbox_id="news", address="ann@news.acme.example", login="resend", secret="env:X", smtp_url="", imap_url=""
    )
    found = await examined(zone, row)
    assert found["DMARC"].told == "`_dmarc.acme.example` asks for `none`"
    assert (found["SPF way out"].status, found["DKIM"].status, found["alignment"].status) == ("ok", "fail", "fail")
    assert "aspf=s" in found["alignment"].told


async def test_mail_that_stays_here_has_nothing_to_examine_and_asks_nobody(zone: Zone) -> None:
    found = await examined(zone, mailbox(login="", smtp_url="", secret=""))
    assert ([finding.status for finding in found.values()], zone.asked) == (["ok"], [])


async def test_a_link_to_unsubscribe_that_is_no_https_is_a_break(zone: Zone) -> None:
    found = await examined(zone, AGENTIC_SALES_PUBLIC_URL="http://sales.acme.example")
    assert found["one-click"].status == "fail"


async def test_a_server_on_this_machine_leaves_the_way_out_unknown(zone: Zone) -> None:
    found = await examined(zone, mailbox(smtp_url="smtp://127.0.0.1:2525"))
    assert {check for check, one in found.items() if one.status == "unknown"} == {
        "SPF way out",
        "reverse name",
        "one-click",
    }


# A mail that arrived

MAIL = """\
Authentication-Results: mx.google.com; dkim=pass header.i=@acme.example; spf=pass; dmarc=pass (p=REJECT)
Authentication-Results: forged.example; dkim=fail; spf=fail; dmarc=fail
DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=k7; h=From:To{more}; b=AA==
From: Ann <ann@acme.example>
List-Unsubscribe: <https://sales.acme.example/unsubscribe/x>
List-Unsubscribe-Post: List-Unsubscribe=One-Click

Hi
"""


@pytest.mark.parametrize(
    ("mail", "statuses", "told"),
    [
        (MAIL.format(more=":List-Unsubscribe:List-Unsubscribe-Post"), ["ok", "ok"], "covers List-Unsubscribe and"),
        (MAIL.format(more=":List-Unsubscribe"), ["fail", "ok"], "does not cover list-unsubscribe-post"),
        (MAIL.replace("d=acme", "d=mailer").format(more=""), ["fail", "ok"], "no DKIM signature of `acme.example`"),
        (MAIL.replace("List-Unsubscribe-Post:", "X:").format(more=""), ["fail", "ok"], "no `list-unsubscribe-post`"),
        (MAIL.replace("dmarc=pass", "dmarc=fail").format(more=""), ["fail", "fail"], "dmarc=fail"),
        (MAIL.replace("spf=pass", "spf=softfail").format(more=""), ["fail", "warn"], "spf=softfail"),
        (MAIL.replace("Authentication-Results", "X-Results").format(more=""), ["fail", "unknown"], "did not write"),
        (MAIL.replace("ann@acme", "ann@other").format(more=""), ["fail"], "and not from `acme.example`"),
    ],
)
def test_a_received_mail_shows_what_was_signed_and_what_its_receiver_found(
    mail: str, statuses: list[str], told: str
) -> None:
    found = examine_received(mail.encode(), address="ann@acme.example")
    assert [finding.status for finding in found] == statuses
    assert told in " ".join(finding.told for finding in found)


def test_a_received_mail_tells_its_selector() -> None:
    assert selectors_of(MAIL.format(more="").encode(), address="ann@acme.example") == ("k7",)


# Rules of mail providers


def plan(**values: Any) -> CampaignPlan:
    return CampaignPlan.model_validate({"mailboxes": ["sales"], "steps": [{}], **values})


@pytest.mark.parametrize(
    ("caps", "warned"),
    [((50, 50), {"DKIM"}), ((4000, 999), {"DKIM"}), ((4000, 1000), {"DKIM", "one-click"})],
)
def test_the_mailboxes_of_one_organization_make_a_bulk_sender_together(caps: tuple[int, int], warned: set[str]) -> None:
    rows = [
        MailboxRow(mailbox_id=name, address=f"{name}@{name}.acme.example", daily_cap=cap, created_at=datetime.now(UTC))
        for name, cap in zip(("sales", "news"), caps, strict=True)
    ]
    found = {"sales": [ok("SPF", ""), fail("DKIM", "", ""), unknown("one-click", ""), unknown("MX", "")]}
    assert {warning.finding.check for warning in bulk_warnings(plan(), rows, found)} == warned


def test_a_plan_that_goes_on_with_too_many_complaints_is_warned_of() -> None:
    [warning] = bulk_warnings(plan(guardrail={"most_complained_ratio": 0.01}), [], {})
    assert "up to 1.0% complaints" in warning.finding.told
