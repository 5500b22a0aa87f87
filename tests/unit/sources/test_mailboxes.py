"""Is an address usable? In the sample world, whose DNS server answers on loopback."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from agentic_sales.errors import RateLimited
from agentic_sales.local.world.misbehaviour import Kind
from agentic_sales.local.world.server import WorldServer
from agentic_sales.runs.pauses import Pauses, current_pauses
from agentic_sales.settings import Settings
from agentic_sales.sources import mail_servers
from agentic_sales.sources.mail_servers import SILENT_AFTER, MailServers
from agentic_sales.sources.mailboxes import MailboxChecks, Verdict, glance
from agentic_sales.sources.service import Place
from tests.support.world import configured

ADA = "nerys.vanterpool@emberloom.example"


@pytest.fixture
async def checks(world: WorldServer, place: Place) -> AsyncIterator[MailboxChecks]:
    async with MailboxChecks(configured(world), place=place) as checks:
        yield checks


@pytest.fixture
def servers(world: WorldServer) -> MailServers:
    return MailServers(configured(world))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for the DNS."""
    monkeypatch.setattr(mail_servers, "LOOKUP_S", 0.2)


# What the DNS says


@pytest.mark.parametrize(
    ("address", "verdict", "reason"),
    [
        ("jo@emberloom.example", "unknown", "`emberloom.example` takes mail at `mx.emberloom.example`"),
        ("jo@dunmarrow.example", "undeliverable", "there is no domain `dunmarrow.example`"),
        ("jo@pinecairn.example", "undeliverable", "says that it takes no mail (null MX)"),
        ("jo@tidewaterrobotics.example", "undeliverable", "sends no mail (SPF `-all`)"),
        ("jo@quillmark-hq.example", "undeliverable", "has neither a mail server nor a host"),
        ("jo@glassotter.example", "risky", "its own host may take mail"),
    ],
)
async def test_a_domain_without_a_mail_server_is_told_from_one_that_takes_no_mail(
    servers: MailServers, address: str, verdict: Verdict, reason: str
) -> None:
    found = (await glance(servers, [address]))[address]
    assert (found.verdict, found.is_unanswered) == (verdict, False)
    assert reason in found.reasons[0]


async def test_mail_servers_are_told_in_the_order_in_which_they_are_tried(servers: MailServers) -> None:
    found = (await glance(servers, [ADA]))[ADA]
    assert found.servers == ("mx.emberloom.example", "backup.mail.emberloom.example")


@pytest.mark.parametrize("kind", ["slow", "5xx"])
@pytest.mark.usefixtures("hasty")
async def test_no_answer_of_the_dns_says_nothing_against_an_address(world: WorldServer, kind: Kind) -> None:
    world.misbehave(kind, "dns")
    found = (await glance(MailServers(configured(world)), [ADA]))[ADA]
    assert (found.verdict, found.is_unanswered) == ("unknown", True)
    assert found.reasons == ("the DNS gave no answer about `emberloom.example`",)


@pytest.mark.usefixtures("hasty")
async def test_a_dns_that_never_answers_is_left_alone(world: WorldServer) -> None:
    servers = MailServers(configured(world))
    world.misbehave("slow", "dns", times=1000)
    for number in range(SILENT_AFTER):
        await servers.route_of(f"acme{number}.example")
    world.failures.clear()
    route = await servers.route_of("emberloom.example")
    assert (route.takes, route.reason) == ("unknown", "the DNS does not answer")


async def test_the_addresses_of_one_domain_ask_the_dns_once(servers: MailServers) -> None:
    told = await glance(servers, [f"jo{number}@emberloom.example" for number in range(50)])
    assert len(told) == 50
    assert servers._resolver is not None
    assert servers._resolver.cache.misses() == 2  # By the type, and as a name that is not there.


@pytest.mark.parametrize("told", ["off", ""])
async def test_without_a_dns_and_for_names_of_examples_nobody_is_asked(told: str) -> None:
    servers = MailServers(Settings.model_validate({"AGENTIC_SALES_DNS": told}))
    found = (await glance(servers, [ADA]))[ADA]
    assert (found.verdict, found.is_unanswered) == ("unknown", False)


@pytest.mark.parametrize("told", ["dns.example", "127.0.0.1:0", "127.0.0.1:70000", "off,127.0.0.1"])
def test_a_dns_server_that_is_none_is_refused_by_name(told: str) -> None:
    with pytest.raises(ValueError, match="is no DNS server; write its IP address"):
        Settings.model_validate({"AGENTIC_SALES_DNS": told})


