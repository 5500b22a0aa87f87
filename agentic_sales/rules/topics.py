"""Turn the results of four kinds of sources on a topic into people, and people into mails.

Papers and channels name people. Repositories and posts name companies. Their people are looked for. A person in two
sources is one person.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.company_identity import Firm, name_key, site_of
from agentic_sales.rules.company_search import Candidate
from agentic_sales.rules.forms import SignedForm
from agentic_sales.rules.people_keys import person_name_key

TopicSource = Literal["papers", "repositories", "channels", "posts"]
SOURCES: tuple[TopicSource, ...] = ("papers", "repositories", "channels", "posts")
MOST_FIRMS = 8
"""Companies of repositories and posts with a search for their people."""
MOST_FOUND = 200
"""People that are judged."""
MOST_WORDS_CHARS = 4_000


class TopicForm(SignedForm):
    """An input with a topic, the wanted people, and its limits."""

    topic: str = Field(
        min_length=2, max_length=200, description="Subject of the people's work: `retrieval evaluation`."
    )
    vertical: str = Field(
        min_length=1, max_length=64, description="Vertical that they shall fit: ingestible, compliance_audit, …"
    )
    product_id: int | None = Field(default=None, ge=1, description="Product that the mails offer. Null: none.")
    max_people: int = Field(default=10, ge=1, le=50, description="Most people with a draft.")
    sources: list[TopicSource] = Field(default=[*SOURCES], min_length=1, description="Where to look.")
    instructions: str = Field(
        default="", max_length=4_000, description="Wishes for the content and the request of the mails."
    )
    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class TopicFirm(BaseModel):
    """A company that a source names with the topic."""

    name: str = Field(description="Its name.")
    domain: str = Field(description="Registrable domain of its site.")
    source: TopicSource = Field(description="Source that names it.")
    url: str = Field(description="Page that names it.")
    words: str = Field(default="", description="Words of the page.")


class TopicPerson(BaseModel):
    """A person of a source with the topic."""

    name: str = Field(description="Whole name.")
    title: str = Field(default="", description="Job title. Empty: no source tells one.")
    company_name: str = Field(default="", description="Employer. Empty: unknown.")
    company_domain: str = Field(default="", description="Its site. Empty: unknown.")
    profile: str = Field(default="", description="A page about the person.")
    sources: list[TopicSource] = Field(default_factory=list, description="Sources that name the person.")
    url: str = Field(default="", description="Page that names the person.")
    work: str = Field(default="", description="Title of the paper, the repository, the channel or the post.")
    words: str = Field(default="", description="Words of the source.")
    score: float = Field(default=0.0, description="Fit with the vertical, 0 to 1.")
    reasons: list[str] = Field(default_factory=list, description="Why the person fits.")
    person_id: str = Field(default="", description="Id in the book. Empty: the book does not have the person.")

    @property
    def who(self) -> str:
        """Return the person in a few words."""
        firm = self.company_name or self.company_domain
        return f"{self.name} ({firm})" if firm else self.name

    @property
    def key(self) -> tuple[str, str]:
        """Return the key that distinguishes the person."""
        return person_name_key(self.name), self.company_domain or name_key(self.company_name)


class DroppedPerson(BaseModel):
    """A person without a draft."""

    who: str = Field(description="The person.")
    why: str = Field(description="The reason.")


class TopicDraft(BaseModel):
    """A mail that waits for a person's word. Nothing sends it."""

    who: str = Field(description="The person.")
    name: str = Field(description="Name of the person.")
    company_name: str = Field(default="", description="Employer.")
    person_id: str = Field(default="", description="Id in the book. Empty: the book does not have the person.")
    url: str = Field(default="", description="Page on which the mail rests.")
    subject: str = Field(description="Subject.")
    body: str = Field(description="Text.")
    source: str = Field(description="Author of the mail: `llm` or `rules`.")


