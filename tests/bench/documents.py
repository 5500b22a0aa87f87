"""What a search of very many documents takes, and what the matrix of their embeddings costs two processes.

The passages are made: words of a vocabulary by Zipf's law, in sentences. So the frequent words of a question stand in
most passages, as they do in real ones. The embeddings are hashed vectors of as many numbers as a small model answers.
"""

import asyncio
import random
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # psutil ships no types
from sqlalchemy import text

from agentic_sales.campaigns.book.retrieval import CANDIDATES, Corpus, retrieve_passages
from agentic_sales.rules.passages import IndexedPart
from agentic_sales.rules.search_terms import SILENT, terms_of_word
from agentic_sales.settings import Settings
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.documents import NewDocument, save_document
from agentic_sales.store.vectors import nearest, save_embeddings, without_embedding
from tests.bench.campaigns import store
from tests.support.hashed_embeddings import hashed
from tests.support.small_campaign import NOW

PASSAGES_OF_DOCUMENT = 20
DOCUMENTS_AT_ONCE = 250
WORDS = 60_000
"""Words of the vocabulary."""
EXPONENT = 1.0
WORDS_OF_PASSAGE = (60, 200)
WORDS_OF_SENTENCE = 12
WORDS_OF_QUESTION = (3, 7)
FREQUENT = 300
"""Words that nearly every text has. Half of the questions ask by two of them besides."""
QUESTIONS = 200
WARM_UP = 20
MOST = 8
EMBEDDER = "bench:hashed"
SEARCHERS = 2
NEAR_QUESTIONS = 30
_SYLLABLES = [first + vowel for first in "bdfgklmnprstvz" for vowel in "aeiou"]


@dataclass(frozen=True, slots=True)
class Percentiles:
    """How long a search takes."""

    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class MatrixCost:
    """What a search by meaning costs processes that search at the same time."""

    file_mb: float
    """The matrix."""
    searched: Percentiles
    """A search of one process, while nothing else runs."""
    own_mb: float
    """What a process has for itself by its searches, mean of all."""
    together_mb: float
    """What all of them have of the matrix, what they share counted once (PSS)."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of a process, in MB."""

    own_mb: float
    """Its own: all that is in no file. A file counts as USS while just one process has it mapped."""
    matrix_mb: float
    """Its share of the matrix (PSS): the half if two have it mapped."""

    def __sub__(self, other: "Memory") -> "Memory":
        return Memory(self.own_mb - other.own_mb, self.matrix_mb - other.matrix_mb)


@contextmanager
def many_passages(where: str, *, passages: int) -> Iterator[Settings]:
    """Yield a configuration of a store with so many passages, with embeddings.

    Raises:
        pytest.skip.Exception: There is no PostgreSQL on this machine.
    """
    with store(where) as configuration:
        asyncio.run(_fill(configuration, passages))
        yield configuration


def search_times(configuration: Settings) -> Percentiles:
    """Time the search by full text of `documents search`, with the reading of its passages and of their sentences."""
    return asyncio.run(_search_times(configuration))


def matrix_cost(configuration: Settings) -> MatrixCost:
    """Let two processes search by meaning in one matrix, and weigh them before and meanwhile."""
    folder = configuration.state_dir / "vectors"
    command = [sys.executable, "-m", "tests.bench.documents", str(configuration.state_dir)]
    command += [configuration.database_url] if configuration.database_url else []
    searchers = [_searcher(command) for _ in range(SEARCHERS)]
    try:
        # Each has searched once before it is weighed, so that only the matrix counts.
        p50_ms, p95_ms = map(float, [_search(each)() for each in searchers][-1].split())
        before = [_memory(each) for each in searchers]
        ends = [_search(each) for each in searchers]
        meanwhile = []
        while len(select.select([one.stdout for one in searchers if one.stdout], [], [], 0.02)[0]) < SEARCHERS:
            meanwhile.append(_at_one_moment(searchers))
        for end in ends:
            end()
    finally:
        for each in searchers:
            each.terminate()
            each.wait()
    (file,) = folder.glob("*.vectors")
    more = [[late - early for early, late in zip(before, one, strict=True)] for one in meanwhile]
    own = max(statistics.fmean(each.own_mb for each in one) for one in more)
    together = max(sum(each.matrix_mb for each in one) for one in more)
    return MatrixCost(file.stat().st_size / 1e6, Percentiles(p50_ms, p95_ms), own, together)


async def _fill(configuration: Settings, passages: int) -> None:
    made = _documents(passages)
    async with open_database(configuration) as database:
        while some := list(islice(made, DOCUMENTS_AT_ONCE)):
            async with database.writing() as connection:
                for document in some:
                    await save_document(connection, document, now=NOW)
        await _embed(database)
        if configuration.database_url:  # Autovacuum does it, a while later.
            async with database.writing() as connection:
                await connection.execute(text("ANALYZE"))