@pytest.mark.parametrize("told", ["10.0.0.53", "127.0.0.1:5353", "::1", "[::1]:5353", "10.0.0.53, 10.0.0.54"])
def test_a_dns_server_is_an_address_with_or_without_a_port(told: str) -> None:
    assert Settings.model_validate({"AGENTIC_SALES_DNS": told}).dns_servers == tuple(told.split(", "))


# What the address says


@pytest.mark.parametrize(
    "address",
    [
        *("jo", "jo@", "@emberloom.example", "jo@@emberloom.example", "jo ho@emberloom.example", "jo@emberloom"),
        *("jø@a.example", "jo@printer.local", "jo@[127.0.0.1]", f"{'j' * 65}@emberloom.example"),
    ],
)
async def test_what_is_no_address_takes_no_mail_and_the_dns_is_not_asked(servers: MailServers, address: str) -> None:
    found = (await glance(servers, [address]))[address]
    assert found.verdict == "undeliverable"
    assert found.reasons[0].startswith("it is no address: ")


async def test_an_address_is_told_in_its_normal_form(servers: MailServers) -> None:
    found = await glance(servers, [" Jo.Doe@EMBERLOOM.example ", "jo@bücher.example"])
    assert [told.address for told in found.values()] == ["Jo.Doe@emberloom.example", "jo@xn--bcher-kva.example"]


async def test_doubts_about_an_address_are_all_told(checks: MailboxChecks, servers: MailServers) -> None:
    told = await glance(servers, ["noreply@emberloom.example", "sales.emea@emberloom.example"])
    assert [found.verdict for found in told.values()] == ["risky", "risky"]
    noreply, sales = told.values()
    assert "a program reads it, and no person" in noreply.reasons
    assert sales.is_shared
    hello = await checks.check("hello@emberloom.example")
    assert hello.verdict == "risky", "that a mailbox is there makes it no person's"
    assert hello.reasons[:2] == (
        "the mailbox `hello@emberloom.example` is there",
        "`hello` is a mailbox that several people read",
    )


# What Reacher says


@pytest.mark.parametrize(
    ("address", "verdict", "reason"),
    [
        (ADA, "deliverable", f"the mailbox `{ADA}` is there"),
        ("nobody@emberloom.example", "undeliverable", "the mailbox `nobody@emberloom.example` is not there"),
        ("xanthe.larkhaven@glassotter.example", "risky", "its server takes mail for every name"),
    ],
)
async def test_a_reacher_server_knows_whether_a_mailbox_is_there(
    checks: MailboxChecks, address: str, verdict: Verdict, reason: str
) -> None:
    found = await checks.check(address)
    assert (found.verdict, found.reasons[0]) == (verdict, reason)


async def test_a_domain_that_takes_no_mail_is_not_asked_for_a_mailbox(
    world: WorldServer, checks: MailboxChecks
) -> None:
    assert (await checks.check("jo@pinecairn.example")).verdict == "undeliverable"
    assert world.visits == []


async def test_without_a_reacher_server_a_mailbox_is_unknown(world: WorldServer, place: Place) -> None:
    async with MailboxChecks(configured(world, AGENTIC_SALES_REACHER_URL=None), place=place) as checks:
        found = await checks.check(ADA)
    assert (found.verdict, found.unavailable_sources) == ("unknown", ())
    assert world.visits == []


async def test_a_reacher_server_that_fails_leaves_what_the_dns_said(world: WorldServer, checks: MailboxChecks) -> None:
    world.misbehave("5xx", "reacher")
    found = await checks.check(ADA)
    assert found.verdict == "unknown"
    assert found.unavailable_sources[0].startswith("reacher: `reacher` ")


async def test_a_wrong_secret_is_refused_by_name(world: WorldServer, place: Place) -> None:
    settings = configured(world, AGENTIC_SALES_REACHER_SECRET="wrong-hush")
    async with MailboxChecks(settings, place=place) as checks:
        found = await checks.check(ADA)
    assert "AGENTIC_SALES_REACHER" in found.unavailable_sources[0]
    assert "hush" not in found.unavailable_sources[0]


async def test_a_batch_run_waits_for_a_pause_of_the_reacher_server(world: WorldServer, checks: MailboxChecks) -> None:
    world.misbehave("429", "reacher")
    token = current_pauses.set(Pauses(Redis(port=1), is_patient=True))
    try:
        with pytest.raises(RateLimited, match="reacher"):
            await checks.check(ADA)
    finally:
        current_pauses.reset(token)
