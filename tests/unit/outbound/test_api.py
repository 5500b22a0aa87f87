"""The transport of all sources: one host, bounded answers, no key in an error."""

import gzip
from collections.abc import AsyncIterator, Iterator

import pytest

from agentic_sales.errors import AgenticSalesError, Blocked, FetchRefused, ProviderUnavailable
from agentic_sales.outbound import api as api_module
from agentic_sales.outbound.addresses import AddressGuard
from agentic_sales.outbound.answer_cache import OwnCache
from agentic_sales.outbound.api import Api, Endpoint, Reply
from agentic_sales.outbound.limits import Bucket, OwnLimiter, account_of
from tests.support.web_server import Answer, WebServer, redirect, text, web_server

SECRET = "hush-hush"
BUCKET = Bucket("all")


@pytest.fixture(scope="module")
def shared_server() -> Iterator[WebServer]:
    with web_server({}) as running:
        yield running


@pytest.fixture
def server(shared_server: WebServer) -> WebServer:
    shared_server.answers.clear()
    shared_server.visits.clear()
    return shared_server


@pytest.fixture
async def api(server: WebServer) -> AsyncIterator[Api]:
    base_url = f"{server.url}/v1"
    endpoint = Endpoint("acme", base_url, account_of("acme", base_url, SECRET), {"Authorization": SECRET}, "ACME_KEY")
    async with Api(endpoint, AddressGuard([server.netloc]), OwnLimiter(), OwnCache()) as client:
        yield client


def accept(reply: Reply) -> AgenticSalesError | None:
    del reply
    return None


def as_json(body: str) -> Answer:
    return text(body, content_type="application/json")


async def test_a_redirect_within_the_api_is_followed(server: WebServer, api: Api) -> None:
    server.answers |= {"/v1/old": redirect("/v1/new", 301), "/v1/new": as_json('{"a": 1}')}
    assert (await api.ask("/old", accept, bucket=BUCKET)).json() == {"a": 1}


@pytest.mark.parametrize("location", ["https://evil.example/v1/new", "/v2/new", "//evil.example/"])
async def test_a_redirect_out_of_the_api_is_not_followed_so_the_key_stays(
    server: WebServer, api: Api, location: str
) -> None:
    server.answers["/v1/old"] = redirect(location, 302)
    with pytest.raises(Blocked, match="another host or out of the API"):
        await api.ask("/old", accept, bucket=BUCKET)
    assert server.paths == ["/v1/old"]


async def test_a_page_link_to_another_host_is_not_followed(server: WebServer, api: Api) -> None:
    for link in ("https://evil.example/v1/a?page=2", f"{server.url}/v1.evil/a", f"{server.url}/other"):
        with pytest.raises(Blocked):
            await api.ask(link, accept, bucket=BUCKET)
    assert server.visits == []


async def test_redirects_that_do_not_end_are_ended(server: WebServer, api: Api) -> None:
    server.answers["/v1/a"] = redirect("/v1/a", 302)
    with pytest.raises(Blocked, match="redirected more than 3 times"):
        await api.ask("/a", accept, bucket=BUCKET)


async def test_a_body_beyond_the_limit_is_not_read_also_when_it_is_packed(
    server: WebServer, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_module, "MAX_BYTES", 1000)
    server.answers |= {
        "/v1/large": as_json("x" * 1001),
        "/v1/bomb": Answer(gzip.compress(bytes(10_000_000)), headers={"Content-Encoding": "gzip"}),
    }
    for path in ("/large", "/bomb"):
        with pytest.raises(Blocked, match=f"`/v1{path}`"):
            await api.ask(path, accept, bucket=BUCKET)


async def test_an_answer_that_takes_too_long_is_unavailable(
    server: WebServer, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_module, "TIMEOUT_S", 0.2)
    server.answers["/v1/slow"] = Answer(b"{} ", drip_s=0.05, drips_for_ever=True)
    with pytest.raises(ProviderUnavailable, match=r"`acme` .*`/v1/slow`.*0.2 s"):
        await api.ask("/slow", accept, bucket=BUCKET)


async def test_an_error_shows_neither_the_query_nor_the_key(server: WebServer, api: Api) -> None:
    server.answers[f"/v1/a?key={SECRET}"] = Answer(b"{}", headers={"Content-Encoding": "br"})
    with pytest.raises(Blocked) as refused:
        await api.ask("/a", accept, bucket=BUCKET, params={"key": SECRET})
    assert SECRET not in f"{refused.value}{refused.value.__cause__}"
    assert "`/v1/a`" in str(refused.value)


async def test_a_host_on_a_private_network_is_refused_unless_the_deployment_names_it(server: WebServer) -> None:
    endpoint = Endpoint("acme", server.url, "account")
    async with Api(endpoint, AddressGuard([]), OwnLimiter(), OwnCache()) as client:
        with pytest.raises((Blocked, FetchRefused)):
            await client.ask("/a", accept, bucket=BUCKET)
    assert server.visits == []


@pytest.mark.parametrize(
    "broken",
    [as_json('{"a": '), text("<html>", content_type="text/html"), text("<feed>", content_type="application/xml")],
)
async def test_an_answer_that_breaks_off_is_not_kept(server: WebServer, api: Api, broken: Answer) -> None:
    server.answers["/v1/a"] = broken
    await api.ask("/a", accept, bucket=BUCKET, fresh_s=60.0)
    server.answers["/v1/a"] = as_json('{"a": 1}')
    assert (await api.ask("/a", accept, bucket=BUCKET, fresh_s=60.0)).json() == {"a": 1}
    assert (await api.ask("/a", accept, bucket=BUCKET, fresh_s=60.0)).json() == {"a": 1}
    assert len(server.visits) == 2


async def test_an_answer_to_a_post_is_kept_by_its_body_and_never_asked_for_conditionally(
    server: WebServer, api: Api
) -> None:
    server.answers["/v1/a"] = Answer(b"{}", headers={"Content-Type": "application/json", "ETag": '"1"'})
    for query, fresh_s in (("one", 60.0), ("one", 60.0), ("two", 60.0), ("two", 0.0)):
        await api.ask("/a", accept, bucket=BUCKET, json={"query": query}, fresh_s=fresh_s)
    assert len(server.visits) == 3
    assert not any("If-None-Match" in visit.headers for visit in server.visits)


async def test_nothing_is_kept_that_a_client_does_not_read(server: WebServer, api: Api) -> None:
    cache = OwnCache()
    api._cache = cache
    server.answers["/v1/a"] = Answer(b"{}", headers={"Content-Type": "application/json", "Set-Cookie": "a=b"})
    await api.ask("/a", accept, bucket=BUCKET, fresh_s=60.0)
    assert [dict(kept.headers) for kept in cache._kept.values()] == [{"content-type": "application/json"}]
