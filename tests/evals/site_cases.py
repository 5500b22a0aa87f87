"""Serve the labelled sites on loopback, run a workflow over them, and say what was not as the label says."""

import base64
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from langgraph.graph.state import CompiledStateGraph

from agentic_sales.errors import AgenticSalesError
from agentic_sales.graphs import company_enrichment, deep_scrape
from agentic_sales.settings import settings
from tests.support.web_server import HTML, Answer, WebServer, html, web_server

CRAWL: CompiledStateGraph[Any, Any, Any, Any] = deep_scrape.graph
ENRICH: CompiledStateGraph[Any, Any, Any, Any] = company_enrichment.graph
SHORT_PATIENCE_S = "2"
"""Seconds that a page may take where a case is of pages that never answer."""
_ANOTHER_MACHINE = re.compile(rb"http://127\.0\.\d+\.\d+:\d+")


class _Made(dict[str, Answer]):
    """A site whose pages are made when they are asked for."""

    def __init__(self, kind: str, base: str) -> None:
        super().__init__()
        self._kind, self._base, self._asked = kind, base, 0

    def get(self, path: str, default: Any = None) -> Any:
        """Answer one request."""
        self._asked += 1
        return getattr(self, f"_{self._kind}")(urlsplit(path), default)

    def _session(self, url: Any, default: Answer) -> Answer:
        return self._with_ids(url.path, default, f"?sid={self._asked:08x}") if "sitemap" not in url.path else default

    def _jsessionid(self, url: Any, default: Answer) -> Answer:
        return self._with_ids(url.path.partition(";")[0], default, f";jsessionid={self._asked:032X}")

    def _with_ids(self, path: str, default: Answer, session: str) -> Answer:
        pages = ("/", "/about", "/product", "/team", "/careers", "/contact")
        links = "".join(f'<a href="{other}{session}">{other}</a> ' for other in pages)
        return html(f"<title>{path}</title>{links}<p>This is the page {path}.</p>") if path in pages else default

    def _deep(self, url: Any, default: Answer) -> Answer:
        if url.path in {"/robots.txt", "/sitemap.xml"}:
            return default
        return html(f'<title>deep</title><a href="deeper/">on</a><p>{url.path.count("/")} levels</p>')

    def _calendar(self, url: Any, default: Answer) -> Answer:
        if url.path == "/careers":
            return html("<p>Clerk wanted.</p>")
        if url.path in {"/", "/events"}:
            month = int(url.query.rpartition("=")[2] or 0)
            return html(f'<a href="/events?month={month + 1}">next</a> <a href="/careers">Jobs</a><p>Month {month}</p>')
        return default

    def _soft404(self, url: Any, default: Answer) -> Answer:
        if url.path in {"/robots.txt", "/sitemap.xml"}:
            return default
        if url.path == "/":
            return html(
                "<title>Soft</title><a href='/a'>a</a> <a href='/b'>b</a> <a href='/c'>c</a><p>We fix roofs.</p>"
            )
        return html("<title>Page not found</title><h1>404</h1><p>Sorry, the page you are looking for is not here.</p>")

    def _products(self, url: Any, _default: Answer) -> Answer:
        if url.path == "/sitemap.xml":
            urls = [f"{self._base}/p/{n}" for n in range(3000)] + [f"{self._base}/careers"]
            locations = "".join(f"<url><loc>{url}</loc></url>" for url in urls)
            return Answer(f"<urlset>{locations}</urlset>".encode(), headers={"Content-Type": "application/xml"})
        if url.path == "/careers":
            return html("<p>Bookbinder wanted.</p>")
        return html("<p>We bind books.</p>") if url.path == "/" else html(f"<p>Product {url.path}</p>")


def _big(what: str) -> Answer:
    """Make the body that a case only describes."""
    if "12 MB" in what:
        return html("<title>Bricks</title><p>We sell bricks.</p>" + "<p>brick</p>" * 1_000_000)
    if "nested div" in what:
        return html("<p>deep text here</p>" + "<div>" * 20_000 + "x" + "</div>" * 20_000)
    if "200 MB" in what:
        return Answer(gzip.compress(b"0" * 200_000_000, 1), headers={"Content-Type": HTML, "Content-Encoding": "gzip"})
    if "robots.txt of 2 MB" in what:
        body = b"# " + b"x" * 2_000_000 + b"\nUser-agent: *\nDisallow: /\n"
        return Answer(body, headers={"Content-Type": "text/plain"})
    raise LookupError(what)


def _answer(case: Mapping[str, Any], route: Mapping[str, Any], names: Mapping[str, str]) -> Answer:
    if "made_of" in route:
        return _big(case["what"])
    if "answers_after_s" in route:
        return Answer(b"late", headers={"Content-Type": HTML}, delay_s=route["answers_after_s"])
    body = base64.b64decode(route["base64"]) if "base64" in route else _named(route["text"], names).encode()
    headers = {"Content-Type": route["type"]}
    headers |= {name: _named(value, names) for name, value in route.get("headers", ())}
    return Answer(_here(body, names), route["status"], headers)


