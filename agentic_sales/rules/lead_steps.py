"""Say how the output of one step of a flow becomes the input of the next one.

A flow of `flows.py` names these mappings: the leads of a discovery, the input of a step, the reading of a score, and
the people of a kept lead. Nothing here decides about a flow. A step that has nothing to ask about a lead raises
`NothingToAsk`, and the lead goes on without it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from agentic_sales.rules.titles import read_title

MOST_REASONS = 8
"""Reasons that are kept of a judgement."""
MOST_PEOPLE = 25
"""People of one company that a step is asked about."""
LONGEST_REASON_CHARS = 300
LONGEST_ABOUT_CHARS = 4_000
"""Text of a channel or an abstract that is kept."""
LISTED = ("company", "domain", "person", "title", "email", "profile")
"""Columns of a list of leads."""


COMPANIES = ("scored", "top", "resolved_orgs", "companies")
"""Fields in which discoveries list companies. The first that has any counts."""


class NothingToAsk(Exception):
    """Raised by a mapping that has nothing to ask a step about a lead. The text says why."""


class FoundLead(BaseModel):
    """A lead as a discovery found it."""

    kind: str = Field(description="Kind of the subject: company, repository, person or opening.")
    key: str = Field(description="Key that is unique among its kind, such as a site.")
    name: str = Field(description="Its name for people.")
    url: str = Field(default="", description="Page that shows it.")
    query: str = Field(default="", description="Search that found it, if the source tells.")
    found: dict[str, Any] = Field(default_factory=dict, description="Values for later steps.")


class LeadSoFar(BaseModel):
    """The facts of a lead between two steps."""

    kind: str = Field(description="Kind of the subject.")
    key: str = Field(description="Its key.")
    name: str = Field(description="Its name.")
    company_id: str = Field(default="", description="Company of the book. Empty: none is known.")
    person_id: str = Field(default="", description="Person of the book. Empty: none is known.")
    found: dict[str, Any] = Field(default_factory=dict, description="Values of the discovery.")
    answers: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Answers of the steps by workflow.")

    def told(self, assistant_id: str, *path: str) -> Any:
        """Return a value of the answer of a step. None: the step told none."""
        value: Any = self.answers.get(assistant_id)
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value


class LeadJudgement(BaseModel):
    """The judgement of a score step on a lead."""

    score: float = Field(description="0 to 1.")
    reasons: list[str] = Field(default_factory=list, description="Reasons, for people.")
    disqualifiers: list[str] = Field(
        default_factory=list, description="Reasons that rule it out. Empty: there are none."
    )


class ReachablePerson(BaseModel):
    """A person of a kept lead."""

    name: str = Field(description="Whole name.")
    position: str = Field(default="", description="Job title.")
    email: str = Field(default="", description="Address that a source printed. Empty: none is known.")
    profile: str = Field(default="", description="A page about the person.")
    source_url: str = Field(default="", description="Page that names the person.")
    person_id: str = Field(default="", description="Person of the book. Empty: not written yet.")
    about: str = Field(default="", description="Words of a source about the person.")


def found_repositories(output: Mapping[str, Any]) -> Iterator[FoundLead]:
    """Return the judged repositories of `gh_ai_repos`, the best first."""
    for one in output.get("final_repos") or output.get("scored_repos") or []:
        name = one["full_name"]
        told = {"owner": name.partition("/")[0], "score": one.get("final_score")}
        yield FoundLead(kind="repository", key=f"github.com/{name.lower()}", name=name, url=one["url"], found=told)


def found_companies(output: Mapping[str, Any]) -> Iterator[FoundLead]:
    """Return the companies of a discovery that lists them with their sites, the best first."""
    for one in next(filter(None, map(output.get, COMPANIES)), []):
        if domain := one.get("domain"):
            told = {"domain": domain, "score": one.get("score")}
            url = one.get("url") or f"https://{domain}/"
            yield FoundLead(kind="company", key=domain, name=one.get("name") or domain, url=url, found=told)


def found_of_code(output: Mapping[str, Any]) -> Iterator[FoundLead]:
    """Return the companies of `vertical_discovery` with the vertical that they were searched for."""
    for lead in found_companies(output):
        yield lead.model_copy(update={"found": {**lead.found, "vertical": output.get("vertical_slug")}})


def found_boards(output: Mapping[str, Any]) -> Iterator[FoundLead]:
    """Return the companies of the job boards."""
    for one in output.get("boards") or []:
        told = {"board": one["url"], "company_id": one.get("company_id")}
        yield FoundLead(kind="company", key=one["url"], name=one["name"], url=one["url"], found=told)


def found_people_of_topic(output: Mapping[str, Any]) -> Iterator[FoundLead]:
    """Return the people of `topic_outreach` with their keys, the best fit first."""
    for one in output.get("people") or []:
        told = {name: one.get(name) for name in ("name", "title", "profile", "person_id")}
        about = " ".join(filter(None, (one.get("work"), one.get("words"))))[:LONGEST_ABOUT_CHARS]
        found = {
            "person": _filled({**told, "about": about, "source": one.get("url")}),
            "company": one.get("company_name"),
            "domain": one.get("company_domain"),
            "vertical": output.get("vertical"),
            "about": "\n".join(map(str, one.get("reasons") or []))[:LONGEST_ABOUT_CHARS],
        }
        key = one.get("profile") or f"{one['name']} ({one.get('company_name') or one.get('url')})"
        yield FoundLead(kind="person", key=key, name=one["name"], url=one.get("url") or "", found=found)


def found_channels(output: Mapping[str, Any]) -> Iterator[FoundLead]:
    """Return the channels of `youtube_discovery` with their site and their person, the most relevant first."""
    sites = {one["channel_id"]: one["domain"] for one in output.get("companies") or [] if one["relation"] == "own"}
    people = {one["channel_id"]: one for one in reversed(output.get("people") or [])}
    for one in sorted(output.get("channels") or [], key=lambda channel: -channel["relevance"]):
        person = people.get(one["channel_id"], {})
        told = {
            "name": person.get("name"),
            "title": person.get("role"),
            "email": one.get("business_email"),
            "source": person.get("source_url") or one["url"],
        }
        found = {"domain": sites.get(one["channel_id"]), "person": _filled(told), "about": one.get("description", "")}
        yield FoundLead(
            kind="channel",
            key=one["channel_id"],
            name=one["title"],
            url=one["url"],
            found={**found, "about": found["about"][:LONGEST_ABOUT_CHARS]},
        )


def found_authors(output: Mapping[str, Any]) -> Iterator[FoundLead]:
    """Return the authors of `lead_papers` with the paper that found them, the best first."""
    for one in output.get("results") or []:
        paper: Mapping[str, Any] = next(iter(one.get("papers") or []), {})
        person = {"name": one["name"], "profile": one.get("profile"), "source": paper.get("url")}
        told = {
            "person": _filled(person),
            "company": one.get("company"),
            "domain": one.get("company_url"),
            "paper": {"title": paper.get("title", ""), "abstract": paper.get("abstract", "")[:LONGEST_ABOUT_CHARS]},
        }
        key = one.get("profile") or f"{one['name']} ({one.get('company') or paper.get('key')})"
        query = paper.get("query", "")
        yield FoundLead(kind="person", key=key, name=one["name"], url=paper.get("url", ""), query=query, found=told)


def found_in_list(given: Mapping[str, Any]) -> Iterator[FoundLead]:
    """Return the leads of a list: a name or a site of a company each, and a person where one is named."""
    for one in given.get("leads") or []:
        told = {name: str(one.get(name) or "").strip() for name in LISTED}
        if not told["company"] and not told["domain"]:
            continue
        person = {name: told[name] for name in ("title", "email", "profile")} | {"name": told["person"]}
        name = told["company"] or told["domain"]
        found = {"domain": told["domain"], "person": _filled(person)}
        yield FoundLead(kind="company", key=told["domain"] or name.casefold(), name=name, found=found)


def repository_question(lead: LeadSoFar) -> dict[str, Any]:
    """Name the repository."""
    return {"full_name": lead.name}


def company_question(lead: LeadSoFar) -> dict[str, Any]:
    """Name the company by its id, its site and its name."""
    return _filled({"company_id": lead.company_id, "domain": lead.found.get("domain"), "name": lead.name})


def company_site_question(lead: LeadSoFar) -> dict[str, Any]:
    """Name the company by its id, or by the address of its home page."""
    domain = lead.found.get("domain")
    if not lead.company_id and not domain:
        raise NothingToAsk("no web site of it is known")
    return {"company_id": lead.company_id} if lead.company_id else {"url": f"https://{domain}/"}


def company_people_question(lead: LeadSoFar) -> dict[str, Any]:
    """Name the company of the book, else give its people by value."""
    if lead.company_id:
        return {"company_id": lead.company_id}
    people = [
        _filled({"name": one.get("name"), "title": one.get("title"), "email": one.get("email")})
        for one in lead.told("contact_discovery", "merged") or []
        if one.get("name")
    ]
    if not people:
        raise NothingToAsk("nobody of it is known")
    return {"company_name": lead.name, "people": people[:MOST_PEOPLE]}


def person_question(lead: LeadSoFar) -> dict[str, Any]:
    """Name the person of a lead, by the id or by name and employer."""
    if lead.person_id:
        return {"person_id": lead.person_id}
    person = next(iter(people_of_dossier(lead)), None)
    if person is None:
        raise NothingToAsk("nobody of it is known by a whole name")
    return {"name": person.name, "company_name": str(lead.told("gh_lead_research", "owner", "name") or "")}


def board_question(lead: LeadSoFar) -> dict[str, Any]:
    """Name the job board."""
    return {"slug": lead.found["board"]}


def site_search_question(lead: LeadSoFar) -> dict[str, Any]:
    """Search for the web site of a company that only its name is known of."""
    if lead.found.get("domain"):
        raise NothingToAsk("its web site is known")
    return {"seed_query": lead.name}


def opening_question(lead: LeadSoFar) -> dict[str, Any]:
    """Give the text of one opening, of a role in AI if there is one."""
    opening = next(iter(_openings_of(lead)), None)
    if opening is None:
        raise NothingToAsk("its board has no opening with a text")
    return {"raw_jd": opening["text"], "title": opening["title"]}


def openings_question(lead: LeadSoFar) -> dict[str, Any]:
    """Give openings by value, with their places."""
    openings = [
        _filled({"title": one["title"], "locations": one.get("locations"), "description": one["text"]})
        for one in _openings_of(lead)
    ]
    if not openings:
        raise NothingToAsk("its board has no opening with a text")
    return {"openings": openings}


def _openings_of(lead: LeadSoFar) -> list[Mapping[str, Any]]:
    jobs = [one for one in lead.told("ashby_ingest", "jobs") or [] if one.get("text")]
    return sorted(jobs, key=lambda one: not one.get("is_ai_role"))


def contact_question(lead: LeadSoFar) -> dict[str, Any]:
    """Describe the person of a lead and the employer, for a score card."""
    return {"profile": _by_value(_person_of(lead)), **_employer_of(lead)}


def fit_question(lead: LeadSoFar) -> dict[str, Any]:
    """Describe the person of a lead and the employer, for the fit of a vertical."""
    told = {"person": _by_value(_person_of(lead)), **_employer_of(lead)}
    return told | _filled({"vertical": lead.found.get("vertical")})


def role_question(lead: LeadSoFar) -> dict[str, Any]:
    """Name the person of a lead with the title."""
    person = _person_of(lead)
    if not person.position:
        raise NothingToAsk(f"no title of {person.name} is known")
    return {"name": person.name, "title": person.position, "company_name": lead.name}


def paper_question(lead: LeadSoFar) -> dict[str, Any]:
    """Give the paper that found the lead."""
    if not (lead.found.get("paper") or {}).get("title"):
        raise NothingToAsk("no paper is known")
    return dict(lead.found["paper"])


def author_question(lead: LeadSoFar) -> dict[str, Any]:
    """Name the author and the institution."""
    told = {"company_name": lead.found.get("company"), "domain": lead.found.get("domain")}
    return {"name": lead.name, **_filled(told)}


def _person_of(lead: LeadSoFar) -> "ReachablePerson":
    person = next(people_of_lead(lead), None)
    if person is None:
        raise NothingToAsk("nobody of it is known by a whole name")
    return person


def _by_value(person: "ReachablePerson") -> dict[str, Any]:
    told = {"name": person.name, "title": person.position, "email": person.email, "profile_url": person.profile}
    return _filled({**told, "about": person.about})


def _employer_of(lead: LeadSoFar) -> dict[str, Any]:
    """Name the company of the book, and tell what the source and the site say of the employer.

    The book keeps quotes of the pages, and not the pages. So their words go with the question.
    """
    name = lead.found.get("company") if lead.kind == "person" else lead.name
    read = [lead.told("company_enrichment", page) for page in ("home_markdown", "careers_markdown")]
    about = _filled(
        {
            "name": name,
            "domain": lead.found.get("domain"),
            "description": lead.found.get("about"),
            "pages": [{"text": text} for text in read if text],
        }
    )
    return _filled({"company_id": lead.company_id, "company": about})


def judged_tier(output: Mapping[str, Any]) -> LeadJudgement:
    """Read the card of a contact. Tier B begins at .55."""
    return LeadJudgement(score=_ratio(output.get("score")), reasons=list(map(str, output.get("reasons") or [])))


def judged_fit(output: Mapping[str, Any]) -> LeadJudgement:
    """Read how well a person and the employer fit a vertical. A finding against a misfit rules it out."""
    against = [] if output.get("fit") else [str(one["text"]) for one in output.get("disqualifiers") or []]
    reasons = [str(one["text"]) for one in output.get("reasons") or []]
    return LeadJudgement(score=_ratio(output.get("score")), reasons=reasons, disqualifiers=against)


def judged_buyer(output: Mapping[str, Any]) -> LeadJudgement:
    """Read how likely an author buys."""
    against = ["works where no software is bought"] if output.get("buyer_verdict") == "not_buyer" else []
    reasons = list(map(str, output.get("buyer_reasons") or []))
    return LeadJudgement(score=_ratio(output.get("buyer_score")), reasons=reasons, disqualifiers=against)


def judged_dossier(output: Mapping[str, Any]) -> LeadJudgement:
    """Read the dossier of a repository's owner. Money, a famous past and public relations rule it out."""
    brief, summary = output.get("brief") or {}, output.get("summary") or {}
    reasons = [f"{one['field']}: {one['quote']}" for one in brief.get("evidence") or []]
    against = [str(summary["icp_disqualifier"])] if summary.get("icp_disqualifier") else []
    told = [brief["icp_fit_summary"]] if brief.get("icp_fit_summary") else []
    return LeadJudgement(score=_ratio(brief.get("confidence")), reasons=[*told, *reasons], disqualifiers=against)


