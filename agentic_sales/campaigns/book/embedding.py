"""Give passages the embeddings of the configured model."""

from agentic_sales.llm.embeddings import embed_texts
from agentic_sales.settings import Settings
from agentic_sales.store.database import Database
from agentic_sales.store.vectors import save_embeddings, without_embedding

EMBEDDED_AT_ONCE = 64
MOST_EMBEDDED = 5_000
"""Passages of one call. The next one goes on."""


async def embed_passages(configuration: Settings, database: Database) -> int:
    """Give embeddings to passages that have none of the configured model. Return their number. 0 without a model.

    Raises:
        ModelMisconfigured: The model's package, key, name or address is wrong.
        ProviderUnavailable: The model does not answer.
    """
    embedder, done = configuration.embeddings, 0
    while embedder and done < MOST_EMBEDDED:
        async with database.reading() as connection:
            waiting = await without_embedding(connection, embedder, most=EMBEDDED_AT_ONCE)
        if not waiting:
            break
        vectors = await embed_texts(configuration, [text for _, text in waiting])
        made = [(passage_id, vector) for (passage_id, _), vector in zip(waiting, vectors, strict=True)]
        async with database.writing() as connection:
            await save_embeddings(connection, embedder, made)
        done += len(made)
    return done
