"""Retrieve the passages that fit questions, from the documents of the store or from documents by value.

A search by terms and, where passages have embeddings, one by meaning are joined by reciprocal rank fusion.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import CompanyId
from agentic_sales.rules.document_answers import GivenDocument, Passage, Support
from agentic_sales.rules.evidence import PassageCandidate, evidence
from agentic_sales.rules.passages import above, indexed_parts
from agentic_sales.rules.questions import read_question
from agentic_sales.rules.ranking import Group, fused, weights_of
from agentic_sales.store.passages import (
    FoundPassage,
    TermCounts,
    count_terms,
    passages_of_ids,
    ranked,
    search_passages,
)

CANDIDATES = 40
"""Passages of each ranking that are fused."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The documents that are searched."""

    connection: AsyncConnection | None = None
    """Connection to the store. None: the documents are given by value."""
    company_id: CompanyId | None = None
    """Keeps documents of the store about this company."""
    given: tuple[FoundPassage, ...] = ()
    """Passages by value."""

    async def count(self, groups: Iterable[Group]) -> TermCounts:
        """Count the passages that have each group of terms."""
        if self.connection is not None:
            return await count_terms(self.connection, groups)
        terms = [set(each.terms) for each in self.given]
        return TermCounts(len(terms), {group: sum(not group.isdisjoint(one) for one in terms) for group in groups})

    async def search(self, weights: Mapping[Group, float], counts: TermCounts) -> list[FoundPassage]:
        """Return the passages that fit best by their terms, the best first."""
        if self.connection is not None:
            return await search_passages(self.connection, weights, counts, company_id=self.company_id, most=CANDIDATES)
        return ranked(self.given, weights)[:CANDIDATES]

    async def near(self, ids: Sequence[int]) -> list[FoundPassage]:
        """Return the passages of the store that a search by meaning has found, in its order."""
        if self.connection is None:
            return []
        return await passages_of_ids(self.connection, ids)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was retrieved for some questions."""

    passages: tuple[Passage, ...]
    """Passages, the best first."""
    supports: tuple[Support, ...]
    """Sentences that answer by the rules, by question, the best first."""
    searched: int
    """Passages of all documents."""


def by_value(documents: Sequence[GivenDocument]) -> Corpus:
    """Return documents by value as a corpus. It takes time in proportion to their texts."""
    parts = (
        (number, each, ordinal, part)
        for number, each in enumerate(documents, start=1)
        for ordinal, part in enumerate(indexed_parts(each.name, each.url, each.text))
    )
    return Corpus(
        given=tuple(
            FoundPassage(
                f"{number}.{ordinal}", "", ordinal, each.name, each.url, part.heading_path, part.text, part.terms
            )
            for number, each, ordinal, part in parts
        )
    )


async def retrieve_passages(
    corpus: Corpus,
    questions: Sequence[str],
    queries: Sequence[str],
    *,
    most: int,
    near: Mapping[str, Sequence[int]] | None = None,
) -> Retrieved:
    """Search for each query, and tell which sentences answer the questions by the rules.

    Args:
        corpus: What is searched.
        questions: The questions.
        queries: What is searched for. They may be the questions in other words.
        most: Most passages.
        near: Ids of the passages of the store that are nearest by meaning, by query.
    """
    rankings: list[list[FoundPassage]] = []
    asked = {text: read_question(text) for text in (*queries, *questions)}
    counts = await corpus.count(group for one in asked.values() for group in one.groups)
    weights = {text: weights_of(one.groups, counts.of_group, counts.passages) for text, one in asked.items()}
    for query in queries:
        rankings.append(await corpus.search(weights[query], counts))
        if near and query in near:
            rankings.append(await corpus.near(near[query]))
    passages = {each.passage_id: each for ranking in rankings for each in ranking}
    chosen = [passages[key] for key in fused([each.passage_id for each in ranking] for ranking in rankings)][:most]
    candidates = [
        PassageCandidate(one.passage_id, above(one.title, one.url, one.heading_path), one.text) for one in chosen
    ]
    supports = tuple(
        Support(question=question, passage_id=one.key, sentence=one.sentence, coverage=one.coverage)
        for question in questions
        for one in evidence(asked[question], weights[question], candidates)
    )
    return Retrieved(tuple(map(_told, chosen)), supports, counts.passages)


def _told(found: FoundPassage) -> Passage:
    return Passage(
        passage_id=found.passage_id,
        document=found.title,
        url=found.url,
        heading_path=list(found.heading_path),
        text=found.text,
    )
