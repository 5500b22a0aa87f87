"""Keep the documents of the book young, from a worker child of core, when beat asks for it."""

from datetime import UTC, datetime

from agentic_sales.campaigns.book.documents import index_book
from agentic_sales.campaigns.book.embedding import embed_passages
from agentic_sales.settings import settings
from agentic_sales.store.database import current_database


async def index_documents() -> str:
    """Take in analyses and openings that are new, and give embeddings to passages without one. Tell the counts."""
    indexed = await index_book(current_database(settings()), now=datetime.now(UTC))
    embedded = await embed_passages(settings(), current_database(settings()))
    return f"{indexed.written} documents written, {indexed.erased} erased, {embedded} passages embedded"
