"""The errors of the routes that read and write the store, for the OpenAPI document."""

from agentic_sales.contracts import ErrorBody

ERRORS: dict[int | str, dict[str, object]] = {
    status: {"model": ErrorBody} for status in (401, 403, 404, 409, 413, 422, 503)
}
