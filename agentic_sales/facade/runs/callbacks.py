"""Take the callback of an existing caller out of the input of its run, and make a webhook of the run of it.

The secret that such a caller sends is dropped before anything is kept. See `runs.callbacks`.
"""

from agentic_sales.contracts import RunRequest
from agentic_sales.errors import InvalidRequest
from agentic_sales.runs.callbacks import APP_RUN_ID, KIND, KINDS

_URL, _SECRET = "webhook_url", "webhook_secret"
_TRIO = frozenset({_URL, _SECRET, APP_RUN_ID})


def with_callback(assistant_id: str, body: RunRequest) -> RunRequest:
    """Return a request whose input has no callback. One that it had is the webhook of the run.

    Args:
        assistant_id: The workflow. One that takes no callback has its input left alone.
        body: The request.

    Raises:
        InvalidRequest: One of `webhook_url` and `app_run_id` is missing, or there is another webhook.
    """
    given = body.input or {}
    if assistant_id not in KINDS or not _TRIO & given.keys():
        return body
    rest = {name: value for name, value in given.items() if name not in _TRIO}
    url, app_run_id = given.get(_URL), given.get(APP_RUN_ID)
    if not url and not app_run_id:
        return body.model_copy(update={"input": rest})
    if not (isinstance(url, str) and url and isinstance(app_run_id, str) and app_run_id):
        raise InvalidRequest(f"input: `{_URL}` and `{APP_RUN_ID}` are texts that go together; one of them is missing")
    if body.webhook not in {None, url}:
        raise InvalidRequest(f"`webhook` and input `{_URL}` name two receivers; give one")
    told = {**(body.metadata or {}), APP_RUN_ID: app_run_id, KIND: KINDS[assistant_id]}
    return body.model_copy(update={"input": rest, "webhook": url, "metadata": told})
