"""Documents are kept once, and found alike in SQLite, in PostgreSQL and in memory."""

import json
import struct
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import sqrt
from pathlib import Path

import pytest

from agentic_sales.campaigns.book.documents import cut_changed, index_book
from agentic_sales.campaigns.book.retrieval import Corpus, by_value, retrieve_passages
from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.company_signs import find_quote
from agentic_sales.rules.document_answers import GivenDocument, extracted, verified
from agentic_sales.rules.questions import sub_questions
from agentic_sales.settings import Settings
from agentic_sales.store.analyses import Analysis, erase_analyses, save_analysis
from agentic_sales.store.companies import company_ids
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.documents import (
    NewDocument,
    UncutDocument,
    documents,
    erase_documents,
    passages_of,
    save_document,
)
from agentic_sales.store.pgvector import has_vectors, is_available
from agentic_sales.store.vectors import nearest, save_embeddings, without_embedding
from tests.support.hashed_embeddings import hashed

EVALS = Path(__file__).parents[3] / "evals"
GIVEN = [
    GivenDocument(**each) for each in json.loads((EVALS / "agentic_rag.given.json").read_text("utf-8"))["documents"]
]
QUESTIONS = [
    json.loads(line)["input"]["question"] for line in (EVALS / "agentic_rag.jsonl").read_text("utf-8").splitlines()
]
NOW = datetime(2026, 11, 30, tzinfo=UTC)


async def fill(database: Database, given: list[GivenDocument]) -> None:
    async with database.writing() as connection:
        for each in given:
            new = NewDocument.of("file", each.name, each.name, each.text, url=each.url)
            await save_document(connection, new, now=NOW)


async def test_both_databases_find_what_memory_finds_for_every_question_of_the_set(migrated: Settings) -> None:
    in_memory = by_value(GIVEN)
    async with open_database(migrated) as database:
        await fill(database, GIVEN)
        async with database.reading() as connection:
            for question in QUESTIONS:
                parts = sub_questions(question)
                kept = await retrieve_passages(Corpus(connection), parts, parts, most=8)
                plain = await retrieve_passages(in_memory, parts, parts, most=8)
                where = [(each.where, each.text) for each in plain.passages]
                assert [(each.where, each.text) for each in kept.passages] == where, question
                assert [each.sentence for each in kept.supports] == [each.sentence for each in plain.supports], question
                assert kept.searched == plain.searched


async def test_every_quote_of_the_set_stands_in_its_passage() -> None:
    corpus, quotes = by_value(GIVEN), 0
    for question in QUESTIONS:
        parts = sub_questions(question)
        found = await retrieve_passages(corpus, parts, parts, most=8)
        texts = {each.passage_id: each.text for each in found.passages}
        kept, dropped = verified(extracted(found.passages, found.supports), found.passages, question)
        assert dropped == []
        for citation in (one for sentence in kept for one in sentence.citations):
            assert find_quote(citation.quote, texts[citation.passage_id]) == citation.quote
            quotes += 1
    assert quotes > 40


async def test_the_same_text_changes_nothing_and_another_one_takes_its_place(migrated: Settings) -> None:
    async with open_database(migrated) as database, database.writing() as connection:
        first = await save_document(connection, NewDocument.of("file", "a.md", "A", "# One\n\nOld fee."), now=NOW)
        again = await save_document(connection, NewDocument.of("file", "copy.md", "A", "# One\n\nOld fee."), now=NOW)
        assert (first.status, again.status, again.document_id) == ("added", "known", first.document_id)
        changed = await save_document(
            connection, NewDocument.of("file", "a.md", "A", "New fee.\n\n# Two\n\nX1."), now=NOW
        )
        assert (changed.status, changed.document_id, changed.passages) == ("changed", first.document_id, 2)
        assert [each["text"] for each in await passages_of(connection, first.document_id)] == ["New fee.", "X1."]
        found = await retrieve_passages(Corpus(connection), ["old"], ["old"], most=8)
        assert found.passages == ()


async def test_a_page_is_cut_into_passages_only_where_the_store_has_it_otherwise(migrated: Settings) -> None:
    page = UncutDocument("page", "https://acme.example/", "Acme", "# Pumps\n\nWe make pumps.", "https://acme.example/")
    async with open_database(migrated) as database:
        [cut] = await cut_changed(database, [page, UncutDocument("page", "https://acme.example/empty", "Empty", "")])
        assert [part.text for part in cut.parts] == ["We make pumps."]
        async with database.writing() as connection:
            await save_document(connection, cut, now=NOW)
        assert await cut_changed(database, [page]) == []
        changed = replace(page, markdown="# Pumps\n\nWe make valves.")
        assert [one.parts[0].text for one in await cut_changed(database, [changed, page])] == ["We make valves."]
        assert len(await cut_changed(database, [replace(page, company_id=CompanyId("acme"))])) == 1


