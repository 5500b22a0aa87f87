"""The fetcher over real HTTP on loopback, and what it must refuse to do."""

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.outbound.addresses import Resolve
from agentic_sales.outbound.connections import USER_AGENT
from agentic_sales.outbound.http import httpx
from agentic_sales.rules.page_signs import is_telling
from agentic_sales.settings import Settings
from agentic_sales.sources.robots import Robots
from agentic_sales.sources.sitemaps import parse_sitemap
from agentic_sales.sources.web import MAX_SITEMAP_URLS, MAX_SITEMAPS, Fetcher
from tests.support.web_server import HTML, Answer, WebServer, html, redirect, text, web_server

PUBLIC_ADDRESS = "93.184.216.34"
A_SHORT_WHILE_S = 0.3


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server({}) as running:
        yield running


def fetcher(server: WebServer, **values: Any) -> Fetcher:
    return Fetcher(Settings(**{"allow_private_hosts": (server.netloc,), **values}))


# Reading a page


async def test_a_page_is_read_with_its_redirects_followed(server: WebServer) -> None:
    body = "<title>Home</title><h1>Hello</h1><a href='/about'>About</a> write to Jo@Example.com"
    server.answers |= {
        "/start": redirect("/moved", 301),
        "/moved": redirect(f"{server.url}/home#top"),
        "/home": html(body),
    }
    async with fetcher(server) as web:
        page = await web.fetch(f"{server.url}/start#ignored")
    assert (page.url, page.final_url, page.status) == (f"{server.url}/start#ignored", f"{server.url}/home", 200)
    assert (page.title, page.links, page.emails) == ("Home", (f"{server.url}/about",), ("jo@example.com",))
    assert page.markdown == f"# Hello\n\n[About]({server.url}/about) write to Jo@Example.com"
    assert page.text == "Hello\nAbout write to Jo@Example.com"
    assert page.fetched_bytes == len(body)


async def test_a_request_says_who_asks_and_names_the_host(server: WebServer) -> None:
    server.answers["/"] = html("x")
    async with fetcher(server) as web:
        await web.fetch(server.url)
    sent = server.visits[-1].headers
    assert (sent["User-Agent"], sent["Host"], sent["Accept-Encoding"]) == (USER_AGENT, server.netloc, "gzip")


async def test_no_cookie_is_kept(server: WebServer) -> None:
    server.answers["/"] = Answer(b"x", headers={"Content-Type": HTML, "Set-Cookie": "id=1; Path=/"})
    async with fetcher(server) as web:
        await web.fetch(server.url)
        await web.fetch(server.url)
    assert [visit.headers.get("Cookie") for visit in server.visits] == [None] * 3


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("Füße".encode(), "text/html; charset=UTF-8"),
        ("Füße".encode(), "text/html"),
        ("Füße".encode("latin-1"), "text/html; charset=iso-8859-1"),
        (b"<meta charset='windows-1252'>" + "Füße".encode("cp1252"), "text/html"),
        ("Füße".encode("utf-8-sig"), "text/html; charset=iso-8859-1"),
        ("Füße".encode("utf-16"), "text/plain"),
        ("Füße".encode("latin-1"), "Text/HTML ;Charset='ISO-8859-1'; x=y"),
        ("Füße".encode(), "text/html; charset=idna"),
        ("Füße".encode(), "text/html; charset*=; charset*0*=x; charset"),
        ("Füße".encode(), "text/html; charset=no-such-charset"),
    ],
)
async def test_a_page_is_decoded_by_what_it_declares(server: WebServer, body: bytes, content_type: str) -> None:
    server.answers["/"] = Answer(body, headers={"Content-Type": content_type})
    async with fetcher(server) as web:
        assert (await web.fetch(server.url)).text == "Füße"


async def test_a_compressed_page_is_unpacked(server: WebServer) -> None:
    server.answers["/"] = packed(gzip.compress(b"<p>small"))
    async with fetcher(server) as web:
        page = await web.fetch(server.url)
    assert (page.text, page.fetched_bytes) == ("small", len("<p>small"))


async def test_plain_text_is_read_as_it_is(server: WebServer) -> None:
    server.answers["/"] = text("a <b> c\nme@example.com")
    async with fetcher(server) as web:
        page = await web.fetch(server.url)
    assert (page.text, page.emails, page.title) == ("a <b> c\nme@example.com", ("me@example.com",), "")