async def _embed(database: Database) -> None:
    while True:
        async with database.writing() as connection:
            waiting = await without_embedding(connection, EMBEDDER, most=5_000)
            if not waiting:
                return
            await save_embeddings(connection, EMBEDDER, [(number, hashed(words)) for number, words in waiting])


def _documents(passages: int) -> Iterator[NewDocument]:
    chance = random.Random(7)  # noqa: S311 - a sample
    words, ranks = vocabulary(), list(accumulate(1 / rank**EXPONENT for rank in range(1, WORDS + 1)))
    for number in range(passages // PASSAGES_OF_DOCUMENT):
        told = [
            chance.choices(words, cum_weights=ranks, k=chance.randint(*WORDS_OF_PASSAGE))
            for _ in range(PASSAGES_OF_DOCUMENT)
        ]
        parts = tuple(IndexedPart((), _sentences(one), tuple(_terms(one))) for one in told)
        yield NewDocument("file", f"{number}.md", f"{number}.md", str(number), parts)


def vocabulary() -> list[str]:
    """Return the words, the most frequent one first."""
    chance = random.Random(5)  # noqa: S311 - a sample
    found = dict[str, None]()
    while len(found) < WORDS:
        word = "".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4)))
        if word not in SILENT:
            found[word] = None
    return list(found)


def _terms(words: Sequence[str]) -> list[str]:
    return [term for word in words for term in terms_of_word(word)]


def _sentences(words: Sequence[str]) -> str:
    starts = range(0, len(words), WORDS_OF_SENTENCE)
    return " ".join(f"{' '.join(words[start : start + WORDS_OF_SENTENCE])}." for start in starts)


def questions(number: int) -> list[str]:
    """Return questions by words of any frequency, half of them with frequent ones besides."""
    chance, words = random.Random(11), vocabulary()  # noqa: S311 - a sample
    ranks = list(accumulate(1 / rank**EXPONENT for rank in range(1, WORDS + 1)))
    return [
        " ".join(
            chance.choices(words, cum_weights=ranks, k=chance.randint(*WORDS_OF_QUESTION))
            + (chance.choices(words[:FREQUENT], k=2) if each % 2 else [])
        )
        for each in range(number)
    ]


async def _search_times(configuration: Settings) -> Percentiles:
    async with open_database(configuration) as database:

        async def search(question: str) -> None:
            async with database.reading() as connection:
                found = await retrieve_passages(Corpus(connection), [question], [question], most=MOST)
            assert found.passages

        return await _times(search, questions(WARM_UP + QUESTIONS))


async def _times(search: Callable[[str], Coroutine[Any, Any, None]], asked: Sequence[str]) -> Percentiles:
    taken_ms = list[float]()
    for question in asked:
        begun_at_s = time.perf_counter()
        await search(question)
        taken_ms.append(1000 * (time.perf_counter() - begun_at_s))
    settled = sorted(taken_ms[WARM_UP:])
    return Percentiles(statistics.median(settled), settled[len(settled) * 95 // 100])


def _searcher(command: Sequence[str]) -> "subprocess.Popen[str]":
    """Start a process that searches when it is told to, and wait until it is ready."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _search(process: "subprocess.Popen[str]") -> Callable[[], str]:
    """Let a process search. Return the function that waits for its answer."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("search\n")
    process.stdin.flush()
    return process.stdout.readline


def _at_one_moment(processes: Sequence["subprocess.Popen[str]"]) -> list[Memory]:
    """Weigh processes while they stand still. One that maps a file meanwhile changes the share of the others."""
    measured = [psutil.Process(each.pid) for each in processes]
    for each in measured:
        each.suspend()
    try:
        return [_memory(each) for each in processes]
    finally:
        for each in measured:
            each.resume()


def _memory(process: "subprocess.Popen[str]") -> Memory:
    measured = psutil.Process(process.pid)
    full, maps = measured.memory_info(), measured.memory_maps()
    return Memory(
        (full.rss - full.shared) / 1e6, sum(each.pss for each in maps if each.path.endswith(".vectors")) / 1e6
    )


async def _serve(configuration: Settings) -> None:
    """Search by meaning once for each line of standard input, and answer how long that took."""
    import numpy as np  # noqa: F401, PLC0415 - so that its own memory is not counted as the matrix's

    async with open_database(configuration) as database:

        async def search(question: str) -> None:
            async with database.reading() as connection:
                folder = configuration.state_dir / "vectors"
                assert await nearest(connection, EMBEDDER, hashed(question), folder=folder, most=CANDIDATES)

        async with database.reading() as connection:
            await connection.execute(text("SELECT 1"))
        print("ready", flush=True)  # noqa: T201 - the parent reads it
        for _ in sys.stdin:
            times = await _times(search, questions(WARM_UP + NEAR_QUESTIONS))
            print(times.p50_ms, times.p95_ms, flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    asyncio.run(_serve(Settings(state_dir=Path(sys.argv[1]), database_url=sys.argv[2] if sys.argv[2:] else None)))
