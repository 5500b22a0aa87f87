"""Answer as the job boards of Ashby, Greenhouse and Lever do."""

from datetime import datetime
from html import escape
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from agentic_sales.local.world.companies import WorldCompany, WorldOpening
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json, as_text

_WORKPLACES = {"remote": "Remote", "hybrid": "Hybrid", "onsite": "OnSite"}


def ashby(asked: Asked) -> WorldAnswer:
    """Answer `/posting-api/job-board/{slug}`."""
    match asked.parts:
        case ("posting-api", "job-board", slug) if company := _company(asked, "ashby", slug):
            has_pay = asked.first("includeCompensation") == "true"
            jobs = [_ashby_job(slug, opening, has_pay=has_pay) for opening in _openings(company)]
            return as_json({"apiVersion": "1", "jobs": jobs})
        case _:
            return as_text("Not Found", 404)


def greenhouse(asked: Asked) -> WorldAnswer:
    """Answer `/v1/boards/{token}` and its jobs."""
    match asked.parts:
        case ("v1", "boards", token) if company := _company(asked, "greenhouse", token):
            return as_json({"name": company.name, "content": ""})
        case ("v1", "boards", token, "jobs") if company := _company(asked, "greenhouse", token):
            jobs = [_greenhouse_job(token, o, asked.first("content") == "true") for o in _openings(company) if o.listed]
            return as_json({"jobs": jobs, "meta": {"total": len(jobs)}})
        case ("v1", "boards", token, "jobs", number) if company := _company(asked, "greenhouse", token):
            for opening in _openings(company):
                if str(opening.id) == number:
                    return as_json({**_greenhouse_job(token, opening, True), "pay_input_ranges": _pay_ranges(opening)})
    return as_json({"status": 404, "error": "Job not found"}, 404)


def lever(asked: Asked) -> WorldAnswer:
    """Answer `/v0/postings/{site}`."""
    match asked.parts:
        case ("v0", "postings", site) if company := _company(asked, "lever", site):
            skip, limit = asked.number("skip", 0), asked.number("limit", 1000)
            listed = [opening for opening in _openings(company) if opening.listed]
            return as_json([_lever_job(site, opening) for opening in listed[skip : skip + limit]])
        case _:
            return as_json({"ok": False, "error": "Document not found"}, 404)


def _company(asked: Asked, vendor: str, token: str) -> WorldCompany | None:
    for company in asked.world.all:
        if company.board and (company.board.vendor, company.board.token) == (vendor, token):
            return company
    return None


def _openings(company: WorldCompany) -> tuple[WorldOpening, ...]:
    return company.board.openings if company.board else ()


def _uuid(opening: WorldOpening) -> str:
    return str(uuid5(NAMESPACE_URL, str(opening.id)))


def _ashby_job(slug: str, opening: WorldOpening, *, has_pay: bool) -> dict[str, Any]:
    url = f"https://jobs.ashbyhq.com/{slug}/{_uuid(opening)}"
    job: dict[str, Any] = {
        "id": _uuid(opening),
        "title": opening.title,
        "department": opening.department,
        "team": opening.department,
        "employmentType": "FullTime",
        "location": opening.location,
        "secondaryLocations": [],
        "address": {"postalAddress": {"addressLocality": opening.location, "addressCountry": opening.country}},
        "isRemote": opening.workplace == "remote" or None,
        "workplaceType": _WORKPLACES[opening.workplace],
        "publishedAt": opening.published_at.replace("+00:00", ".000+00:00"),
        "isListed": opening.listed,
        "jobUrl": url,
        "applyUrl": f"{url}/application",
        "descriptionPlain": opening.text,
        "descriptionHtml": f"<p>{escape(opening.text)}</p>",
    }
    if has_pay and opening.pay_min is not None:
        component = {
            "compensationType": "Salary",
            "interval": "1 YEAR",
            "currencyCode": opening.pay_currency,
            "minValue": opening.pay_min,
            "maxValue": opening.pay_max,
        }
        equity = {"compensationType": "EquityPercentage", "interval": "NONE", "currencyCode": None}
        tiers = [{"title": "Base", "components": [equity, component]}]
        summary = f"{opening.pay_currency} {opening.pay_min}"
        job["compensation"] = {"compensationTierSummary": summary, "compensationTiers": tiers}
    return job


def _greenhouse_job(token: str, opening: WorldOpening, has_content: bool) -> dict[str, Any]:  # noqa: FBT001 - a query flag
    job: dict[str, Any] = {
        "id": opening.id,
        "internal_job_id": opening.id + 1,
        "title": opening.title,
        "updated_at": opening.published_at.replace("+00:00", "-05:00"),
        "first_published": opening.published_at,
        "location": {"name": f"{opening.location} ({opening.workplace})"},
        "absolute_url": f"https://boards.greenhouse.io/{token}/jobs/{opening.id}",
        "metadata": None,
    }
    if has_content:
        job["content"] = escape(f"<p>{escape(opening.text)}</p><ul><li>Say why</li></ul>")
        job["departments"] = [{"id": 1, "name": opening.department}]
        job["offices"] = [{"id": 2, "name": opening.location, "location": opening.location}]
    return job


def _pay_ranges(opening: WorldOpening) -> list[dict[str, Any]]:
    if opening.pay_min is None or opening.pay_max is None:
        return []
    low, high = 100 * opening.pay_min, 100 * opening.pay_max
    return [{"min_cents": low, "max_cents": high, "currency_type": opening.pay_currency}]


def _lever_job(site: str, opening: WorldOpening) -> dict[str, Any]:
    job: dict[str, Any] = {
        "id": _uuid(opening),
        "text": opening.title,
        "categories": {
            "location": opening.location,
            "commitment": "Full-time",
            "team": opening.department,
            "department": opening.department,
            "allLocations": [opening.location],
        },
        "country": opening.country if opening.workplace != "remote" else None,
        "createdAt": round(datetime.fromisoformat(opening.published_at).timestamp() * 1000),
        "descriptionPlain": opening.text,
        "lists": [{"text": "What you bring", "content": "<li>Curiosity</li>"}],
        "hostedUrl": f"https://jobs.lever.co/{site}/{_uuid(opening)}",
        "workplaceType": "on-site" if opening.workplace == "onsite" else opening.workplace,
    }
    if opening.pay_min is not None:
        pay = {"currency": opening.pay_currency, "interval": "per-year-salary"}
        job["salaryRange"] = {**pay, "min": opening.pay_min, "max": opening.pay_max}
    return job