@pytest.mark.parametrize("content_type", ["application/pdf", "image/png", "application/octet-stream", ""])
async def test_what_is_no_text_is_refused(server: WebServer, content_type: str) -> None:
    server.answers["/"] = Answer(b"x", headers={"Content-Type": content_type} if content_type else {})
    async with fetcher(server) as web:
        with pytest.raises(FetchRefused, match="its content type is"):
            await web.fetch(server.url)


@pytest.mark.parametrize("status", [304, 400, 401, 403, 404, 410, 451])
async def test_an_answer_that_denies_is_refused_and_names_its_status(server: WebServer, status: int) -> None:
    server.answers["/"] = html("x", status)
    async with fetcher(server) as web:
        with pytest.raises(FetchRefused, match=f"answered {status}"):
            await web.fetch(server.url)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 599])
async def test_an_answer_that_may_change_is_unavailability(server: WebServer, status: int) -> None:
    server.answers["/"] = html("x", status)
    async with fetcher(server) as web:
        with pytest.raises(ProviderUnavailable, match=f"answered {status}"):
            await web.fetch(server.url)


async def test_a_host_that_takes_no_connection_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # Bound and not listening: nobody else gets the port meanwhile.
        async with Fetcher(Settings(allow_private_hosts=("127.0.0.1",))) as web:
            with pytest.raises(ProviderUnavailable, match="is not available: ConnectError"):
                await web.fetch(f"http://127.0.0.1:{unused.getsockname()[1]}/")


async def test_proxies_of_the_environment_are_ignored(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server.answers["/"] = html("direct")
    async with fetcher(server) as web:
        assert (await web.fetch(server.url)).text == "direct"


# Limits


async def test_a_page_over_the_size_limit_is_read_up_to_it_and_says_so(server: WebServer) -> None:
    server.answers |= {"/fits": html("x" * 2048), "/over": html("x" * 3000)}
    async with fetcher(server, fetch_max_bytes=2048) as web:
        pages = [await web.fetch(f"{server.url}{path}") for path in ("/fits", "/over")]
    assert [(page.fetched_bytes, page.is_cut) for page in pages] == [(2048, False), (2048, True)]


async def test_of_a_packed_page_no_more_is_unpacked_than_the_size_limit(server: WebServer) -> None:
    server.answers["/"] = packed(gzip.compress(b"0" * 30_000_000))
    async with fetcher(server, fetch_max_bytes=100_000) as web:
        tracemalloc.start()
        with pytest.raises(FetchRefused, match="unpacks to more than 100000 bytes"):
            await web.fetch(server.url)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak_bytes < 5_000_000


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate", "zstd", "compress"])
async def test_a_body_that_is_packed_as_nobody_asked_is_refused(server: WebServer, encoding: str) -> None:
    server.answers["/"] = packed(gzip.compress(gzip.compress(b"x")), encoding)
    async with fetcher(server) as web:
        with pytest.raises(FetchRefused, match="not asked for"):
            await web.fetch(server.url)


async def test_a_damaged_body_is_refused(server: WebServer) -> None:
    server.answers["/"] = packed(b"this is no gzip")
    async with fetcher(server) as web:
        with pytest.raises(FetchRefused, match="gzip body is damaged"):
            await web.fetch(server.url)


async def test_a_page_that_drips_for_ever_ends_at_the_time_limit(server: WebServer) -> None:
    server.answers["/"] = Answer(b"x", headers={"Content-Type": HTML}, drip_s=0.02, drips_for_ever=True)
    started_s = time.monotonic()
    async with fetcher(server, fetch_timeout_s=A_SHORT_WHILE_S) as web:
        with pytest.raises(ProviderUnavailable, match=f"no complete answer within {A_SHORT_WHILE_S} s"):
            await web.fetch(server.url)
    assert time.monotonic() - started_s < 1.5


async def test_all_redirects_of_a_page_share_one_time_limit(server: WebServer) -> None:
    slow = {"Location": "/", "Content-Type": HTML}
    server.answers |= {
        "/": html("arrived"),
        "/1": Answer(status=302, headers={**slow, "Location": "/2"}, delay_s=0.2),
        "/2": Answer(status=302, headers={**slow, "Location": "/"}, delay_s=0.2),
    }
    async with fetcher(server, fetch_timeout_s=A_SHORT_WHILE_S) as web:
        assert (await web.fetch(f"{server.url}/2")).text == "arrived"
        with pytest.raises(ProviderUnavailable, match="no complete answer"):
            await web.fetch(f"{server.url}/1")


async def test_waiting_for_its_turn_costs_a_page_none_of_its_time(server: WebServer) -> None:
    server.answers |= {f"/{n}": Answer(b"x", headers={"Content-Type": HTML}, delay_s=0.2) for n in range(3)}
    async with fetcher(server, fetch_timeout_s=A_SHORT_WHILE_S) as web:
        pages = await asyncio.gather(*(web.fetch(f"{server.url}/{n}") for n in range(3)))
    assert [page.status for page in pages] == [200] * 3


async def test_redirects_that_do_not_end_are_refused(server: WebServer) -> None:
    server.answers |= {"/a": redirect("/b"), "/b": redirect("/a")}
    async with fetcher(server) as web:
        with pytest.raises(FetchRefused, match="redirected more than 5 times"):
            await web.fetch(f"{server.url}/a")
    assert server.paths.count("/a") + server.paths.count("/b") == 6


# Addresses


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://127.0.0.1/",
        "http://127.0.0.1:22/",
        "http://localhost/",
        "http://2130706433/",
        "//0x7f.1/",
        "file:///etc/passwd",
        "http://user:pw@example.com/",
    ],
)
async def test_a_redirect_to_a_private_address_is_refused(server: WebServer, location: str) -> None:
    server.answers["/"] = redirect(location)
    async with fetcher(server) as web:
        with pytest.raises(FetchRefused):
            await web.fetch(server.url)
    assert server.paths == ["/robots.txt", "/"]


