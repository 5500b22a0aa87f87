"""Answer as Common Crawl and Hugging Face do."""

import gzip
import json
import re
from typing import Any

from agentic_sales.local.world.companies import WorldCompany, WorldModel
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json, as_text
from agentic_sales.local.world.meters import Rate
from agentic_sales.local.world.sites import page_paths, plain_answer

_CRAWLS = ("CC-MAIN-2026-47", "CC-MAIN-2026-43")
_STAMP = "20261115120000"
_PAGE_CAPTURES = 3
_HUGGING_FACE, _HUGGING_FACE_KEYLESS = Rate(1000, 300), Rate(500, 300)


def common_crawl(asked: Asked) -> WorldAnswer:
    """Answer `/collinfo.json` and `/{crawl}-index`."""
    if asked.path == "/collinfo.json":
        names = [{"id": crawl, "name": crawl, "cdx-api": f"{asked.base_url}/{crawl}-index"} for crawl in _CRAWLS]
        return as_json(names)
    if asked.path.strip("/") not in {f"{crawl}-index" for crawl in _CRAWLS}:
        return as_text("Not Found", 404)
    crawl = asked.path.strip("/").removesuffix("-index")
    captures = _captures(asked, crawl) if crawl == _CRAWLS[0] else []
    pages = -(-len(captures) // _PAGE_CAPTURES)
    if asked.first("showNumPages") == "true":
        return as_json({"pages": pages, "pageSize": 5, "blocks": pages})
    if not captures:
        return as_json({"message": f"No Captures found for: {asked.first('url')}"}, 404)
    page = asked.number("page", 0)
    if page >= pages:
        return as_json({"message": f"Page {page} invalid: First Page is 0, Last Page is {pages - 1}"}, 400)
    shown = captures[page * _PAGE_CAPTURES : (page + 1) * _PAGE_CAPTURES]
    return as_text("".join(f"{json.dumps(c)}\n" for c in shown), content_type="text/x-ndjson")


def common_crawl_data(asked: Asked) -> WorldAnswer:
    """Answer a range of an archive's file."""
    company = asked.world.by_domain.get(asked.path.rpartition("/")[2].removesuffix(".warc.gz"))
    if company is None:
        return as_text("<Error><Code>NoSuchKey</Code></Error>", 404, "application/xml")
    whole = b"".join(member for _, member in _members(company))
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("range", ""))
    if found is None:
        return WorldAnswer(200, {"Content-Type": "application/octet-stream"}, whole)
    start, end = int(found[1]), int(found[2])
    headers = {"Content-Type": "application/octet-stream", "Content-Range": f"bytes {start}-{end}/{len(whole)}"}
    return WorldAnswer(206, headers, whole[start : end + 1])


def _captures(asked: Asked, crawl: str) -> list[dict[str, str]]:
    domain = asked.first("url").removeprefix("*.").partition("/")[0]
    company = asked.world.by_domain.get(domain)
    if company is None or company.site not in {"plain", "slow"}:
        return []
    captures, offset = [], 0
    pattern = next((f.partition(":")[2] for f in asked.query.get("filter", []) if f.startswith("~url:")), "")
    for path, member in _members(company):
        capture = {
            "urlkey": f"{','.join(reversed(domain.split('.')))}){path}",
            "timestamp": _STAMP,
            "url": f"{company.url}{path}",
            "mime": "text/html",
            "status": "200",
            "length": str(len(member)),
            "offset": str(offset),
            "filename": f"crawl-data/{crawl}/segments/1/warc/{domain}.warc.gz",
        }
        offset += len(member)
        if re.fullmatch(pattern or ".*", capture["url"]):
            captures.append(capture)
    return captures


def _members(company: WorldCompany) -> list[tuple[str, bytes]]:
    """Return each page of a site as one packed record of a WARC file."""
    members = []
    for path in page_paths(company):
        body = plain_answer(company, path).body
        http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
        head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {company.url}{path}\r\n"
        head += f"Content-Length: {len(http)}\r\n"
        members.append((path, gzip.compress(f"{head}\r\n".encode() + http + b"\r\n\r\n", mtime=0)))
    return members


def hugging_face(asked: Asked) -> WorldAnswer:
    """Answer `/api/…`."""
    if asked.key.startswith("wrong"):
        return as_json({"error": "Invalid username or password."}, 401)
    rate = _HUGGING_FACE if asked.key else _HUGGING_FACE_KEYLESS
    count = asked.count("api", rate)
    headers = {
        "RateLimit": f'"api";r={count.remaining};t={count.left_s}',
        "RateLimit-Policy": f'"fixed window";"api";q={count.limit};w=300',
    }
    if count.is_over:
        return as_json({"error": "We had to rate limit you."}, 429, headers)
    return _hub_answer(asked).with_headers(headers)


def _hub_answer(asked: Asked) -> WorldAnswer:
    models = [model for company in asked.world.all for model in company.models]
    match asked.parts:
        case ("api", "models" | "datasets" as kind):
            author = asked.first("author")
            wanted = [m for m in models if f"{m.kind}s" == kind and m.id.partition("/")[0] == author]
            return _hub_page(asked, [_model(m) for m in wanted])
        case ("api", "models" | "datasets" as kind, owner, name):
            found = [_model(m) for m in models if m.id == f"{owner}/{name}" and f"{m.kind}s" == kind]
            if found:
                return as_json(found[0])
            body, headers = {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"}
            return as_json(body, 404 if asked.key else 401, headers)
        case ("api", "organizations", name, "overview"):
            for company in asked.world.all:
                if company.models and company.github and company.github.login == name:
                    return as_json(_hub_organization(company, name))
        case _:
            pass
    return as_json({"error": "Not found"}, 404, {"X-Error-Code": "EntryNotFound"})


def _hub_page(asked: Asked, items: list[dict[str, Any]]) -> WorldAnswer:
    limit, start = asked.number("limit", 500), asked.number("cursor", 0)
    more = start + limit < len(items)
    headers = {"Link": f'<{asked.link_to(cursor=start + limit)}>; rel="next"'} if more else {}
    return as_json(items[start : start + limit], headers=headers)


def _hub_organization(company: WorldCompany, name: str) -> dict[str, Any]:
    told = {"name": name, "fullname": company.name, "avatarUrl": "", "isVerified": bool(company.lei)}
    return {
        **told,
        "numUsers": len(company.people),
        "numModels": len(company.models),
        "numFollowers": company.employees,
    }


def _model(model: WorldModel) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": model.id,
        "likes": model.likes,
        "downloads": model.downloads,
        "private": False,
        "gated": "manual" if model.id.endswith("legal-large") else False,
        "tags": list(model.tags),
        "createdAt": model.created_at,
    }
    return {**told, "pipeline_tag": model.task} if model.task else told
