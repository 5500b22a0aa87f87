"""Crawls of sites on loopback: which pages are chosen, what is said of them, and when a crawl ends."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from langgraph.graph.state import CompiledStateGraph
from pydantic import ValidationError

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.graphs import deep_scrape
from agentic_sales.graphs.deep_scrape import (
    Input,
    Output,
    State,
    resolve,
)
from agentic_sales.local.site import serve_sample_site
from agentic_sales.sources.links import page_key, same_site
from agentic_sales.sources.site_pages import fair_length, is_careers_host
from tests.support.web_server import HTML, Answer, WebServer, html, links, redirect, text, web_server

graph: CompiledStateGraph[Any, Any, Any, Any] = deep_scrape.graph


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    with web_server({}) as running:
        monkeypatch.setenv("AGENTIC_SALES_ALLOW_PRIVATE_HOSTS", running.netloc)
        yield running


async def scrape(site: WebServer, path: str = "/", **values: Any) -> Mapping[str, Any]:
    final: Mapping[str, Any] = await graph.ainvoke({"url": site.url + path, **values})
    return final


def paths(site: WebServer, final: Mapping[str, Any]) -> list[str]:
    return [page["url"].removeprefix(site.url) for page in final["pages"]]


async def test_the_sample_site_is_read_whole_and_politely(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_sample_site() as url:
        monkeypatch.setenv("AGENTIC_SALES_ALLOW_PRIVATE_HOSTS", url.removeprefix("http://"))
        final = await graph.ainvoke({"url": url})
    assert final["pages_crawled"] == len(final["pages"]) == 7
    assert (final["has_careers"], final["careers_url"]) == (True, f"{url}/careers")
    assert (final["has_pricing"], final["pricing_url"]) == (True, f"{url}/pricing")
    assert {"hello@northwind-signals.example.com", "careers@northwind-signals.example.com"} <= set(final["emails"])
    assert [page["url"] for page in final["skipped"]] == [f"{url}/private/board"]
    assert (final["target_url"], final["domain"], final["stop_reason"]) == (f"{url}/", "127.0.0.1", "finished")


async def test_every_documented_key_is_in_the_answer_as_plain_data(site: WebServer) -> None:
    site.answers["/"] = html("only this")
    final = await scrape(site)
    assert Output.model_fields.keys() <= final.keys()
    assert json.loads(json.dumps(final)) == final
    assert (final["has_careers"], final["careers_url"], final["emails"], final["skipped"]) == (False, "", [], [])


async def test_the_sitemap_comes_first_and_telling_pages_before_the_others(site: WebServer) -> None:
    locations = "".join(f"<url><loc>{site.url}{path}</loc></url>" for path in ("/news", "/about"))
    site.answers |= {
        "/sitemap.xml": text(f"<urlset>{locations}</urlset>", content_type="application/xml"),
        "/": links("/blog", "/careers", "/news"),
        **{path: links() for path in ("/news", "/about", "/blog", "/careers")},
    }
    assert paths(site, await scrape(site)) == ["/", "/about", "/careers", "/news", "/blog"]


async def test_pages_are_read_level_by_level_down_to_the_depth(site: WebServer) -> None:
    site.answers |= {"/": links("/a", "/b"), "/a": links("/a/a"), "/b": links("/b/b"), "/a/a": links("/too/deep")}
    site.answers |= {"/b/b": links(), "/too/deep": links()}
    final = await scrape(site)
    assert [(page["url"].removeprefix(site.url), page["depth"]) for page in final["pages"]] == [
        ("/", 0),
        ("/a", 1),
        ("/b", 1),
        ("/a/a", 2),
        ("/b/b", 2),
    ]
    assert "/too/deep" not in site.paths


async def test_at_depth_zero_only_the_first_page_is_asked_for(site: WebServer) -> None:
    site.answers |= {"/": links("/a"), "/a": links()}
    final = await scrape(site, max_depth=0)
    assert (site.paths, final["stop_reason"]) == (["/robots.txt", "/"], "finished")


async def test_a_page_is_read_once_however_it_is_spelled(site: WebServer) -> None:
    site.answers |= {
        "/": links("/a", "/a/", "/a#x", "/a?utm_source=x&gclid=1", "/a/index.html", "/index.html", "/a?page=2")
    }
    site.answers |= {"/a": links(), "/a?page=2": links()}
    assert paths(site, await scrape(site)) == ["/", "/a", "/a?page=2"]


async def test_a_page_that_leads_to_one_that_was_read_is_not_returned_twice(site: WebServer) -> None:
    site.answers |= {
        "/": links("/a", "/alias", "/home"),
        "/a": links(),
        "/alias": redirect("/a"),
        "/home": redirect("/"),
    }
    final = await scrape(site)
    assert (paths(site, final), final["skipped"]) == (["/", "/a"], [])


async def test_other_hosts_and_files_are_not_asked_for(site: WebServer) -> None:
    site.answers["/"] = links(
        "http://other.example.com/", "//127.0.0.1/", "/report.pdf", "/logo.PNG", "/feed.xml", "mailto:a@b.example"
    )
    final = await scrape(site)
    assert (paths(site, final), final["skipped"]) == (["/"], [])
    assert site.paths == ["/robots.txt", "/", "/sitemap.xml"]


async def test_a_page_that_leads_to_another_site_is_skipped(site: WebServer) -> None:
    with web_server({"/": html("elsewhere")}) as other, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AGENTIC_SALES_ALLOW_PRIVATE_HOSTS", f"{site.netloc},{other.netloc}")
        site.answers |= {"/": links("/away"), "/away": redirect(other.url)}
        final = await scrape(site)
    assert final["skipped"] == [{"url": f"{site.url}/away", "reason": f"it leads to another site: {other.url}/"}]


async def test_the_site_is_where_the_first_page_leads(site: WebServer) -> None:
    site.answers |= {"/": redirect("/en"), "/en": links("/en/about"), "/en/about": links()}
    final = await scrape(site)
    assert (final["target_url"], paths(site, final)) == (f"{site.url}/en", ["/en", "/en/about"])


async def test_pages_that_fail_are_skipped_with_the_reason_and_the_others_are_read(site: WebServer) -> None:
    site.answers |= {
        "/": links("/gone", "/broken", "/binary", "/fine"),
        "/broken": html("x", 500),
        "/fine": html("fine"),
    }
    site.answers["/binary"] = Answer(b"x", headers={"Content-Type": "image/png"})
    final = await scrape(site)
    assert paths(site, final) == ["/", "/fine"]
    reasons = {page["url"].removeprefix(site.url): page["reason"] for page in final["skipped"]}
    assert reasons["/gone"] == "the server answered 404"
    assert "it answered 500" in reasons["/broken"]
    assert "image/png" in reasons["/binary"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (html("x", 404), FetchRefused),
        (html("x", 503), ProviderUnavailable),
        (redirect("http://10.0.0.1/"), FetchRefused),
    ],
)
async def test_a_first_page_that_cannot_be_read_fails_the_run(
    site: WebServer, answer: Answer, error: type[Exception]
) -> None:
    site.answers["/"] = answer
    with pytest.raises(error):
        await scrape(site)


async def test_a_crawl_ends_when_enough_pages_were_read(site: WebServer) -> None:
    site.answers |= {"/": links(*(f"/{n}" for n in range(9))), **{f"/{n}": links() for n in range(9)}}
    final = await scrape(site, max_pages=4)
    assert (final["pages_crawled"], final["stop_reason"]) == (4, "max_pages")
    assert len(site.paths) == len(["/robots.txt", "/sitemap.xml"]) + 4


async def test_a_crawl_ends_at_its_deadline_with_what_it_has(site: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep_scrape, "CRAWL_LIMIT_S", 0.3)
    site.answers |= {"/": links("/quick", "/slow"), "/quick": html("quick")}
    site.answers["/slow"] = Answer(b"x", headers={"Content-Type": HTML}, delay_s=10.0)
    final = await scrape(site)
    assert (paths(site, final), final["stop_reason"]) == (["/", "/quick"], "deadline")


async def test_a_crawl_gives_up_when_the_site_stops_answering(site: WebServer) -> None:
    site.answers |= {"/": links(*(f"/{n}" for n in range(9))), **{f"/{n}": html("x", 503) for n in range(9)}}
    final = await scrape(site)
    assert (len(final["skipped"]), final["stop_reason"]) == (3, "failing")


async def test_a_crawl_gives_up_when_most_of_the_links_are_dead(site: WebServer) -> None:
    site.answers["/"] = links(*(f"/{n}" for n in range(99)))
    final = await scrape(site)
    assert (len(final["skipped"]), final["stop_reason"]) == (50, "failing")


async def test_a_job_board_elsewhere_counts_as_careers(site: WebServer) -> None:
    site.answers["/"] = links("https://jobs.ashbyhq.com/acme", "/blog/careers-advice")
    final = await scrape(site)
    assert (final["has_careers"], final["careers_url"]) == (True, "https://jobs.ashbyhq.com/acme")


@pytest.mark.parametrize(
    ("url", "is_careers"),
    [
        ("https://careers.example.com/", True),
        ("https://jobs.example.com/open", True),
        ("https://jobs.lever.co/acme", True),
        ("https://acme.recruitee.com/o/engineer", True),
        ("https://shop.example.com/", False),
        ("https://careers.example.net/", False),
        ("https://lever.co/", False),
    ],
)
def test_a_careers_host_is_a_job_board_or_the_companys_own(url: str, is_careers: bool) -> None:  # noqa: FBT001 - a table
    assert is_careers_host(url, "example.com") is is_careers


async def test_a_careers_page_that_forbids_crawling_is_still_found(site: WebServer) -> None:
    site.answers |= {"/robots.txt": text("User-agent: *\nDisallow: /jobs"), "/": links("/jobs/", "/plans")}
    final = await scrape(site)
    assert (final["careers_url"], final["pricing_url"]) == (f"{site.url}/jobs/", f"{site.url}/plans")


async def test_the_pages_together_are_cut_to_the_limit_and_short_ones_stay_whole(site: WebServer) -> None:
    site.answers |= {"/": links("/long", "/longer"), "/long": html("x" * 15_000), "/longer": html("y" * 30_000)}
    pages = (await scrape(site))["pages"]
    lengths = [len(page["markdown"]) for page in pages]
    assert 19_998 <= sum(lengths) <= 20_000
    assert lengths[1] == lengths[2] > 9_000
    assert pages[0]["markdown"].endswith(")")
    assert [page["left_out"] for page in pages] == [0, 15_000 - lengths[1], 30_000 - lengths[2]]
    whole = (await scrape(site, max_chars=50_000))["pages"]
    assert [(len(page["markdown"]), page["left_out"]) for page in whole[1:]] == [(15_000, 0), (30_000, 0)]


@pytest.mark.parametrize(
    ("lengths", "allowed"),
    [([], 10), ([3, 3], 10), ([10], 10), ([11], 10), ([2, 20, 20], 4), ([5, 5], 10), ([0, 99], 10)],
)
def test_a_fair_length_uses_the_total_and_never_more(lengths: list[int], allowed: int) -> None:
    assert fair_length(lengths, 10) == allowed


@pytest.mark.parametrize(
    ("given", "resolved"),
    [("example.com", "https://example.com"), (" http://example.com/x ", "http://example.com/x")],
)
async def test_an_address_without_a_scheme_is_taken_for_https(given: str, resolved: str) -> None:
    assert await resolve(State(url=given)) == {"target_url": resolved}


@pytest.mark.parametrize(
    "values",
    [{"url": ""}, {"max_pages": 0}, {"max_pages": 51}, {"max_depth": 5}, {"company_id": 1}, {"dry_run": "perhaps"}],
)
def test_an_input_out_of_bounds_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Input(**{"url": "https://example.com", **values})


@pytest.mark.parametrize(
    ("url", "other", "is_same"),
    [
        ("https://www.example.com/a", "http://example.com:80/b", True),
        ("https://example.com:443/", "https://EXAMPLE.com/", True),
        ("https://shop.example.com/", "https://example.com/", False),
        ("https://example.com:8443/", "https://example.com/", False),
        ("https://example.com.evil.example.net/", "https://example.com/", False),
    ],
)
def test_a_site_is_a_host_and_its_www(url: str, other: str, is_same: bool) -> None:  # noqa: FBT001 - a table
    assert same_site(url, other) is is_same


def test_addresses_of_one_page_have_one_key() -> None:
    assert page_key("http://www.example.com/A/?b=1&utm_medium=x#c") == page_key("https://example.com/A/index.php?b=1")
    assert page_key("https://example.com/a") != page_key("https://example.com/A")


async def test_a_page_that_only_says_that_it_is_not_there_is_told_and_is_no_careers_page(site: WebServer) -> None:
    site.answers |= {
        "/": links("/about", "/careers"),
        "/about": html("<p>About us: ladders.</p>"),
        "/careers": html("<title>404</title><h1>Page not found</h1>"),
    }
    final = await scrape(site)
    assert (paths(site, final), final["careers_url"]) == (["/", "/about"], "")
    assert "says that it does not exist" in final["skipped"][0]["reason"]


async def test_of_many_language_versions_the_own_and_english_are_read(site: WebServer) -> None:
    codes = ("en", "de", "fr", "es", "it")
    site.answers |= {"/": links(*(f"/{code}/" for code in codes))}
    site.answers |= {f"/{code}/": html(f"<p>A page in the language {code} about ladders.</p>") for code in codes}
    site.answers["/"] = html('<html lang="de">' + site.answers["/"].body.decode())
    assert paths(site, await scrape(site)) == ["/", "/en/", "/de/"]


async def test_a_page_with_a_session_in_its_address_is_read_once(site: WebServer) -> None:
    site.answers |= {"/": links("/a?sid=1", "/a?sid=2", "/a;jsessionid=3", "/a?PHPSESSID=4&x=1")}
    site.answers |= {path: html(f"<p>{path}</p>") for path in ("/a?sid=1", "/a?sid=2", "/a;jsessionid=3")}
    site.answers["/a?PHPSESSID=4&x=1"] = html("<p>another</p>")
    assert paths(site, await scrape(site)) == ["/", "/a?sid=1", "/a?PHPSESSID=4&x=1"]


async def test_a_site_that_shows_nothing_is_told(site: WebServer) -> None:
    site.answers["/"] = html('<script src="/app.js"></script><div id="root"></div>')
    final = await scrape(site)
    assert (final["readable"], final["unreadable_reason"]) == (False, "the page is drawn by scripts, which are not run")
    site.answers["/"] = html("<p>We build robots for bakeries.</p>")
    assert (await scrape(site))["readable"] is True


async def test_no_outcome_has_more_addresses_than_are_returned(site: WebServer) -> None:
    pages = {f"/{n}": html(" ".join(f"p{n}m{m}@example.com" for m in range(300))) for n in range(8)}
    site.answers |= {"/": links(*pages), **pages}
    assert len((await scrape(site))["emails"]) == 500