async def test_nothing_is_sent_to_a_host_with_a_private_address() -> None:
    sent = RecordedRequests()
    async with Fetcher(Settings(), resolve=answering("127.0.0.1"), transport=sent.transport) as web:
        with pytest.raises(FetchRefused, match="not on the public internet"):
            await web.fetch("http://rebound.example.com/")
    assert sent.requests == []


async def test_a_connection_goes_to_the_checked_address_and_names_the_host() -> None:
    sent = RecordedRequests()
    async with Fetcher(Settings(), resolve=answering(PUBLIC_ADDRESS), transport=sent.transport) as web:
        page = await web.fetch("https://www.example.com/a?b=1")
    request = sent.requests[-1]
    assert page.final_url == "https://www.example.com/a?b=1"
    assert str(request.url) == f"https://{PUBLIC_ADDRESS}/a?b=1"
    assert request.headers["host"] == "www.example.com"
    assert request.extensions["sni_hostname"] == "www.example.com"


async def test_a_name_that_is_rebound_to_a_private_address_is_refused_before_anything_is_sent() -> None:
    sent = RecordedRequests()
    rebinding = answering_in_turn([PUBLIC_ADDRESS], ["127.0.0.1"])
    async with Fetcher(Settings(), resolve=rebinding, transport=sent.transport) as web:
        with pytest.raises(FetchRefused, match="not on the public internet"):
            await web.fetch("http://rebound.example.com/")
    assert [str(request.url) for request in sent.requests] == [f"http://{PUBLIC_ADDRESS}/robots.txt"]


async def test_a_name_is_resolved_once_per_request_and_only_that_answer_is_used(server: WebServer) -> None:
    server.answers["/"] = html("the checked one")
    name = f"site.example.com:{server.port}"
    # A third question, or a connection that resolves again, would fail.
    resolve = answering_in_turn(["127.0.0.1"], ["127.0.0.1"])
    async with Fetcher(Settings(allow_private_hosts=(name,)), resolve=resolve) as web:
        assert (await web.fetch(f"http://{name}/")).text == "the checked one"
    assert [visit.headers["Host"] for visit in server.visits] == [name, name]


