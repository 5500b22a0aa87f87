"""Write the findings of a workflow into the book, in one transaction and with their provenance.

async with writing_book("company_discovery") as book:
    ids = await book.companies(Firm(name, url) for name, url in found)
    book.note(Subject("company", ids[firm]), findings)

Everything is an upsert by key. So a repeated run, two runs at once and a run after a kill write the same rows.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.book.documents import cut_changed
from agentic_sales.campaigns.book.known_people import KnownPerson
from agentic_sales.contracts import CompanyId, ContactId, PersonId, RunId, Subject
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.runs.purse import current_purse
from agentic_sales.settings import settings
from agentic_sales.store.analyses import Analysis, save_analysis
from agentic_sales.store.companies import resolve_companies
from agentic_sales.store.contacts import contact
from agentic_sales.store.database import current_database
from agentic_sales.store.documents import NewDocument, UncutDocument, save_document
from agentic_sales.store.facts import Fact, facts_of
from agentic_sales.store.people import SourcedPerson, become_contact, recognise_people
from agentic_sales.store.recording import Recorded, erase_fact_rows, record_facts
from agentic_sales.store.subjects import Thing, save_things


class BookWriter:
    """Writes for one workflow in one transaction. Its facts are written at the end of the transaction."""

    def __init__(self, connection: AsyncConnection, workflow: str, run_id: RunId | None, now: datetime) -> None:
        self.connection = connection
        """Connection of the transaction, for a writer function of the store that is not here."""
        self.now = now
        """When everything of this transaction was observed."""
        self.new_companies: set[CompanyId] = set()
        """Companies that were not known before."""
        self.new_people: set[PersonId] = set()
        """People that were not known before."""
        self.recorded = Recorded()
        """The receipt for the facts. It is known after the transaction."""
        self.run_id = run_id
        """The run. None outside a worker."""
        self._workflow = workflow
        self._facts: list[Fact] = []

    async def companies(self, firms: Iterable[Firm]) -> dict[Firm, CompanyId]:
        """Return the ids of companies. New ones are written. One without name and site is left out."""
        found = await resolve_companies(self.connection, firms, now=self.now)
        self.new_companies |= found.new
        return found.ids

    async def people(self, people: Iterable[SourcedPerson]) -> dict[SourcedPerson, PersonId]:
        """Return the ids of people. New ones are written. A forgotten person is left out."""
        found = await recognise_people(self.connection, people, now=self.now)
        self.new_people |= found.new
        return found.ids

    async def person(self, known: KnownPerson) -> Subject | None:
        """Return a known person as a subject. A contact without a person gets one. None: the person was forgotten."""
        if known.person_id:
            return Subject("person", known.person_id)
        row = await contact(self.connection, ContactId(known.contact_id))
        if row is None:
            return None
        company_id = CompanyId(known.company.company_id) if known.company else None
        mine = SourcedPerson(known.name or row.email.partition("@")[0], company_id, email_hash=row.email_hash)
        found = (await self.people([mine])).get(mine)
        if found is None:
            return None
        await become_contact(self.connection, found, ContactId(row.contact_id), now=self.now)
        return Subject("person", found)

    async def things(self, things: Iterable[Thing]) -> dict[Thing, Subject]:
        """Write openings, repositories, papers, channels and documents. Return them as subjects."""
        return await save_things(self.connection, things, now=self.now)

    def note(self, subject: Subject, findings: Iterable[FoundFact]) -> None:
        """Take in the findings on a subject."""
        self._facts += [
            Fact(
                subject,
                finding.field,
                finding.value,
                finding.method,
                self.now,
                confidence=finding.confidence,
                source_url=finding.source_url,
                quote=finding.quote,
                workflow=self._workflow,
                run_id=self.run_id,
            )
            for finding in findings
        ]

    async def replace(self, subject: Subject, group: str, findings: Sequence[FoundFact]) -> None:
        """Take in all findings of one group of fields, and erase this workflow's older ones.

        Args:
            subject: Subject of the analysis.
            group: Beginning of the fields, such as `problem.`.
            findings: The findings. A field that is not among them is erased.
        """
        told = {finding.field for finding in findings}
        before = await facts_of(self.connection, subject, group=group, with_history=True)
        gone = [row for row in before if row.workflow == self._workflow and row.field not in told]
        await erase_fact_rows(self.connection, gone)
        self.note(subject, findings)

    async def keep(self, subject: Subject, kind: str, content: Mapping[str, Any], *, prompts: Mapping[str, str]) -> str:
        """Keep a whole document about a subject, and return its id. The latest one stays if nothing has changed.

        Args:
            subject: Subject of the analysis.
            kind: Kind of the analysis, such as `icp`.
            content: The document.
            prompts: Digests of the prompts by their nodes, as `graph_meta` has them.
        """
        analysis = Analysis(subject, kind, content, self._workflow, self.run_id, prompts)
        return await save_analysis(self.connection, analysis, now=self.now)

    async def documents(self, documents: Iterable[NewDocument]) -> None:
        """Keep documents, such as the pages of a site. They were cut before the transaction, see `cut_pages`."""
        for document in documents:
            await save_document(self.connection, document, now=self.now)

    @property
    def told(self) -> dict[str, Any]:
        """Return the receipt for the facts, as answers hold it: `facts_persisted` and `updated`."""
        new = self.recorded.new
        return {"facts_persisted": new + self.recorded.unchanged, "updated": bool(new)}

    async def end(self) -> None:
        """Write the facts."""
        self.recorded = await record_facts(self.connection, self._facts)


async def cut_pages(company_id: CompanyId, pages: Iterable[tuple[str, str, str]]) -> list[NewDocument]:
    """Cut the pages of a company's site into passages. A known one is left out.

    Args:
        company_id: The company.
        pages: Address, title and Markdown of each page.
    """
    texts = [UncutDocument("page", url, title or url, text, url, company_id) for url, title, text in pages]
    return await cut_changed(current_database(settings()), texts)


@asynccontextmanager
async def writing_book(workflow: str) -> AsyncIterator[BookWriter]:
    """Open a transaction that writes the findings of a workflow. It commits at the end of the body.

    Args:
        workflow: Name of the workflow, which becomes the provenance of its facts.

    Raises:
        EffectExceeded: The effect of the current run's row is neither write nor send.
    """
    purse = current_purse.get()
    async with current_database(settings()).writing() as connection:
        book = BookWriter(connection, workflow, purse.run_id if purse else None, datetime.now(UTC))
        yield book
        await book.end()