class TopicReport(BaseModel):
    """Output of a run."""

    found: int = Field(default=0, description="People that the sources name, each once.")
    kept: int = Field(default=0, description="People that fit and may get a draft.")
    people: list[TopicPerson] = Field(default_factory=list, description="Those people, the best first.")
    dropped: list[DroppedPerson] = Field(default_factory=list, description="The others, each with the reason.")
    drafts: list[TopicDraft] = Field(default_factory=list, description="Drafts. None is sent.")
    by_source: dict[str, int] = Field(default_factory=dict, description="People by the source that named them first.")
    errors: list[str] = Field(default_factory=list, description="Sub-runs that failed, and sources that did not serve.")


def question_for(source: TopicSource, form: TopicForm) -> dict[str, Any]:
    """Return the input for a source's workflow."""
    if source == "papers":
        return {"topic": form.topic, "dry_run": form.dry_run}
    if source == "channels":
        return {"topic": form.topic, "max_channels": 10, "max_searches": 2, "dry_run": form.dry_run}
    slug = "-".join(form.topic.lower().split())
    topics = list(dict.fromkeys((slug, *form.topic.lower().split())))[:4]
    wide = {"min_stars": 20, "active_within_days": 365, "per_topic_limit": 10, "classify_top_n": 0}
    return {"topics": topics, **wide, "dry_run": form.dry_run}


def post_queries(topic: str) -> list[str]:
    """Return the searches for posts about a topic."""
    return [f"{topic} blog", f"how we built {topic}", f"{topic} lessons learned"]


def people_of_papers(output: Mapping[str, Any]) -> list[TopicPerson]:
    """Return the authors that `lead_papers` found."""
    return [
        TopicPerson(
            name=lead["name"],
            company_name=lead.get("company") or "",
            company_domain=site_of(lead.get("company_url") or "") or "",
            profile=lead.get("profile") or "",
            sources=["papers"],
            url=paper.get("url") or lead.get("profile") or "",
            work=paper.get("title") or "",
            words=f"{paper.get('title') or ''}\n{paper.get('abstract') or ''}"[:MOST_WORDS_CHARS],
        )
        for lead in output.get("results") or []
        for paper in [(lead.get("papers") or [{}])[0]]
    ]


def people_of_channels(output: Mapping[str, Any]) -> list[TopicPerson]:
    """Return the makers that `youtube_discovery` found."""
    channels = {channel["channel_id"]: channel for channel in output.get("channels") or []}
    names = {each["domain"]: each["name"] for each in output.get("companies") or [] if each.get("relation") == "own"}
    found = []
    for person in output.get("people") or []:
        channel = channels.get(person["channel_id"], {})
        domain = person.get("company_domain") or ""
        found.append(
            TopicPerson(
                name=person["name"],
                title=person.get("role") or "",
                company_name=names.get(domain) or channel.get("title") or "",
                company_domain=domain,
                sources=["channels"],
                url=person.get("source_url") or channel.get("url") or "",
                work=channel.get("title") or "",
                words=f"{person.get('quote') or ''}\n{channel.get('description') or ''}"[:MOST_WORDS_CHARS],
            )
        )
    return found


def firms_of_repositories(output: Mapping[str, Any]) -> list[TopicFirm]:
    """Return the owners that `gh_ai_repos` found and that name a site of their own."""
    owners = output.get("org_metadata") or {}
    found = []
    for repository in output.get("final_repos") or []:
        owner = owners.get(repository["full_name"].partition("/")[0]) or {}
        if domain := site_of(owner.get("website") or ""):
            name = owner.get("name") or owner.get("login") or domain
            told = {"url": repository["url"], "words": repository["full_name"]}
            found.append(TopicFirm(name=name, domain=domain, source="repositories", **told))
    return each_once(found)


def firms_of_posts(candidates: Iterable[Candidate]) -> list[TopicFirm]:
    """Return the companies with posts about the topic on their sites."""
    return each_once(
        TopicFirm(name=each.name, domain=each.domain, source="posts", url=each.url, words=each.why)
        for each in candidates
    )


def each_once(firms: Iterable[TopicFirm]) -> list[TopicFirm]:
    """Return companies, each once, in their order."""
    return list({firm.domain: firm for firm in reversed(list(firms))}.values())[::-1]