async def test_the_next_address_is_tried_when_one_takes_no_connection(server: WebServer) -> None:
    server.answers["/"] = html("second")
    name = f"site.example.com:{server.port}"
    resolve = answering("127.0.0.2", "127.0.0.1")  # The server listens on the second only.
    async with Fetcher(Settings(allow_private_hosts=(name,)), resolve=resolve) as web:
        assert (await web.fetch(f"http://{name}/")).text == "second"


async def test_tls_speaks_to_the_checked_address_by_the_name_of_the_host(certificate: Path) -> None:
    assert await fetched_over_tls("tls.example.com", certificate) == "secret"


async def test_a_certificate_of_another_host_is_not_accepted(certificate: Path) -> None:
    with pytest.raises(ProviderUnavailable, match="Hostname mismatch"):
        await fetched_over_tls("other.example.com", certificate)


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(certificate: Path) -> None:
    with pytest.raises(ProviderUnavailable, match="certificate verify failed"):
        await fetched_over_tls("tls.example.com", certificate, is_trusted=False)


async def fetched_over_tls(host: str, certificate: Path, *, is_trusted: bool = True) -> str:
    """Read the page of a host that shows the certificate."""
    shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with web_server({"/": html("secret")}, shown) as server:
        name = f"{host}:{server.port}"
        async with Fetcher(
            Settings(allow_private_hosts=(name,)),
            resolve=answering("127.0.0.1"),
            transport=(lambda: httpx.AsyncHTTPTransport(verify=trusting)) if is_trusted else None,
        ) as web:
            return (await web.fetch(f"https://{name}/")).text


# Politeness


async def test_what_robots_txt_forbids_is_not_asked_for(server: WebServer) -> None:
    rules = "User-agent: *\nDisallow: /\n\nUser-agent: AgenticSalesBot\nDisallow: /private/\nAllow: /private/press\n"
    server.answers |= {
        "/robots.txt": text(rules),
        "/": html("x"),
        "/private/press": html("x"),
        "/private/board": html("x"),
    }
    async with fetcher(server) as web:
        await web.fetch(server.url)
        await web.fetch(f"{server.url}/private/press")
        with pytest.raises(FetchRefused, match=r"robots\.txt of its site forbids it"):
            await web.fetch(f"{server.url}/private/board")
    assert server.paths == ["/robots.txt", "/", "/private/press"]


async def test_a_redirect_to_a_forbidden_page_is_not_followed(server: WebServer) -> None:
    server.answers |= {"/robots.txt": text("User-agent: *\nDisallow: /private"), "/": redirect("/private")}
    async with fetcher(server) as web:
        with pytest.raises(FetchRefused, match=r"/private`: the robots\.txt"):
            await web.fetch(server.url)
    assert "/private" not in server.paths


@pytest.mark.parametrize("robots", [text("", 404), text("", 403), redirect("/robots.txt"), Answer()])
async def test_a_site_without_a_robots_txt_may_be_read(server: WebServer, robots: Answer) -> None:
    server.answers |= {"/robots.txt": robots, "/": html("x")}
    async with fetcher(server) as web:
        assert (await web.fetch(server.url)).status == 200


@pytest.mark.parametrize("robots", [text("", 500), text("", 503), text("", 429), Answer(delay_s=1.0)])
async def test_a_site_whose_robots_txt_cannot_be_read_now_is_not_read(server: WebServer, robots: Answer) -> None:
    server.answers |= {"/robots.txt": robots, "/": html("x")}
    async with fetcher(server, fetch_timeout_s=A_SHORT_WHILE_S) as web:
        with pytest.raises(ProviderUnavailable):
            await web.fetch(server.url)
    assert "/" not in server.paths


async def test_robots_txt_is_read_once_and_a_host_is_asked_one_thing_at_a_time(server: WebServer) -> None:
    server.answers |= {f"/{n}": Answer(b"x", headers={"Content-Type": HTML}, delay_s=0.02) for n in range(5)}
    async with fetcher(server) as web:
        await asyncio.gather(*(web.fetch(f"{server.url}/{n}") for n in range(5)))
    assert server.paths.count("/robots.txt") == 1
    visits = sorted(server.visits, key=lambda visit: visit.started_s)
    assert all(before.answered_s <= after.started_s for before, after in pairwise(visits))