def judged_decision_maker(output: Mapping[str, Any]) -> LeadJudgement:
    """Read the authority of the decision maker. Without a decision maker the score is 0."""
    top = output.get("top_decision_maker")
    if not top:
        return LeadJudgement(score=0.0, reasons=[str(output.get("summary") or "nobody of it is known to decide")])
    who = f"{top['name']}, {top['position']}" if top.get("position") else top["name"]
    return LeadJudgement(score=_ratio(top.get("authority_score")), reasons=[who, *(top.get("dm_reasons") or [])])


def people_of_dossier(lead: LeadSoFar) -> Iterator[ReachablePerson]:
    """Return the people of a repository, those with an address first. A login alone is nobody."""
    told = lead.told("gh_lead_research", "brief", "decision_makers") or []
    people = [one for one in told if len(str(one.get("name") or "").split()) > 1]
    for one in sorted(people, key=lambda person: not person.get("email")):
        source = str(one.get("source") or "")
        profile = str(one.get("linkedin") or (source if source.startswith("https://github.com/") else ""))
        yield ReachablePerson(
            name=one["name"],
            position=str(one.get("title") or ""),
            email=str(one.get("email") or ""),
            profile=profile,
            source_url=source,
        )


def people_of_decision_maker(lead: LeadSoFar) -> Iterator[ReachablePerson]:
    """Return the decision maker."""
    if top := lead.told("find_decision_maker", "top_decision_maker"):
        found = {one.get("name"): one for one in lead.told("contact_discovery", "merged") or []}
        one = found.get(top["name"], {})
        pages = [fact.get("source_url") for fact in one.get("findings") or [] if fact.get("source_url")]
        yield ReachablePerson(
            name=top["name"],
            position=str(top.get("position") or ""),
            email=str(top.get("email") or one.get("email") or ""),
            profile=str(one.get("profile") or ""),
            source_url=str(next(iter(pages), "")),
            person_id=str(top.get("id") or ""),
        )


