"""Write repositories into the book with GitHub's fields and the judgement, and read the known ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agentic_sales.campaigns.book.known import known_sites
from agentic_sales.campaigns.book.writing import BookWriter, writing_book
from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.rules.company_identity import Firm, site_of
from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.rules.lead_research import SIGNALS
from agentic_sales.rules.repositories import (
    OwnerFacts,
    RepositoryFacts,
    ScoredRepository,
    facts_of_repository,
    has_own_site,
)
from agentic_sales.settings import settings
from agentic_sales.store.database import current_database
from agentic_sales.store.facts import last_observed
from agentic_sales.store.subjects import Thing, things_of_keys

DOSSIER_FIELDS = (*SIGNALS, "icp_disqualifier")
"""Fields that a dossier tells, and takes back when it tells them no more."""


@dataclass(frozen=True, slots=True)
class KnownRepository:
    """A repository of the book."""

    subject_id: str
    """Its id."""
    judged_at: datetime | None
    """When it was judged last. None: it never was."""


def repository_key(full_name: str) -> str:
    """Return the key of a repository. GitHub's names have no case."""
    return f"github.com/{full_name.lower()}"


async def known_repositories(full_names: Iterable[str], workflow: str) -> dict[str, KnownRepository]:
    """Return the repositories that the book has, by their full names, with the last judgement of a workflow."""
    names = {repository_key(name): name for name in full_names}
    async with current_database(settings()).reading() as connection:
        rows = await things_of_keys(connection, [("repository", key) for key in names])
        judged = await last_observed(connection, "repository", [row.subject_id for row in rows], workflow)
    return {names[row.key]: KnownRepository(row.subject_id, judged.get(row.subject_id)) for row in rows}


async def write_repositories(
    workflow: str,
    found: Iterable[RepositoryFacts],
    scored: Sequence[ScoredRepository],
    owners: Mapping[str, OwnerFacts],
    *,
    with_companies: bool,
) -> list[str]:
    """Write judged repositories. Return the ids of new ones.

    Args:
        workflow: Name of the workflow.
        found: GitHub's fields.
        scored: Those to be written, with their briefs.
        owners: Owners by their logins.
        with_companies: Write owners as companies that the book does not have. A known one is linked in any case.
    """
    by_name = {one.full_name: one for one in found}
    firms = {login: firm for login, owner in owners.items() if (firm := firm_of_owner(owner))}
    known = await known_sites(site for firm in firms.values() if (site := firm.site))
    before = await known_repositories(by_name, workflow)
    async with writing_book(workflow) as book:
        companies = {
            login: CompanyId(known[firm.site].company_id) for login, firm in firms.items() if firm.site in known
        }
        if with_companies:
            companies |= await _companies(book, firms, [by_name[one.full_name] for one in scored])
        listed = {}
        for one in scored:
            owner = companies.get(by_name[one.full_name].owner)
            listed[Thing("repository", repository_key(one.full_name), one.full_name, one.url, owner)] = one
        subjects = await book.things(listed)
        for thing, subject in subjects.items():
            book.note(subject, facts_of_repository(by_name[listed[thing].full_name], listed[thing]))
    return sorted(subject.id for thing, subject in subjects.items() if listed[thing].full_name not in before)


async def write_dossier(
    workflow: str,
    repository: RepositoryFacts,
    owner: OwnerFacts | None,
    *,
    content: Mapping[str, Any],
    facts: Sequence[FoundFact],
    prompts: Mapping[str, str],
) -> str:
    """Write the dossier of a repository's owner as an analysis of the repository. Return the analysis's id.

    Args:
        workflow: Name of the workflow.
        repository: The repository.
        owner: Its owner. The company that the book has for its site is linked.
        content: The dossier.
        facts: Facts beside it.
        prompts: Digests of the prompts by their nodes.
    """
    firm = firm_of_owner(owner) if owner else None
    known = await known_sites([firm.site]) if firm and firm.site else {}
    company_id = next((CompanyId(company.company_id) for company in known.values()), None)
    key = repository_key(repository.full_name)
    async with writing_book(workflow) as book:
        thing = Thing("repository", key, repository.full_name, repository.page, company_id)
        subject = (await book.things([thing]))[thing]
        for group in DOSSIER_FIELDS:
            await book.replace(subject, group, [fact for fact in facts if fact.field == group])
        return await book.keep(subject, "dossier", content, prompts=prompts)


def firm_of_owner(owner: OwnerFacts) -> Firm | None:
    """Return the company that an owner is, by its own site. A person is none, and neither is a page on a platform."""
    if owner.type == "User" or not has_own_site(owner.website):
        return None
    return Firm(owner.name or owner.login, site_of(owner.website))


async def _companies(
    book: BookWriter, firms: Mapping[str, Firm], repositories: Iterable[RepositoryFacts]
) -> dict[str, CompanyId]:
    wanted = {one.owner: firms[one.owner] for one in repositories if one.owner in firms}
    ids = await book.companies(wanted.values())
    for login, firm in wanted.items():
        url = f"https://github.com/{login}"
        fact = FoundFact(field="github", value=url, method="api", source_url=url)
        book.note(Subject("company", ids[firm]), [fact])
    return {login: ids[firm] for login, firm in wanted.items()}
