"""Answer with a page of a list: its size and begin are asked for, and headers say where the next one begins.

The headers are those of LangGraph's searches: `x-pagination-next` while there is more, and `x-pagination-total`, which
counts the rows up to the end of this page, and one more while there is one.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from agentic_sales.facade.answers import JsonAnswer

Limit = Annotated[int, Query(ge=1, le=1000, description="Most that are listed.")]
LARGEST_OFFSET = 2**31 - 1
Offset = Annotated[int, Query(ge=0, le=LARGEST_OFFSET, description="How many are passed over.")]


def page(rows: Sequence[Any], *, limit: int, offset: int) -> Response:
    """Answer with the rows of a page.

    Args:
        rows: From the offset on, as plain data; one more than the limit if there are that many.
        limit: Most that are listed.
        offset: How many were passed over.
    """
    headers = {"x-pagination-total": str(offset + len(rows))}
    if len(rows) > limit:
        headers["x-pagination-next"] = str(offset + limit)
    return JsonAnswer(rows[:limit], headers=headers)
