"""Keep what is sold: for whom, and in which words."""

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
    """As people write it."""
    content: Mapped[dict[str, Any]]
    """`url`, `description`, `personas` (title, seniority, department, pain) and `templates` (channel, persona, hook,
    body, cta), as the workflow `email_outreach` reads them."""
    created_at: Mapped[datetime]
    """When it was first written down."""
    updated_at: Mapped[datetime]
    """When the row changed last."""


async def save_product(connection: AsyncConnection, name: str, content: Mapping[str, Any], *, now: datetime) -> int:
    """Write a product, or write it anew under the number that its name has; return the number."""
    values = {"content": dict(content), "updated_at": now}
    changed = update(ProductRow).where(ProductRow.name == name).values(values).returning(ProductRow.product_id)
    if (known := (await connection.execute(changed)).scalar_one_or_none()) is not None:
        return int(known)
    new = insert(ProductRow).values(name=name, created_at=now, **values).returning(ProductRow.product_id)
    return int((await connection.execute(new)).scalar_one())


async def product(connection: AsyncConnection, product_id: int) -> ProductRow | None:
    """Return a product; None: it is not known."""
    return await first(connection, ProductRow, select(ProductRow).where(ProductRow.product_id == product_id))


async def products(connection: AsyncConnection, *, limit: int = 100, offset: int = 0) -> list[ProductRow]:
    """Return products by their numbers."""
    statement = select(ProductRow).order_by(ProductRow.product_id).limit(limit).offset(offset)
    return await every(connection, ProductRow, statement)