async def test_the_crawl_delay_of_a_site_is_kept(server: WebServer) -> None:
    server.answers |= {"/robots.txt": text("User-agent: *\nCrawl-delay: 0.2"), "/1": html("x"), "/2": html("x")}
    async with fetcher(server) as web:
        await asyncio.gather(web.fetch(f"{server.url}/1"), web.fetch(f"{server.url}/2"))
    first, second = [visit.started_s for visit in server.visits[-2:]]
    assert second - first >= 0.2


async def test_a_public_host_is_given_half_a_second_between_two_pages() -> None:
    sent = RecordedRequests()
    async with Fetcher(Settings(), resolve=answering(PUBLIC_ADDRESS), transport=sent.transport) as web:
        await web.fetch("http://example.com/1")
        started_s = time.monotonic()
        await web.fetch("http://example.com/2")
    assert time.monotonic() - started_s >= 0.4


def test_a_crawl_delay_is_capped() -> None:
    assert Robots("User-agent: *\nCrawl-delay: 86400").delay_s == 5.0


def test_a_robots_txt_of_many_agents_and_rules_is_read_in_bounded_time() -> None:
    agents = "\n".join(f"User-agent: bot{number}" for number in range(15_000))
    rules = "\n".join(f"Disallow: /{number}" for number in range(15_000))
    started_s = time.process_time()
    robots = Robots(f"{agents}\n{rules}\nUser-agent: agenticsalesbot\nDisallow: /mine")
    assert time.process_time() - started_s < 2.0
    assert robots.allows("http://example.com/7")
    assert not robots.allows("http://example.com/mine")


# Sitemaps


async def test_the_sitemaps_that_robots_txt_names_are_read_each_once_however_they_are_nested(server: WebServer) -> None:
    server.answers |= {
        "/robots.txt": text(f"Sitemap: {server.url}/index.xml"),
        "/index.xml": absolute(server, sitemap("/s/1.xml", "/s/index.xml", root="sitemapindex", item="sitemap")),
        "/s/1.xml": absolute(server, sitemap("/a", "/b", "/a", "/d#part")),
        "/s/index.xml": absolute(server, sitemap("/deep.xml", "/index.xml", root="sitemapindex", item="sitemap")),
        "/deep.xml": absolute(server, sitemap("/deep")),
    }
    async with fetcher(server) as web:
        assert await web.sitemap_urls(server.url) == tuple(server.url + path for path in ("/a", "/b", "/d", "/deep"))
    assert server.paths.count("/index.xml") == 1


async def test_an_endless_chain_of_sitemaps_ends(server: WebServer) -> None:
    chain = {
        f"/{n}.xml": absolute(server, sitemap(f"/{n + 1}.xml", root="sitemapindex", item="sitemap")) for n in range(99)
    }
    server.answers |= {"/robots.txt": text(f"Sitemap: {server.url}/0.xml"), **chain}
    async with fetcher(server) as web:
        assert await web.sitemap_urls(server.url) == ()
    assert len([path for path in server.paths if path.endswith(".xml")]) == MAX_SITEMAPS


async def test_a_packed_sitemap_is_read_whatever_its_type(server: WebServer) -> None:
    content = gzip.compress(absolute(server, sitemap("/careers")).body)
    server.answers |= {
        "/robots.txt": text(f"Sitemap: {server.url}/s.xml.gz"),
        "/s.xml.gz": Answer(content, headers={"Content-Type": "application/gzip"}),
    }
    async with fetcher(server) as web:
        assert await web.sitemap_urls(server.url) == (f"{server.url}/careers",)


async def test_telling_pages_come_before_the_others_are_cut(server: WebServer) -> None:
    server.answers["/sitemap.xml"] = absolute(server, sitemap(*(f"/p/{n}" for n in range(2_000)), "/careers"))
    async with fetcher(server) as web:
        listed = await web.sitemap_urls(server.url, is_telling)
    assert (listed[0], len(listed)) == (f"{server.url}/careers", MAX_SITEMAP_URLS)


