"""Answer as the web searches do. All of them find the same pages, those of the companies."""

from dataclasses import dataclass

from agentic_sales.local.world.companies import Companies
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json, as_text, matches
from agentic_sales.local.world.meters import Rate

_BRAVE = Rate(50, 1)
_TAVILY = Rate(100, 60)
_SEARXNG_PAGE = 10
_MOST_BRAVE = 20
_LAST_BRAVE_PAGE = 9
_LONGEST_BRAVE = 400


@dataclass(frozen=True)
class _FoundPage:
    title: str
    url: str
    text: str
    score: float


def brave(asked: Asked) -> WorldAnswer:
    """Answer `/res/v1/web/search`."""
    if asked.path != "/res/v1/web/search":
        return as_json({"type": "ErrorResponse"}, 404)
    key = asked.headers.get("x-subscription-token", "")
    if not key or key.startswith("wrong"):
        error = {"status": 422, "code": "SUBSCRIPTION_TOKEN_INVALID", "detail": "The provided token is invalid."}
        return as_json({"type": "ErrorResponse", "error": error}, 422)
    count = asked.count("web", _BRAVE, key)
    headers = {
        "X-RateLimit-Limit": f"{count.limit}, 15000",
        "X-RateLimit-Policy": f"{count.limit};w=1, 15000;w=2592000",
        "X-RateLimit-Remaining": f"{count.remaining}, 14000",
        "X-RateLimit-Reset": f"{count.left_s}, 86400",
    }
    if count.is_over:
        error = {"status": 429, "code": "RATE_LIMITED", "detail": "Request rate limit exceeded.", "meta": {}}
        return as_json({"type": "ErrorResponse", "error": error}, 429, headers)
    size, page = asked.number("count", 20), asked.number("offset", 0)
    if size > _MOST_BRAVE or page > _LAST_BRAVE_PAGE or not 0 < len(asked.first("q")) <= _LONGEST_BRAVE:
        error = {"status": 422, "code": "VALIDATION", "detail": "Unable to validate request parameter(s)"}
        return as_json({"type": "ErrorResponse", "error": error}, 422, headers)
    found = _found(asked.world, asked.first("q"))
    shown = found[page * size : (page + 1) * size]
    body: dict[str, object] = {"type": "search", "query": {"more_results_available": len(found) > (page + 1) * size}}
    if shown:
        results = [{"title": f.title, "url": f.url, "description": f.text, "page_age": "2026-10-01"} for f in shown]
        body["web"] = {"type": "search", "results": results}
    return as_json(body, headers=headers)


def searxng(asked: Asked) -> WorldAnswer:
    """Answer `/search?format=json`."""
    if asked.path != "/search" or asked.first("format") != "json":
        return as_text("<!doctype html><title>403 Forbidden</title>", 403, "text/html")
    found, page = _found(asked.world, asked.first("q")), asked.number("pageno", 1)
    shown = found[(page - 1) * _SEARXNG_PAGE : page * _SEARXNG_PAGE]
    results = [{"title": f.title, "url": f.url, "content": f.text, "engine": "sample", "score": f.score} for f in shown]
    silent = [["an engine", "timeout"]] if asked.first("q").startswith("nothing") else []
    return as_json({"query": asked.first("q"), "results": results, "unresponsive_engines": silent})


def tavily(asked: Asked) -> WorldAnswer:
    """Answer `POST /search`."""
    if asked.path != "/search" or asked.method != "POST":
        return as_json({"detail": "Not Found"}, 404)
    if not asked.key or asked.key.startswith("wrong"):
        return as_json({"detail": {"error": "Unauthorized: missing or invalid API key."}}, 401)
    if asked.key.startswith("spent"):
        return as_json({"detail": {"error": "This request exceeds your plan's set usage limit."}}, 432)
    if asked.count("search", _TAVILY).is_over:
        return as_json({"detail": {"error": "Your request has been blocked due to excessive requests."}}, 429)
    body = asked.json() or {}
    found = _found(asked.world, str(body.get("query", "")))[: min(int(body.get("max_results", 5)), 20)]
    results = [{"title": f.title, "url": f.url, "content": f.text, "score": f.score} for f in found]
    return as_json({"query": body.get("query"), "results": results, "response_time": 0.1})


def serper(asked: Asked) -> WorldAnswer:
    """Answer `POST /search`."""
    key = asked.headers.get("x-api-key", "")
    if not key or key.startswith("wrong"):
        return as_json({"message": "Unauthorized.", "statusCode": 403}, 403)
    body = asked.json() or {}
    if key.startswith("spent"):
        return as_json({"message": "Not enough credits", "statusCode": 400}, 400)
    size, page = int(body.get("num", 10)), int(body.get("page", 1))
    found = _found(asked.world, str(body.get("q", "")))[(page - 1) * size : page * size]
    organic = [{"title": f.title, "link": f.url, "snippet": f.text, "position": n} for n, f in enumerate(found, 1)]
    return as_json({"searchParameters": {"q": body.get("q")}, "organic": organic, "credits": 1})


def _found(world: Companies, query: str) -> list[_FoundPage]:
    """Return what fits a query, the best first. `site:` narrows it to a host."""
    sites = [word.removeprefix("site:") for word in query.split() if word.startswith("site:")]
    words = " ".join(word for word in query.split() if not word.startswith("site:"))
    scored = [
        _FoundPage(title, url, text, round(score, 2))
        for title, url, text in _pages(world)
        if (not sites or any(site in url for site in sites))
        and (score := matches(words, f"{title} {text}") if words else 1)
    ]
    return sorted(scored, key=lambda found: -found.score)


def _pages(world: Companies) -> list[tuple[str, str, str]]:
    """Return title, URL and text of every page that a search engine knows."""
    pages: list[tuple[str, str, str]] = []
    for company in world.all:
        if company.site != "moved":
            pages.append((f"{company.name}: {company.category}", f"{company.url}/", company.description))
        pages += [(p.title, f"{company.url}{p.path}", p.text) for p in company.pages if p.path != "/"]
        if board := company.board:
            host = {"ashby": "jobs.ashbyhq.com", "greenhouse": "boards.greenhouse.io", "lever": "jobs.lever.co"}
            titles = ", ".join(o.title for o in board.openings)
            pages.append((f"Jobs at {company.name}", f"https://{host[board.vendor]}/{board.token}", titles))
        if company.github:
            pages.append(
                (f"{company.name} on GitHub", f"https://github.com/{company.github.login}", company.description)
            )
        if company.channel:
            url = f"https://www.youtube.com/@{company.channel.handle}"
            pages.append((company.channel.title, url, company.channel.description))
    return pages
