"""Read the companies of the sample world. One file is one company, and every service tells what stands in it.

A person extends the world with a further file in `companies/`. A member that is wrong is named with its file.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agentic_sales.errors import ConfigurationError

FILES = Path(__file__).with_name("companies")
"""Directory of the companies that ship with the product."""


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WorldPerson(_Told):
    """A person of a company."""

    name: str
    title: str
    email: str | None = None
    github: str | None = None
    """Login."""
    openalex: str | None = None
    """Author id. Only an author of papers has one."""
    semantic_scholar: str | None = None
    orcid: str | None = None


class WorldPage(_Told):
    """A page of a site."""

    path: str
    title: str
    text: str
    """Paragraphs, with an empty line between two."""


class WorldRepository(_Told):
    """A repository of a company's GitHub organisation."""

    id: int
    name: str
    description: str | None = None
    language: str | None = None
    topics: tuple[str, ...] = ()
    stars: int = 0
    created_at: str
    pushed_at: str
    archived: bool = False
    readme: str | None = None
    files: tuple[str, ...] = ()
    """What code search finds, as `path: text`."""
    contributors: tuple[str, ...] = ()
    """Logins."""


class GitHubOrg(_Told):
    """A company on GitHub."""

    login: str
    is_verified: bool = False
    email: str | None = None
    repositories: tuple[WorldRepository, ...] = ()


class WorldOpening(_Told):
    """A job on a company's board."""

    id: int
    title: str
    department: str
    location: str
    country: str
    workplace: Literal["remote", "hybrid", "onsite"]
    published_at: str
    text: str
    listed: bool = True
    pay_min: int | None = None
    pay_max: int | None = None
    pay_currency: str | None = None


class WorldBoard(_Told):
    """A company's job board."""

    vendor: Literal["ashby", "greenhouse", "lever"]
    token: str
    openings: tuple[WorldOpening, ...] = ()


class WorldVideo(_Told):
    """A video of a channel."""

    id: str
    title: str
    description: str
    published_at: str
    seconds: int
    views: int
    likes: int | None = None
    comments: tuple[str, ...] = ()


class WorldChannel(_Told):
    """A company's channel on YouTube."""

    id: str
    handle: str
    title: str
    description: str
    subscribers: int
    hides_subscribers: bool = False
    created_at: str
    videos: tuple[WorldVideo, ...] = ()


class WorldPaper(_Told):
    """A paper by people of a company."""

    openalex: str
    semantic_scholar: str
    doi: str | None = None
    arxiv: str | None = None
    arxiv_category: str | None = None
    title: str
    abstract: str
    published: str
    """ISO date."""
    cited_by: int = 0
    authors: tuple[str, ...]
    """Names of people of the company."""


class WorldModel(_Told):
    """A model or data set on Hugging Face."""

    id: str
    kind: Literal["model", "dataset"]
    likes: int
    downloads: int
    task: str | None = None
    tags: tuple[str, ...] = ()
    created_at: str


class WorldCompany(_Told):
    """A company of the world."""

    name: str
    legal_name: str
    domain: str
    kind: Literal["product", "consultancy", "recruiter", "lab", "creator"]
    country: str
    """ISO 3166-1, two letters."""
    city: str
    founded: int
    employees: int
    category: str
    description: str
    site: Literal["sample", "plain", "script", "dead", "parked", "moved", "slow"]
    """How its site answers. `sample` is the site of the demo, a folder of pages."""
    mail: Literal["server", "host", "null", "never", "none", "gone", "silent"] = "server"
    """What the DNS says of its mail: a server; its host alone; none (null MX); none, by SPF; nothing; no such domain;
    no answer."""
    opted_out: bool = False
    """It wants no mail."""
    duplicate_of: str | None = None
    """Name of the file of the same company in its proper spelling."""
    lei: str | None = None
    wikidata: str | None = None
    people: tuple[WorldPerson, ...] = ()
    pages: tuple[WorldPage, ...] = ()
    github: GitHubOrg | None = None
    board: WorldBoard | None = None
    channel: WorldChannel | None = None
    papers: tuple[WorldPaper, ...] = ()
    models: tuple[WorldModel, ...] = ()

    @property
    def url(self) -> str:
        """Address of its site."""
        return f"https://{self.domain}"


@dataclass(frozen=True)
class Companies:
    """All companies of a world."""

    by_file: Mapping[str, WorldCompany]
    """By the name of the file."""

    @property
    def all(self) -> tuple[WorldCompany, ...]:
        """The companies in the order of their files."""
        return tuple(self.by_file.values())

    @cached_property
    def by_domain(self) -> Mapping[str, WorldCompany]:
        """The companies by their domain."""
        return {company.domain: company for company in self.all}

    @cached_property
    def repositories(self) -> tuple[tuple[GitHubOrg, WorldCompany, WorldRepository], ...]:
        """Every repository with its organisation and company."""
        return tuple((c.github, c, r) for c in self.all if c.github for r in c.github.repositories)

    @cached_property
    def people(self) -> tuple[tuple[WorldCompany, WorldPerson], ...]:
        """Every person with the company."""
        return tuple((company, person) for company in self.all for person in company.people)

    @cached_property
    def papers(self) -> tuple[tuple[WorldCompany, WorldPaper], ...]:
        """Every paper with the company of its authors."""
        return tuple((company, paper) for company in self.all for paper in company.papers)

    @cached_property
    def channels(self) -> tuple[tuple[WorldCompany, WorldChannel], ...]:
        """Every channel with its company."""
        return tuple((company, company.channel) for company in self.all if company.channel)


def load_companies(folder: Path = FILES) -> Companies:
    """Read every file of a folder.

    Raises:
        ConfigurationError: A file cannot be read, or a member of it is wrong. The message names both.
    """
    return Companies({file.stem: _read(file) for file in sorted(folder.glob("*.toml"))})


def _read(file: Path) -> WorldCompany:
    try:
        return WorldCompany.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as exc:
        problems = "; ".join(f"`{'.'.join(map(str, e['loc']))}`: {e['msg']}" for e in exc.errors())
        raise ConfigurationError(f"`{file.name}` is no company of the sample world: {problems}") from exc
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"`{file.name}` cannot be read: {exc}") from exc
