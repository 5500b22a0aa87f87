"""Answer as the web sites of the companies do: good ones, dead ones, parked ones, one that scripts draw."""

import json
import time
from functools import cache
from html import escape

from agentic_sales.local.site import rendered_pages
from agentic_sales.local.world.companies import WorldCompany
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_text

_HTML = "text/html; charset=utf-8"
_SLOW_S = 0.3
_PUBLIC_BOARDS = {
    "ashby": "https://jobs.ashbyhq.com",
    "greenhouse": "https://boards.greenhouse.io",
    "lever": "https://jobs.lever.co",
}
_SCRIPT_ONLY = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title></head>
<body><div id="root"></div><noscript>You need to enable JavaScript to run this app.</noscript>
<script src="/static/js/main.js"></script></body></html>"""
_PARKED = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{domain} is for sale</title></head>
<body><h1>{domain}</h1><p>This domain is for sale. Buy this domain.</p></body></html>"""


def respond(asked: Asked) -> WorldAnswer:
    """Answer for the host of the request."""
    company = asked.world.by_domain.get(asked.base_url.removeprefix("https://"))
    if company is None:
        return WorldAnswer(0)
    if company.site == "slow":
        time.sleep(_SLOW_S)
    if company.site in {"plain", "slow"}:
        return plain_answer(company, asked.path)
    return _odd(company, asked)


def _odd(company: WorldCompany, asked: Asked) -> WorldAnswer:
    """Answer for a site that is no plain one."""
    match company.site:
        case "script":
            return _html(_SCRIPT_ONLY.format(name=escape(company.name)))
        case "parked":
            return _html(_PARKED.format(domain=escape(company.domain)))
        case "moved":
            owner = asked.world.by_file[company.duplicate_of or ""]
            return WorldAnswer(301, {"Location": f"{owner.url}{asked.path}"})
        case "sample":
            content_type, body = _sample_pages(company.url).get(asked.path, ("text/plain", b""))
            return WorldAnswer(200 if body else 404, {"Content-Type": f"{content_type}; charset=utf-8"}, body)
        case _:  # Dead.
            return WorldAnswer(0)


@cache
def _sample_pages(base_url: str) -> dict[str, tuple[str, bytes]]:
    return dict(rendered_pages(base_url))


def plain_answer(company: WorldCompany, path: str) -> WorldAnswer:
    """Answer for a page of a plain site."""
    path = path.rstrip("/") or "/"
    if path == "/robots.txt":
        return as_text(f"User-agent: *\nDisallow: /internal\nSitemap: {company.url}/sitemap.xml\n")
    if path == "/sitemap.xml":
        pages = "".join(f"<url><loc>{company.url}{page}</loc></url>" for page in page_paths(company))
        text = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{pages}</urlset>'
        return as_text(text, content_type="application/xml")
    for page in company.pages:
        if page.path == path:
            return _html(_page(company, page.title, _paragraphs(page.text), is_home=path == "/"))
    if path == "/careers" and company.board is not None:
        return _html(_page(company, "Careers", _careers(company)))
    return _html(_page(company, "Not found", "<p>There is no such page.</p>"), 404)


def page_paths(company: WorldCompany) -> tuple[str, ...]:
    """Return the paths of the pages of a plain site."""
    return (*(page.path for page in company.pages), *(("/careers",) if company.board else ()))


def _html(text: str, status: int = 200) -> WorldAnswer:
    return as_text(text, status, _HTML)


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part.strip())}</p>" for part in text.split("\n\n") if part.strip())


def _careers(company: WorldCompany) -> str:
    if company.board is None:
        return ""
    board = f"{_PUBLIC_BOARDS[company.board.vendor]}/{company.board.token}"
    openings = "".join(
        f"<li>{escape(o.title)}, {escape(o.location)} ({o.workplace})</li>" for o in company.board.openings if o.listed
    )
    return f'<ul>{openings}</ul><p><a href="{board}">All openings</a></p>'


def _page(company: WorldCompany, title: str, body: str, *, is_home: bool = False) -> str:
    menu = "".join(f'<a href="{path}">{path.strip("/") or company.name}</a> ' for path in page_paths(company))
    github = f'<a href="https://github.com/{company.github.login}">GitHub</a>' if company.github else ""
    linked_data = f'<script type="application/ld+json">{json.dumps(_organization(company))}</script>' if is_home else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="description" content="{escape(company.description)}">{linked_data}</head>'
        f"<body><nav>{menu}</nav><main><h1>{escape(title)}</h1>{body}</main>"
        f"<footer>{escape(company.legal_name)}, {escape(company.city)} {github}</footer></body></html>"
    )


def _organization(company: WorldCompany) -> dict[str, object]:
    """Return what the home page says of the company to machines."""
    same_as = [f"https://github.com/{company.github.login}"] if company.github else []
    told: dict[str, object] = {
        "@type": ["Organization", "Corporation"],
        "name": company.name,
        "legalName": company.legal_name,
        "url": f"{company.url}/",
        "foundingDate": str(company.founded),
        "numberOfEmployees": {"@type": "QuantitativeValue", "value": company.employees},
        "address": {
            "@type": "PostalAddress",
            "addressLocality": company.city,
            "addressCountry": company.country,
        },
        "sameAs": same_as,
    }
    if company.lei:
        told["leiCode"] = company.lei
    return {"@context": "https://schema.org", "@graph": [{"@type": "WebSite", "url": company.url}, told]}
