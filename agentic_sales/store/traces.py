"""Find and erase the book's data of people: their rows, facts and analyses, and those of others that name them."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import ContactId, PersonId, Subject
from agentic_sales.rules.people_keys import profile_key
from agentic_sales.rules.search_terms import terms_of
from agentic_sales.store.activations import ActivationCompany, companies_naming, erase_words_of_samples
from agentic_sales.store.analyses import AnalysisRow, erase_analyses, tells_of
from agentic_sales.store.documents import erase_passages
from agentic_sales.store.facts import FactRow, erase_facts, mentions
from agentic_sales.store.flow_lists import ListedLine, erase_lines, lines_naming
from agentic_sales.store.keys import erase_keys
from agentic_sales.store.leads import LeadRow, erase_leads, names_of
from agentic_sales.store.locks import lock
from agentic_sales.store.passages import FoundPassage, passages_with_all
from agentic_sales.store.people import (
    PersonRow,
    erase_person,
    people_by_key,
    people_of_contact,
    remember_forgotten,
)
from agentic_sales.store.recording import erase_fact_rows
from agentic_sales.store.statements import every, every_searched
from agentic_sales.store.subjects import SubjectRow, erase_thing


@dataclass(frozen=True, slots=True)
class Traces:
    """The book's data of some people."""

    people: tuple[PersonRow, ...]
    """Their rows."""
    facts: tuple[FactRow, ...]
    """Facts about them, and facts of other subjects that name them."""
    analyses: tuple[AnalysisRow, ...]
    """Analyses of them, and those of other subjects that name them."""
    things: tuple[SubjectRow, ...]
    """Channels with their name, and everything below one of their profiles."""
    leads: tuple[LeadRow, ...] = ()
    """Leads with them as their person, and leads that name them."""
    lines: tuple[ListedLine, ...] = ()
    """Lines of lists of leads that name them."""
    passages: tuple[FoundPassage, ...] = ()
    """Passages of documents that name them."""
    samples: tuple[ActivationCompany, ...] = ()
    """Companies of the samples of activations that name them."""
    words: tuple[str, ...] = ()
    """Addresses, whole names and profiles that were looked for."""


async def people_meant(
    connection: AsyncConnection,
    *,
    keys: Collection[str],
    contact_id: ContactId | None = None,
    addresses: Collection[str] = (),
) -> list[PersonRow]:
    """Return the people of some keys, those promoted to a contact, and those with a found address."""
    found = await people_by_key(connection, keys)
    if contact_id is not None:
        found += await people_of_contact(connection, contact_id)
    if addresses:
        wanted = sorted(addresses)
        is_it = FactRow.field.startswith("email"), FactRow.subject_kind == "person", mentions(wanted)
        guessed = await every_searched(connection, FactRow, and_(*is_it))
        ids = [row.subject_id for row in guessed if _Words(wanted).are_in(row.value)]
        found += await every(connection, PersonRow, select(PersonRow).where(PersonRow.person_id.in_(ids)))
    return list({row.person_id: row for row in found}.values())


async def traces_of(connection: AsyncConnection, people: Sequence[PersonRow], words: Iterable[str]) -> Traces:
    """Return the book's data of people.

    Args:
        connection: Connection to the store.
        people: Their rows.
        words: Addresses and whole names. Their profiles are looked for, too. Somebody else of the same whole name is
            found with them.
    """
    profiles = sorted({row.profile for row in people if row.profile})
    wanted = sorted({word for word in (*words, *profiles) if word})
    ids = [row.person_id for row in people]
    names = _Words(wanted)
    passages = [each for word in wanted for each in await passages_with_all(connection, terms_of(word))]
    facts = await every(connection, FactRow, select(FactRow).where(FactRow.subject_id.in_(ids)))
    analyses = await every(connection, AnalysisRow, select(AnalysisRow).where(AnalysisRow.subject_id.in_(ids)))
    leads = await every(connection, LeadRow, select(LeadRow).where(LeadRow.person_id.in_(ids)))
    lines: list[ListedLine] = []
    if wanted:
        lines = await lines_naming(connection, wanted, names.are_in)
        leads += await every_searched(connection, LeadRow, names_of(wanted))
        facts += await every_searched(connection, FactRow, mentions(wanted) & FactRow.subject_id.not_in(ids))
        analyses += await every_searched(connection, AnalysisRow, tells_of(wanted) & AnalysisRow.subject_id.not_in(ids))
    return Traces(
        tuple(people),
        tuple(row for row in facts if row.subject_id in ids or names.are_in(row.value, row.quote, row.source_url)),
        tuple(row for row in analyses if row.subject_id in ids or names.are_in(row.content)),
        tuple(await _things(connection, people, profiles)),
        tuple(
            row
            for row in {row.lead_id: row for row in leads}.values()
            if row.person_id in ids or names.are_in(row.name, row.subject_key, row.reason, row.reasons, row.told)
        ),
        tuple(lines),
        tuple(each for each in {one.passage_id: one for one in passages}.values() if _is_told(each, names)),
        tuple(await companies_naming(connection, names.are_in)),
        tuple(wanted),
    )


