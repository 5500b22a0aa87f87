"""The OpenAPI document tells what the answers are, in the words of LangGraph's SDKs."""

from functools import cache
from typing import Any

import langgraph_sdk.schema
import pytest

from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.settings import Settings

OPTIONAL_IN_SDK = {"cancel_reason", "extracted"}
"""What the SDKs' types mark as not required; their annotations are texts, so `__required_keys__` names them too."""


@cache
def document() -> dict[str, Any]:
    """The document of a facade that does not run."""
    return create_app(Settings.model_validate({}), control_plane()).openapi()


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("get /runs", ["Run"]),
        ("get /runs/{run_id}", "Run"),
        ("get /runs/dead", ["Run"]),
        ("post /runs", "Run"),
        ("post /runs/{run_id}/cancel", "Run"),
        ("post /runs/{run_id}/retry", "Run"),
        ("post /runs/{run_id}/discard", "Run"),
        ("get /threads/{thread_id}/runs", ["Run"]),
        ("post /threads/{thread_id}/runs", "Run"),
        ("post /threads", "Thread"),
        ("post /threads/search", ["Thread"]),
        ("get /threads/{thread_id}", "Thread"),
        ("patch /threads/{thread_id}", "Thread"),
        ("post /assistants/search", ["Assistant"]),
        ("get /assistants/{assistant_id}", "Assistant"),
    ],
)
def test_an_operation_tells_the_type_of_its_answer(operation: str, answer: str | list[str]) -> None:
    method, path = operation.split()
    told = document()["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
    name = answer if isinstance(answer, str) else answer[0]
    assert (told if isinstance(answer, str) else told["items"])["$ref"] == f"#/components/schemas/{name}"


@pytest.mark.parametrize("name", ["Run", "Thread", "Assistant"])
def test_a_type_has_every_member_that_an_sdk_reads(name: str) -> None:
    wanted = getattr(langgraph_sdk.schema, name).__required_keys__ - OPTIONAL_IN_SDK
    assert wanted <= document()["components"]["schemas"][name]["properties"].keys()
