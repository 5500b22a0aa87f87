"""Let writers of the same things wait for each other until the end of their transactions.

Rows that do not exist yet cannot be locked. PostgreSQL's advisory locks stand for them. A writer of SQLite is alone, so
it needs none. Locks are taken in one order, all at once. A transaction that takes several sets can still meet another
in a circle, which PostgreSQL ends after a second.
"""

from collections.abc import Iterable
from typing import Literal
from zlib import crc32

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

Guarded = Literal["companies", "people", "facts", "approvals", "documents"]
"""The things to lock, in the order in which a transaction has to lock."""
_CLASSES: dict[Guarded, int] = {
    "companies": 0x5A1E6,
    "people": 0x5A1E7,
    "facts": 0x5A1E8,
    "approvals": 0x5A1E9,
    "documents": 0x5A1EA,
}
_STRIPES = 256
"""Locks of a class. A transaction of many keys must not use up PostgreSQL's table of locks."""
_LOCK = text("SELECT pg_advisory_xact_lock(:class, stripe) FROM unnest(CAST(:stripes AS integer[])) AS stripe")


async def lock(connection: AsyncConnection, guarded: Guarded, keys: Iterable[str]) -> None:
    """Wait until no other transaction works on one of the keys, and hold them until this transaction ends."""
    stripes = sorted({crc32(key.encode("utf-8", "replace")) % _STRIPES for key in keys})
    if stripes and connection.dialect.name == "postgresql":
        await connection.execute(_LOCK, {"class": _CLASSES[guarded], "stripes": stripes})