def naming(words: Iterable[str]) -> Callable[..., bool]:
    """Return a test that tells whether one of the words stands alone in one of some values, in any case."""
    return _Words(sorted(word for word in words if word)).are_in


def _is_told(passage: FoundPassage, names: "_Words") -> bool:
    said = passage.title, passage.url, *passage.heading_path, passage.text
    return names.are_in(*(" ".join(each.split()) for each in said))


class _Words:
    """Finds words where they stand alone. `github.com/ada` is not in `github.com/adam`, which SQL would find."""

    def __init__(self, words: Sequence[str]) -> None:
        told = "|".join(re.escape(word.casefold()) for word in words)
        self._pattern = re.compile(rf"(?<![\w.+-])(?:{told})(?![\w-])") if told else None

    def are_in(self, *values: Any) -> bool:
        """Tell whether one of the words is in one of the values."""
        return self._pattern is not None and any(self._pattern.search(_text_of(value)) for value in values)


def _text_of(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(_text_of(each) for pair in value.items() for each in pair)
    return " ".join(map(_text_of, value)) if isinstance(value, list) else str(value).casefold()


async def erase_traces(
    connection: AsyncConnection, traces: Traces, *, keys: Iterable[str], now: datetime
) -> dict[str, int]:
    """Erase the findings on people, and keep digests of their keys so that nobody writes them again.

    Args:
        connection: Connection of a writing transaction.
        traces: The data to erase.
        keys: Further keys of the people.
        now: The present.

    Returns:
        How many rows of each kind were erased. Of two erasures at once, one counts a row.
    """
    await lock(connection, "people", [row.person_id for row in traces.people])
    own = {Subject("person", row.person_id) for row in traces.people} | {row.subject for row in traces.things}
    erased: Counter[str] = Counter()
    erased["facts"] += await erase_fact_rows(connection, [row for row in traces.facts if row.subject not in own])
    ids = [row.analysis_id for row in traces.analyses]
    gone = await connection.execute(delete(AnalysisRow).where(AnalysisRow.analysis_id.in_(ids)))
    erased["analyses"] += gone.rowcount
    erased["passages"] += await erase_passages(connection, [int(each.passage_id) for each in traces.passages])
    erased["leads"] += await erase_leads(connection, [row.lead_id for row in traces.leads])
    erased["samples"] += await erase_words_of_samples(connection, _Words(traces.words).are_in)
    erased["lines"] += await erase_lines(connection, traces.lines, now=now)
    for subject in sorted(own):
        erased["facts"] += await erase_facts(connection, subject)
        erased["analyses"] += await erase_analyses(connection, subject)
    for row in traces.people:
        erased["people"] += await erase_person(connection, PersonId(row.person_id), now=now)
        await erase_keys(connection, Subject("person", row.person_id))
    for thing in traces.things:
        erased["things"] += await erase_thing(connection, thing.subject)
    profiles = [profile_key(row.profile) for row in traces.people if row.profile]
    await remember_forgotten(connection, {*keys, *profiles}, now=now)
    return {kind: count for kind, count in erased.items() if count}


async def _things(
    connection: AsyncConnection, people: Sequence[PersonRow], profiles: Sequence[str]
) -> list[SubjectRow]:
    names = sorted({row.name.lower() for row in people})
    conditions: list[ColumnElement[bool]] = [(SubjectRow.kind == "channel") & func.lower(SubjectRow.name).in_(names)]
    for profile in profiles:
        conditions += [
            func.lower(SubjectRow.key) == profile,
            func.lower(SubjectRow.key).startswith(f"{profile}/", autoescape=True),
        ]
    return await every(connection, SubjectRow, select(SubjectRow).where(or_(*conditions))) if people else []