def _named(text: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def _here(body: bytes, names: Mapping[str, str]) -> bytes:
    """Put this machine's address into a packed body, which was packed on another."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    return gzip.compress(_ANOTHER_MACHINE.sub(names["BASE"].encode(), gzip.decompress(body)))


@contextmanager
def served(case: Mapping[str, Any]) -> Iterator[tuple[WebServer, WebServer]]:
    """Serve the site of a case, and another beside it."""
    with web_server({}) as site, web_server({"/": html("<title>Other</title><p>The other site.</p>")}) as other:
        names = {"BASE": site.url, "OTHER_SITE": other.url, "HOST": site.netloc}
        routes = case["routes"]
        if isinstance(routes.get("made_of"), str):
            site.answers = _Made(routes["made_of"], site.url)
        else:
            site.answers |= {path: _answer(case, route, names) for path, route in routes.items()}
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("AGENTIC_SALES_ALLOW_PRIVATE_HOSTS", f"{site.netloc},{other.netloc}")
            if any("answers_after_s" in route for route in routes.values()):
                environment.setenv("AGENTIC_SALES_FETCH_TIMEOUT_S", SHORT_PATIENCE_S)
            settings.cache_clear()
            try:
                yield site, other
            finally:
                settings.cache_clear()


async def crawl_faults(case: Mapping[str, Any]) -> list[str]:
    """Crawl the site of a case; return what was not as its label says."""
    with served(case) as (site, other):
        wanted = json.loads(json.dumps(case["expect"]).replace("{{OTHER_SITE}}", other.url))
        try:
            found = await CRAWL.ainvoke({"url": f"{site.url}/", "max_pages": 12})
        except AgenticSalesError as exc:
            ended = {"status": "error", "code": exc.code}
            return [f"{name} is `{ended.get(name, exc)}`" for name in wanted if ended.get(name) != wanted[name]]
        asked = {f"{site.url}{path}" for path in site.paths} | {f"{other.url}{path}" for path in other.paths}
        facts = {"site": site.url, "other": other.url, "asked": asked}
        return [fault for name, value in wanted.items() for fault in _CHECKS[name](found, value, facts)]


def _texts(found: Mapping[str, Any]) -> str:
    return "\n".join(f"{page['title']}\n{page['markdown']}" for page in found["pages"])


def _paths(found: Mapping[str, Any]) -> list[str]:
    return [urlsplit(page["url"]).path.partition(";")[0] for page in found["pages"]]


def _is(name: str, found: object, wanted: object) -> list[str]:
    return [] if found == wanted else [f"{name} is {found!r}, not {wanted!r}"]


def _lacking(name: str, wanted: list[str], found: Any) -> list[str]:
    return [f"{name} lacks {one!r}" for one in wanted if one not in found]


_CHECKS: Mapping[str, Any] = {
    "status": lambda _, wanted, __: _is("status", "ok", wanted),
    "code": lambda _, wanted, __: _is("code", "", wanted),
    "careers": lambda found, wanted, _: _is("careers", _careers(found), wanted),
    "pricing": lambda found, wanted, _: _is("pricing", urlsplit(found["pricing_url"]).path, wanted),
    "skips": lambda found, wanted, facts: _is(
        "read", [path for path in wanted if path in _paths(found) or facts["site"] + path in facts["asked"]], []
    ),
    "never": lambda _, wanted, facts: _is("asked", [url for url in wanted if url in facts["asked"]], []),
    "text_has": lambda found, wanted, _: _lacking("text", wanted, _texts(found)),
    "text_lacks": lambda found, wanted, _: [f"text has {one!r}" for one in wanted if one in _texts(found)],
    "final_host": lambda found, wanted, _: _is("host", found["target_url"].rstrip("/"), wanted),
    "stop_reason": lambda found, wanted, _: [] if found["stop_reason"] in wanted else [found["stop_reason"]],
    "distinct_paths_at_least": lambda found, wanted, _: (
        []
        if len(set(_paths(found))) >= wanted and len(set(_paths(found))) == len(_paths(found))
        else [str(_paths(found))]
    ),
    "emails": lambda found, wanted, _: _lacking("emails", wanted, found["emails"]),
    "pages": lambda found, wanted, _: _lacking("pages", wanted, _paths(found)),
    "pages_at_most_of_one_text": lambda found, wanted, _: _repeated(found, wanted),
    "told": lambda found, _, __: [] if found.get("readable") is False and found["unreadable_reason"] else ["not told"],
}


def _careers(found: Mapping[str, Any]) -> str:
    return str(urlsplit(found["careers_url"]).path).partition(";")[0]


def _repeated(found: Mapping[str, Any], wanted: int) -> list[str]:
    texts = Counter(re.sub(r"\W+|\[[^\]]*\]\([^)]*\)", " ", page["markdown"]).strip() for page in found["pages"])
    return [f"{count} pages of {text[:40]!r}" for text, count in texts.items() if count > wanted]


FIELDS = ("category", "industry", "ai_tier", "remote_policy", "has_open_roles", "emails")


async def company_faults(case: Mapping[str, Any]) -> dict[str, str]:
    """Classify the company of a case; return, for each field that is not as labelled, what it is."""
    with served(case) as (site, _):
        found = await ENRICH.ainvoke({"url": f"{site.url}/"})
    wanted, known = case["expect"], found["classification"]
    faults = {
        field: f"{known[field]!r}, not {wanted[field]}"
        for field in FIELDS
        if field in wanted and "any" not in wanted[field] and known[field] not in wanted[field]
    }
    if missing := [one for one in wanted["emails_include"] if one not in found["emails"]]:
        faults["emails"] = f"{found['emails']} lack {missing}"
    return faults