async def test_an_analysis_of_a_company_is_a_document_until_it_is_erased_and_one_of_a_person_is_none(
    migrated: Settings,
) -> None:
    async with open_database(migrated) as database:
        async with database.writing() as connection:
            acme = Firm("Acme", "acme.de")
            company = Subject("company", (await company_ids(connection, [acme], now=NOW))[acme])
            for subject in (company, Subject("person", "p1")):
                told = {"summary": "Buys pumps", "segments": [{"name": "water utilities"}]}
                await save_analysis(connection, Analysis(subject, "icp", told, "deep_icp"), now=NOW)
        assert (await index_book(database, now=NOW)).written == 1
        assert (await index_book(database, now=NOW)).written == 0
        async with database.reading() as connection:
            assert [row.title for row in await documents(connection, source="analysis")] == ["Acme: icp"]
            found = await retrieve_passages(Corpus(connection), ["water utilities"], ["water utilities"], most=8)
            assert "water utilities" in found.passages[0].text
        async with database.writing() as connection:
            await erase_analyses(connection, company)
        assert (await index_book(database, now=NOW)).erased == 1


async def test_the_nearest_passages_are_those_with_the_greatest_cosine_also_after_one_more(
    migrated: Settings, tmp_path: Path
) -> None:
    async with open_database(migrated) as database:
        await fill(database, GIVEN[:60])
        async with database.writing() as connection:
            waiting = await without_embedding(connection, "m", most=1_000)
            vectors = {number: _vector(text) for number, text in waiting}
            last = max(vectors)
            await save_embeddings(connection, "m", [(n, _bytes(v)) for n, v in vectors.items() if n != last])
        question = _vector("Where do they make glass?")
        for known in (set(vectors) - {last}, set(vectors)):
            async with database.writing() as connection:
                await save_embeddings(connection, "m", [(n, _bytes(vectors[n])) for n in known if n == last])
                found = await nearest(connection, "m", _bytes(question), folder=tmp_path, most=10)
            cosines = {n: round(sum(a * b for a, b in zip(vectors[n], question, strict=True)), 5) for n in known}
            assert [cosines[n] for n in found] == sorted(cosines.values(), reverse=True)[:10]
        async with database.reading() as connection:
            files = 0 if await has_vectors(connection) else 1
        assert [each.suffix for each in sorted(tmp_path.iterdir())].count(".vectors") == files  # noqa: ASYNC240
        assert await _waiting(database) == []


async def test_numpy_and_pgvector_find_what_a_plain_count_finds_for_every_question_of_the_set(
    migrated: Settings, tmp_path: Path
) -> None:
    async with open_database(migrated) as database:
        async with database.reading() as connection:
            if is_pgvector := connection.dialect.name == "postgresql":
                if not await connection.run_sync(is_available):
                    pytest.skip("this PostgreSQL server has no extension `vector`")
                assert await has_vectors(connection)
        await fill(database, GIVEN)
        async with database.writing() as connection:
            waiting = await without_embedding(connection, "m", most=10_000)
            await save_embeddings(connection, "m", [(number, hashed(text)) for number, text in waiting])
        vectors = {number: _numbers(hashed(text)) for number, text in waiting}
        async with database.reading() as connection:
            for question in QUESTIONS:
                asked = hashed(question)
                found = await nearest(connection, "m", asked, folder=tmp_path / "vectors", most=8)
                cosines = {n: _cosine(vector, _numbers(asked)) for n, vector in vectors.items()}
                assert [cosines[n] for n in found] == sorted(cosines.values(), reverse=True)[:8], question
        assert (tmp_path / "vectors").exists() != is_pgvector
        async with database.writing() as connection:
            gone = [row.document_id for row in await documents(connection, limit=1_000)]
            await erase_documents(connection, gone)
            assert await nearest(connection, "m", hashed("pumps"), folder=tmp_path / "vectors", most=8) == []


def _numbers(embedding: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(embedding) // 4}f", embedding)


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return round(sum(a * b for a, b in zip(one, other, strict=True)), 4)


async def _waiting(database: Database) -> list[tuple[int, str]]:
    async with database.reading() as connection:
        return await without_embedding(connection, "m", most=10)


def _vector(text: str) -> list[float]:
    counts = [
        float(sum(text.casefold().count(sign) for sign in signs)) + 0.1 for signs in ("aei", "ou", "lmn", "rst", " ")
    ]
    length = sqrt(sum(number * number for number in counts))
    return [number / length for number in counts]


def _bytes(vector: list[float]) -> bytes:
    return struct.pack(f"<{len(vector)}f", *vector)