def people_of_lead(lead: LeadSoFar) -> Iterator[ReachablePerson]:
    """Return the decision maker of a lead, then the people of its discovery, then its team, seniors first."""
    yield from people_of_decision_maker(lead)
    own = lead.found.get("person") or {}
    if _is_whole(own.get("name")):
        yield _reachable(own)
    team = [one for one in lead.told("contact_discovery", "merged") or [] if _is_whole(one.get("name"))]
    for one in sorted(team, key=lambda person: -read_title(str(person.get("title") or "")).reading.authority_score):
        yield _reachable(one)


def _reachable(one: Mapping[str, Any]) -> ReachablePerson:
    pages = [fact.get("source_url") for fact in one.get("findings") or [] if fact.get("source_url")]
    return ReachablePerson(
        name=one["name"],
        position=str(one.get("title") or ""),
        email=str(one.get("email") or ""),
        profile=str(one.get("profile") or ""),
        source_url=str(one.get("source") or next(iter(pages), "")),
        person_id=str(one.get("person_id") or ""),
        about=str(one.get("about") or ""),
    )


def _is_whole(name: Any) -> bool:
    return len(str(name or "").split()) > 1


FINDS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[FoundLead]]] = {
    "authors": found_authors,
    "boards": found_boards,
    "channels": found_channels,
    "companies": found_companies,
    "companies_of_code": found_of_code,
    "listed": found_in_list,
    "people_of_topic": found_people_of_topic,
    "repositories": found_repositories,
}
"""The leads of a discovery, by the name that a flow gives."""
TAKES: Mapping[str, Callable[[LeadSoFar], dict[str, Any]]] = {
    "author": author_question,
    "board": board_question,
    "company": company_question,
    "company_people": company_people_question,
    "company_site": company_site_question,
    "contact": contact_question,
    "fit": fit_question,
    "opening": opening_question,
    "openings": openings_question,
    "paper": paper_question,
    "person": person_question,
    "repository": repository_question,
    "role": role_question,
    "site_search": site_search_question,
}
"""The input of a step for a lead."""
JUDGES: Mapping[str, Callable[[Mapping[str, Any]], LeadJudgement]] = {
    "buyer": judged_buyer,
    "decision_maker": judged_decision_maker,
    "dossier": judged_dossier,
    "fit": judged_fit,
    "tier": judged_tier,
}
"""How the answer of a score step is read."""
PEOPLE: Mapping[str, Callable[[LeadSoFar], Iterator[ReachablePerson]]] = {
    "decision_maker": people_of_decision_maker,
    "dossier": people_of_dossier,
    "person": people_of_lead,
}
"""Which people a kept lead has."""


def short_reasons(judgement: LeadJudgement) -> list[str]:
    """Return the reasons of a judgement for the store, the disqualifiers first."""
    told = [*(f"ruled out: {why}" for why in judgement.disqualifiers), *judgement.reasons]
    return [" ".join(reason.split())[:LONGEST_REASON_CHARS] for reason in told[:MOST_REASONS]]


def kept_answer(output: Mapping[str, Any], keeps: Sequence[str]) -> dict[str, Any]:
    """Return the fields of an output that later steps read. Long texts and lists are cut."""
    return {name: _cut(output[name]) for name in keeps if name in output}


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_ABOUT_CHARS]
    if isinstance(value, Mapping):
        return {name: _cut(each) for name, each in value.items()}
    return [_cut(each) for each in value[:MOST_PEOPLE]] if isinstance(value, list) else value


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _ratio(value: Any) -> float:
    return min(max(float(value), 0.0), 1.0) if isinstance(value, int | float) else 0.0


def score_band(score: float) -> str:
    """Return the band of a score, such as `0.6-0.7`. Outcomes are counted by it."""
    low = min(int(score * 10), 9) / 10
    return f"{low:.1f}-{low + 0.1:.1f}"
