"""Search the passages of documents by their terms, with the same result on SQLite and PostgreSQL.

The database's full text index (FTS5, or a tsvector with GIN) counts terms and names candidates. `rules.ranking` scores
these alike for both. The candidates are what has the rarest terms of the question: as many terms as together stand in
`MOST_MATCHES` passages. Of more than `MOST_CANDIDATES` of them, each database keeps the best by its own ranking.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import CompanyId
from agentic_sales.rules.ranking import Group, bm25
from agentic_sales.store.documents import DocumentRow, PassageRow

MOST_MATCHES = 5_000
MOST_CANDIDATES = 200
KEPT_S, MOST_KEPT = 300.0, 10_000
"""How long the count of a frequent term is kept, and how many are."""
_DIGITS = 6
"""Scores that differ by less are equal. Both databases then order alike."""


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage that a search has found."""

    passage_id: str
    """Its id."""
    document_id: str
    """Its document. Empty for a document by value."""
    ordinal: int
    """Its place in the document."""
    title: str
    """Title of the document."""
    url: str
    """Address of the document. Empty without one."""
    heading_path: tuple[str, ...]
    """Headings above it."""
    text: str
    """Its text."""
    terms: tuple[str, ...]
    """Its terms."""

    @property
    def order(self) -> tuple[str, str, int, str]:
        """Return by what equal ones are ordered. It is the same in every database."""
        return self.title, self.url, self.ordinal, self.text


@dataclass(frozen=True, slots=True)
class TermCounts:
    """How many passages have the terms of a question."""

    passages: int
    """All passages."""
    of_group: Mapping[Group, int]
    """Those that have one of the terms of a group."""