async def test_sitemaps_and_pages_on_another_host_are_left_out(server: WebServer) -> None:
    with web_server({"/sitemap.xml": text(sitemap("/x"), content_type="text/xml")}) as other:
        index = sitemap("/s.xml", f"{other.url}/sitemap.xml", root="sitemapindex", item="sitemap")
        server.answers |= {
            "/robots.txt": text(f"Sitemap: {server.url}/index.xml\nSitemap: {other.url}/sitemap.xml"),
            "/index.xml": absolute(server, index),
            "/s.xml": absolute(server, sitemap("/a", f"{other.url}/b")),
        }
        async with fetcher(server, allow_private_hosts=(server.netloc, other.netloc)) as web:
            assert await web.sitemap_urls(server.url) == (f"{server.url}/a",)
        assert other.visits == []


async def test_the_sitemap_is_where_it_usually_is_when_none_is_named(server: WebServer) -> None:
    server.answers["/sitemap.xml"] = absolute(server, sitemap("/a"))
    async with fetcher(server) as web:
        assert await web.sitemap_urls(f"{server.url}/deep/page") == (f"{server.url}/a",)


@pytest.mark.parametrize(
    "answer", [text("", 404), text("", 503), html("<p>no such page"), text("", content_type="text/xml")]
)
async def test_a_site_without_a_readable_sitemap_lists_nothing(server: WebServer, answer: Answer) -> None:
    server.answers["/sitemap.xml"] = answer
    async with fetcher(server) as web:
        assert await web.sitemap_urls(server.url) == ()


async def test_a_long_sitemap_is_cut(server: WebServer) -> None:
    server.answers["/sitemap.xml"] = absolute(server, sitemap(*(f"/{n}" for n in range(2 * MAX_SITEMAP_URLS))))
    async with fetcher(server) as web:
        assert len(await web.sitemap_urls(server.url)) == MAX_SITEMAP_URLS


@pytest.mark.parametrize(
    "document",
    [b"", b"<", b"junk", b"\x00", b"<a:b:c/>", b"<a><loc>&#xD800;</loc></a>", b"<p>page", b"<urlset><loc/></urlset>"],
)
def test_what_is_no_sitemap_lists_nothing(document: bytes) -> None:
    assert parse_sitemap(document).pages == ()


def test_no_entity_of_a_sitemap_is_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("http://example.com/secret")
    document = (
        f'<!DOCTYPE urlset [<!ENTITY file SYSTEM "{secret.as_uri()}"><!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">'
        '<!ENTITY net SYSTEM "http://127.0.0.1:1/">]><urlset>'
        "<url><loc>&file;</loc></url><url><loc>http://example.com/&b;</loc></url><url><loc>&net;</loc></url>"
        "<url><loc>http://example.com/plain</loc></url></urlset>"
    )
    assert parse_sitemap(document.encode()).pages == ("http://example.com/plain",)


# What the tests are made of


class RecordedRequests:
    """What would have gone out to the internet; every path but robots.txt is answered with a page."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    def transport(self) -> httpx.AsyncBaseTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/robots.txt":
            return httpx.Response(404)
        return httpx.Response(200, headers={"Content-Type": HTML}, stream=httpx.ByteStream(b"<p>page"))


def answering(*addresses: str) -> Resolve:
    """Return a resolver that always gives these addresses."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


def answering_in_turn(*answers: Sequence[str]) -> Resolve:
    """Return a resolver that gives each answer once."""
    left = list(answers)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return left.pop(0)

    return resolve


def packed(body: bytes, encoding: str = "gzip") -> Answer:
    return Answer(body, headers={"Content-Type": HTML, "Content-Encoding": encoding})


def sitemap(*locations: str, root: str = "urlset", item: str = "url") -> str:
    items = "".join(f"<{item}><loc> {location} </loc></{item}>" for location in locations)
    return f'<?xml version="1.0"?><{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{items}</{root}>'


def absolute(server: WebServer, document: str) -> Answer:
    return text(document.replace("<loc> /", f"<loc> {server.url}/"), content_type="application/xml")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for tls.example.com, key in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no `openssl` on PATH to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=tls.example.com"
    options += f" -addext subjectAltName=DNS:tls.example.com -keyout {path} -out {path}.crt"
    subprocess.run([openssl, *options.split()], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + path.with_name("certificate.pem.crt").read_bytes())
    return path


# What sends on, and what holds no text of its own