def people_of_firm(firm: TopicFirm, output: Mapping[str, Any]) -> list[TopicPerson]:
    """Return the people of a company from `contact_discovery`."""
    return [
        TopicPerson(
            name=person["name"],
            title=person.get("title") or "",
            company_name=firm.name,
            company_domain=firm.domain,
            profile=person.get("profile") or "",
            sources=[firm.source],
            url=firm.url,
            work=firm.words,
            words=firm.words,
        )
        for person in output.get("merged") or []
    ]


def joined(people: Iterable[TopicPerson]) -> list[TopicPerson]:
    """Return people, each once, those of more sources first. An empty field is filled by another source."""
    found: dict[tuple[str, str], TopicPerson] = {}
    for person in people:
        before = found.get(person.key)
        if before is None:
            found[person.key] = person
            continue
        sources = list(dict.fromkeys((*before.sources, *person.sources)))
        told = {name: getattr(before, name) or getattr(person, name) for name in ("title", "profile", "company_name")}
        words = before.words if person.words in before.words else f"{before.words}\n{person.words}"
        found[person.key] = before.model_copy(update={**told, "sources": sources, "words": words[:MOST_WORDS_CHARS]})
    return sorted(found.values(), key=lambda person: -len(person.sources))[:MOST_FOUND]


def fit_question(person: TopicPerson, vertical: str, home: str) -> dict[str, Any]:
    """Return the input of `contact_vertical_fit` for a person.

    Args:
        person: The person.
        vertical: Slug of the vertical.
        home: Text of the employer's home page. Empty: it was not read.
    """
    pages = [{"url": f"https://{person.company_domain}/", "text": home}] if home else []
    company = {"name": person.company_name, "domain": person.company_domain, "pages": pages}
    about = {"name": person.name, "title": person.title[:200], "about": person.words, "profile_url": person.profile}
    return {"vertical": vertical, "person": about, "company": company}


def why_no_fit(output: Mapping[str, Any]) -> str:
    """Return why somebody does not fit a vertical. Empty: the person fits."""
    if output.get("fit"):
        return ""
    if against := [str(each["text"]) for each in output.get("disqualifiers") or []]:
        return f"disqualified: {', '.join(against)}"
    missing = [str(each) for each in output.get("missing") or []]
    lacking = f"; not known: {', '.join(missing)}" if missing else ""
    return f"fit {float(output.get('score') or 0.0):.2f} is below the least one{lacking}"


def fitted(person: TopicPerson, output: Mapping[str, Any]) -> TopicPerson:
    """Return a person with the score and the reasons of the judgement."""
    reasons = [" ".join(filter(None, (each["text"], each.get("quote")))) for each in output.get("reasons") or []]
    return person.model_copy(update={"score": float(output.get("score") or 0.0), "reasons": reasons})


def mail_question(person: TopicPerson, form: TopicForm, offer: str) -> dict[str, Any]:
    """Return the input of `email_compose` for a person.

    Args:
        person: The person.
        form: The input.
        offer: Our offer. Empty: the instructions say it.
    """
    wishes = "\n".join(filter(None, (form.instructions, f"We offer: {offer}" if offer else "")))
    return {
        "recipient_name": person.name,
        "company_name": person.company_name,
        "recipient_context": person.words,
        "instructions": wishes[:4_000],
        "sender_name": form.sender_name,
        "signature": form.signature,
    }


def draft_of(person: TopicPerson, output: Mapping[str, Any]) -> TopicDraft:
    """Return a written mail with its person."""
    return TopicDraft(
        who=person.who,
        name=person.name,
        company_name=person.company_name,
        person_id=person.person_id,
        url=person.url,
        subject=str(output.get("subject") or ""),
        body=str(output.get("body") or ""),
        source=str(output.get("source") or "rules"),
    )


def first_sources(people: Sequence[TopicPerson]) -> dict[str, int]:
    """Count people by the source that named them first."""
    found: dict[str, int] = {}
    for person in people:
        found[person.sources[0]] = found.get(person.sources[0], 0) + 1
    return found


def firm_of(person: TopicPerson) -> Firm:
    """Return the employer as the book recognises it."""
    return Firm(person.company_name, person.company_domain or None)
