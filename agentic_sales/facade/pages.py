"""Answer with a page of a list. The request gives its size and begin. Headers give the begin of the next one.

The headers are those of LangGraph's searches. `x-pagination-next` is there while there is more. `x-pagination-total`
counts the rows up to the end of this page. It counts one more while there is one.
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
        rows: Plain data from the offset on. One more than the limit if there are that many.
        limit: Most that are listed.
        offset: How many were passed over.
    """
    headers = {"x-pagination-total": str(offset + len(rows))}
    if len(rows) > limit:
        headers["x-pagination-next"] = str(offset + limit)
    return JsonAnswer(rows[:limit], headers=headers)