class FrequentTermCounts:
    """Counts of terms that stand in very many passages, for some minutes.

    PostgreSQL needs a third of a second to count a term of 80,000 passages, since its index cannot count alone. Such a
    count only decides how little the term weighs, and it hardly changes.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, Group], tuple[float, int]] = {}

    def get(self, where: str, group: Group) -> int | None:
        """Return the count of a group in a database. None: it is not known, or too old."""
        until_s, count = self._kept.get((where, group), (0.0, 0))
        return count if until_s > monotonic() else None

    def keep(self, where: str, group: Group, count: int) -> None:
        """Keep a count."""
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[where, group] = monotonic() + KEPT_S, count


_FREQUENT = FrequentTermCounts()


async def count_terms(connection: AsyncConnection, groups: Iterable[Group]) -> TermCounts:
    """Count the passages that have each group of terms. The count of a frequent one may be some minutes old."""
    wanted = list(dict.fromkeys(groups))
    where = str(connection.engine.url)
    known = {group: count for group in wanted if (count := _FREQUENT.get(where, group)) is not None}
    open_groups = [group for group in wanted if group not in known]
    if connection.dialect.name == "postgresql":
        # It takes the reading of a tsvector for free. So it would read them all.
        await connection.execute(_BY_INDEX)
    counts = [_COUNT[connection.dialect.name].format(number=number) for number in range(len(open_groups))]
    every_count = ", ".join(["(SELECT count(*) FROM passages)", *counts])
    given = {f"g{number}": _any_of([group], connection) for number, group in enumerate(open_groups)}
    whole, *found = (await connection.execute(text(f"SELECT {every_count}"), given)).one()
    new = dict(zip(open_groups, map(int, found), strict=True))
    for group, count in new.items():
        if count > MOST_MATCHES:
            _FREQUENT.keep(where, group, count)
    return TermCounts(int(whole), known | new)


async def search_passages(
    connection: AsyncConnection,
    weights: Mapping[Group, float],
    counts: TermCounts,
    *,
    company_id: CompanyId | None = None,
    most: int,
) -> list[FoundPassage]:
    """Return the passages that fit a question best, the best first.

    Args:
        connection: Connection to the store.
        weights: Weight of each group of the question.
        counts: How many passages have them.
        company_id: Keeps documents about this company. None keeps all.
        most: Most passages.
    """
    wanted = _telling(weights, counts)
    if not wanted:
        return []
    given = {"wanted": _any_of(wanted, connection), "company": company_id, "most": MOST_CANDIDATES}
    statement = text(_candidates(connection.dialect.name, wanted, is_narrowed=company_id is not None))
    told: dict[str, Any] = {f"g{number}": _any_of([group], connection) for number, group in enumerate(wanted)}
    told |= {f"w{number}": weights[group] for number, group in enumerate(wanted)}
    used = {name: value for name, value in (given | told).items() if f":{name}" in statement.text}
    ids = list((await connection.execute(statement, used)).scalars())
    return ranked(await passages_of_ids(connection, ids), weights)[:most]


def ranked(passages: Iterable[FoundPassage], weights: Mapping[Group, float]) -> list[FoundPassage]:
    """Return the passages that have a term of the question, the best first."""
    scores = ((round(bm25(passage.terms, weights), _DIGITS), passage) for passage in passages)
    found = sorted((pair for pair in scores if pair[0] > 0), key=lambda pair: (-pair[0], pair[1].order))
    return [passage for _, passage in found]


async def passages_of_ids(connection: AsyncConnection, ids: Sequence[int]) -> list[FoundPassage]:
    """Return passages by their ids, in the order of the ids. One that is gone is left out."""
    columns = (
        PassageRow.passage_id,
        PassageRow.document_id,
        PassageRow.ordinal,
        DocumentRow.title,
        DocumentRow.url,
        PassageRow.heading_path,
        PassageRow.text,
        PassageRow.terms,
    )
    joined = select(*columns).join(DocumentRow, DocumentRow.document_id == PassageRow.document_id)
    rows = await connection.execute(
        joined.where(PassageRow.passage_id.in_(bindparam("ids", expanding=True))), {"ids": list(ids)}
    )
    found = {row.passage_id: _found(row) for row in rows}
    return [found[number] for number in ids if number in found]


async def passages_with_all(connection: AsyncConnection, terms: Iterable[str]) -> list[FoundPassage]:
    """Return every passage that has all of some terms."""
    wanted = list(dict.fromkeys(terms))
    if not wanted:
        return []
    between = " & " if connection.dialect.name == "postgresql" else " AND "
    query = between.join(_any_of([frozenset({term})], connection) for term in wanted)
    ids = (await connection.execute(_IDS[connection.dialect.name], {"wanted": query})).scalars()
    return await passages_of_ids(connection, list(ids))


def _found(row: Any) -> FoundPassage:
    return FoundPassage(
        str(row.passage_id),
        row.document_id,
        row.ordinal,
        row.title,
        row.url,
        tuple(row.heading_path),
        row.text,
        tuple(row.terms.split()),
    )


def _telling(weights: Mapping[Group, float], counts: TermCounts) -> list[Group]:
    """Return the rarest groups of a question that together stand in few passages, and the rarest one in any case."""
    there = [group for group in weights if counts.of_group[group]]
    there.sort(key=lambda group: (counts.of_group[group], sorted(group)))
    chosen, matches = list[Group](), 0
    for group in there:
        matches += counts.of_group[group]
        if chosen and matches > MOST_MATCHES:
            break
        chosen.append(group)
    return chosen


def _any_of(groups: Iterable[Group], connection: AsyncConnection) -> str:
    """Return the query for passages with any of the terms. A term has letters and digits alone."""
    terms = sorted({term for group in groups for term in group})
    if connection.dialect.name == "postgresql":
        return " | ".join(f"'{term}'" for term in terms)
    return " OR ".join(f'"{term}"' for term in terms)


def _candidates(dialect: str, wanted: Sequence[Group], *, is_narrowed: bool) -> str:
    narrowed = (
        "JOIN passages USING (passage_id) JOIN documents USING (document_id) WHERE company_id = :company"
        if is_narrowed and dialect != "postgresql"
        else ""
    )
    if dialect != "postgresql":
        found = "SELECT rowid AS passage_id, rank AS worth FROM passage_index WHERE passage_index MATCH :wanted"
        return f"SELECT passage_id FROM ({found}) {narrowed} ORDER BY worth LIMIT :most"  # noqa: S608 - no value is in the text
    of_company = "JOIN documents USING (document_id)" if is_narrowed else ""
    is_of = "AND company_id = :company" if is_narrowed else ""
    # A query for each group asks the index alone. `lexemes @@` over all rows would read each tsvector for each group,
    # which takes 50 times as long. The octets of `terms` are told without reading them.
    matches = " UNION ALL ".join(
        f"SELECT passage_id, octet_length(terms) AS size, CAST(:w{number} AS double precision) AS weight "  # noqa: S608 - as above
        f"FROM passages {of_company} WHERE lexemes @@ CAST(:g{number} AS tsquery) {is_of}"
        for number in range(len(wanted))
    )
    return (
        f"SELECT passage_id FROM ({matches}) AS matches GROUP BY passage_id, size "  # noqa: S608 - as above
        "ORDER BY sum(weight) DESC, size, passage_id LIMIT :most"
    )


_BY_INDEX = text("SET LOCAL enable_seqscan = off")
_COUNT = {
    "sqlite": "(SELECT count(*) FROM passage_index WHERE passage_index MATCH :g{number})",
    "postgresql": "(SELECT count(*) FROM passages WHERE lexemes @@ CAST(:g{number} AS tsquery))",
}
_IDS = {
    "sqlite": text("SELECT rowid FROM passage_index WHERE passage_index MATCH :wanted ORDER BY rowid"),
    "postgresql": text("SELECT passage_id FROM passages WHERE lexemes @@ CAST(:wanted AS tsquery) ORDER BY passage_id"),
}
