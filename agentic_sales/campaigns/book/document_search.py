"""Search documents for a workflow: by terms, and by meaning where a model of embeddings is configured."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache

import structlog

from agentic_sales.campaigns.book.retrieval import CANDIDATES, Corpus, Retrieved, by_value, retrieve_passages
from agentic_sales.contracts import CompanyId
from agentic_sales.errors import ProviderUnavailable
from agentic_sales.llm.embeddings import embed_texts
from agentic_sales.rules.document_answers import GivenDocument, QuestionForm
from agentic_sales.settings import settings
from agentic_sales.store.database import current_database
from agentic_sales.store.vectors import nearest

log = structlog.get_logger()

FULL_TEXT, BOTH = "full_text", "full_text+embeddings"


async def retrieved_for(asked: QuestionForm, questions: Sequence[str], queries: Sequence[str]) -> tuple[Retrieved, str]:
    """Return what fits the queries of a run, and how it was searched.

    A model of embeddings that does not answer is passed over: the search by terms stands alone.
    """
    if asked.documents:
        given = tuple((each.name, each.url, each.text) for each in asked.documents)
        corpus = await asyncio.to_thread(_corpus_of, given)
        return await retrieve_passages(corpus, questions, queries, most=asked.most_passages), FULL_TEXT
    vectors = await _vectors_of(queries)
    async with current_database(settings()).reading() as connection:
        folder = settings().state_dir / "vectors"
        near = {
            query: await nearest(connection, str(settings().embeddings), vector, folder=folder, most=CANDIDATES)
            for query, vector in vectors.items()
        }
        company_id = CompanyId(asked.company_id) if asked.company_id else None
        corpus = Corpus(connection, company_id)
        found = await retrieve_passages(corpus, questions, queries, most=asked.most_passages, near=near)
    return found, BOTH if any(near.values()) else FULL_TEXT


@lru_cache(maxsize=2)  # A run searches the same documents up to three times.
def _corpus_of(given: tuple[tuple[str, str, str], ...]) -> Corpus:
    return by_value([GivenDocument(name=name, url=url, text=text) for name, url, text in given])


async def _vectors_of(queries: Sequence[str]) -> dict[str, bytes]:
    if not settings().embeddings:
        return {}
    try:
        return dict(zip(queries, await embed_texts(settings(), queries), strict=True))
    except ProviderUnavailable as exc:
        log.warning("question_not_embedded", error_code=exc.code)
        return {}