async def test_a_page_that_only_sends_on_is_followed(server: WebServer) -> None:
    server.answers |= {
        "/": html('<meta http-equiv="Refresh" content="0; URL=\'/en/\'"><title>Redirecting</title>'),
        "/en/": html("<title>Home</title><p>lemonade</p>"),
    }
    async with fetcher(server) as web:
        page = await web.fetch(server.url)
    assert (page.url, page.final_url, page.text) == (server.url, f"{server.url}/en/", "lemonade")


@pytest.mark.parametrize(
    "refresh",
    [
        '<meta http-equiv="refresh" content="300; url=/later">',
        '<meta http-equiv="refresh" content="5">',
        '<meta http-equiv="refresh" content="5; url=/">',
        '<noscript><meta http-equiv="refresh" content="0; url=/no-script"></noscript>',
    ],
)
async def test_a_page_that_refreshes_itself_or_late_is_read(server: WebServer, refresh: str) -> None:
    server.answers["/"] = html(f"<html><head>{refresh}</head><body>prices</body></html>")
    async with fetcher(server) as web:
        assert (await web.fetch(f"{server.url}/")).text == "prices"


async def test_pages_that_send_on_for_ever_end_with_one_of_them(server: WebServer) -> None:
    server.answers |= {f"/{n}": html(f'<meta http-equiv="refresh" content="0;url=/{n + 1}">') for n in range(20)}
    async with fetcher(server) as web:
        assert (await web.fetch(f"{server.url}/0")).final_url == f"{server.url}/3"


async def test_the_frames_of_a_frameset_are_its_content(server: WebServer) -> None:
    server.answers |= {
        "/": html('<title>Bells</title><frameset><frame src="menu"><frame src="main"><frame src="gone"></frameset>'),
        "/menu": html('<a href="/careers">Jobs</a>'),
        "/main": html("<p>We cast bells. bells@example.com</p>"),
    }
    async with fetcher(server) as web:
        page = await web.fetch(f"{server.url}/")
    assert (page.title, page.text, page.unreadable_reason) == ("Bells", "Jobs\nWe cast bells. bells@example.com", "")
    assert (page.links, page.emails) == ((f"{server.url}/careers",), ("bells@example.com",))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "the page is empty"),
        ("<title>App</title><script src='/a.js'></script><div id='root'></div>", "drawn by scripts"),
        ("<title>App</title><noscript>Please enable JavaScript</noscript><div id='app'></div>", "drawn by scripts"),
        ("<title>Just a moment...</title><p>Checking your browser before accessing</p>", "a check of the browser"),
        ("<title>x</title><h1>This domain is for sale</h1>", "a site that is not there"),
        ("<title>Ladders</title><script src='/a.js'></script><p>We make loading ramps and ladders.</p>", ""),
    ],
)
async def test_a_page_that_cannot_be_read_says_why(server: WebServer, body: str, reason: str) -> None:
    server.answers["/"] = html(body)
    async with fetcher(server) as web:
        told = (await web.fetch(server.url)).unreadable_reason
    assert reason in told
    assert bool(told) == bool(reason)


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        ("Süße Brötchen für München".encode("latin-1"), "text/html; charset=utf-8", "Süße Brötchen für München"),
        ("Gärten jeder Größe".encode(), "text/html; charset=iso-8859-1", "Gärten jeder Größe"),
        (b"\x93It\x92s here\x94 \x96 caf\xe9", "text/html", "\u201cIt\u2019s here\u201d \u2013 café"),
        ("Käse, Öl und Brot ".encode() + b"\xff", "text/html; charset=utf-8", "Käse, Öl und Brot \ufffd"),
        ("東京の会社です".encode("shift_jis"), "text/html; charset=shift_jis", "東京の会社です"),
        ("東京".encode("iso-2022-jp"), "text/html; charset=iso-2022-jp", "東京"),
        (("Мы производим насосы и оборудование. " * 5).encode("cp1251"), "text/html", "Мы производим насосы"),
    ],
)
async def test_bytes_that_do_not_fit_what_is_declared_are_read_as_what_they_are(
    server: WebServer, body: bytes, content_type: str, words: str
) -> None:
    server.answers["/"] = Answer(body, headers={"Content-Type": content_type})
    async with fetcher(server) as web:
        assert words in (await web.fetch(server.url)).text
