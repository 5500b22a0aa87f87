"""Keep products with their personas and templates."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.store.columns import Table
from agentic_sales.store.statements import every, first


class ProductRow(Table):
    """One product."""

    __tablename__ = "products"

    product_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    """Its number."""
    name: Mapped[str] = mapped_column(unique=True)
    """Name as people write it."""
    content: Mapped[dict[str, Any]]
    """Fields that the workflow `email_outreach` reads.

    They are `url`, `description`, `personas` and `templates`. A persona has title, seniority, department and pain. A
    template
    has channel, persona, hook, body and cta.
    """
    created_at: Mapped[datetime]
    """Time of its first row."""
    updated_at: Mapped[datetime]
    """When the row changed last."""


async def save_product(connection: AsyncConnection, name: str, content: Mapping[str, Any], *, now: datetime) -> int:
    """Write a product and return its number. A known name keeps its number and is written anew."""
    values = {"content": dict(content), "updated_at": now}
    changed = update(ProductRow).where(ProductRow.name == name).values(values).returning(ProductRow.product_id)
    if (known := (await connection.execute(changed)).scalar_one_or_none()) is not None:
        return int(known)
    new = insert(ProductRow).values(name=name, created_at=now, **values).returning(ProductRow.product_id)
    return int((await connection.execute(new)).scalar_one())


async def product(connection: AsyncConnection, product_id: int) -> ProductRow | None:
    """Return a product or None."""
    return await first(connection, ProductRow, select(ProductRow).where(ProductRow.product_id == product_id))


async def products(connection: AsyncConnection, *, limit: int = 100, offset: int = 0) -> list[ProductRow]:
    """Return products in the order of their numbers."""
    statement = select(ProductRow).order_by(ProductRow.product_id).limit(limit).offset(offset)
    return await every(connection, ProductRow, statement)
