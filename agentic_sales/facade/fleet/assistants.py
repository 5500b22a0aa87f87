"""Serve the catalogue of assistants in the shape of LangGraph's SDKs. It is read only because rows are code."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agentic_sales.control import assistant_uuid
from agentic_sales.errors import UnknownRecord
from agentic_sales.facade.answers import JsonAnswer
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.pages import LARGEST_OFFSET
from agentic_sales.facade.state import Facade, FacadeState
from agentic_sales.registry import Effect, GraphSpec
from agentic_sales.runs.descriptions import Moment

router = APIRouter(tags=["assistants"], route_class=JsonRoute)

DEFAULT_LIMIT = 10
NAMESPACE_SEPARATOR = "|"
"""LangGraph's separator between the nodes of a path to a subgraph."""


class AssistantMetadata(BaseModel):
    """The places and the rights of the runs of an assistant."""

    model_config = ConfigDict(frozen=True)

    created_by: Literal["system"] = Field(default="system", description="Assistants are code.")
    queue: str = Field(description="Queue that the routing contract gives it.")
    effect: Effect = Field(description="The most that its runs do.")
    resumable: bool = Field(description="Whether its runs keep their state in a thread.")
    time_limit_s: float = Field(description="Wall-clock limit of one run, in seconds.")


class Assistant(BaseModel):
    """A workflow as LangGraph's SDKs know it."""

    model_config = ConfigDict(frozen=True)

    assistant_id: str = Field(description="Its UUID.")
    graph_id: str = Field(description="Its public, stable name.")
    name: str = Field(description="The same name.")
    description: str | None = Field(description="Its purpose.")
    config: Mapping[str, Any] = Field(default={}, description="Always empty.")
    context: Mapping[str, Any] = Field(default={}, description="Always empty.")
    metadata: AssistantMetadata = Field(description="Facts that this fleet has of it.")
    version: int = Field(default=1, description="Always 1. The registry has one version.")
    created_at: Moment = Field(description="When this facade started.")
    updated_at: Moment = Field(description="The same moment.")


@router.post("/assistants/search", response_model=list[Assistant], summary="List the assistants")
async def search(
    facade: Facade,
    graph_id: Annotated[str | None, Body(description="Only the assistant of this name.")] = None,
    limit: Annotated[int, Body(ge=1, le=1000)] = DEFAULT_LIMIT,
    offset: Annotated[int, Body(ge=0, le=LARGEST_OFFSET)] = 0,
) -> Response:
    """List assistants in the registry's order. `x-pagination-total` counts all matches."""
    rows = [row for row in facade.control.rows.values() if graph_id in {None, row.assistant_id}]
    page = [_assistant(facade, row).model_dump() for row in rows[offset : offset + limit]]
    headers = {"x-pagination-total": str(len(rows))}
    if offset + limit < len(rows):
        headers["x-pagination-next"] = str(offset + limit)
    return JsonAnswer(page, headers=headers)


@router.get("/assistants/{assistant_id}", summary="Describe an assistant")
async def describe(facade: Facade, assistant_id: str) -> Assistant:
    """Describe one assistant by its name or its UUID."""
    return _assistant(facade, facade.control.row(assistant_id))


@router.get("/assistants/{assistant_id}/schemas", summary="JSON Schemas of an assistant")
async def schemas(facade: Facade, assistant_id: str) -> dict[str, Any]:
    """Return the JSON Schema of the input and of the documented output."""
    row = facade.control.row(assistant_id)
    known = facade.control.schemas[row.assistant_id]
    return {
        "graph_id": row.assistant_id,
        "input_schema": known["input"],
        "output_schema": known["output"],
        "state_schema": known["output"],
        "config_schema": {},
        "context_schema": {},
    }


@router.get("/assistants/{assistant_id}/graph", summary="Nodes and edges of an assistant")
async def graph(
    facade: Facade,
    assistant_id: str,
    xray: Annotated[bool | int, Query(description="Unfold the subgraphs.")] = False,  # noqa: FBT002 - a query parameter
) -> dict[str, Any]:
    """Return the drawing of a graph as `agentic-sales gen` wrote it."""
    return dict(_drawing(facade, assistant_id)["xray" if xray else "graph"])


@router.get("/assistants/{assistant_id}/subgraphs", summary="Subgraphs of an assistant")
async def subgraphs(
    facade: Facade,
    assistant_id: str,
    recurse: Annotated[bool, Query(description="Also those of subgraphs.")] = False,  # noqa: FBT002 - as above
) -> dict[str, Any]:
    """Return the schemas of a graph's subgraphs by their nodes."""
    found = _drawing(facade, assistant_id)["subgraphs"]
    return {name: schemas for name, schemas in found.items() if recurse or NAMESPACE_SEPARATOR not in name}


@router.get("/assistants/{assistant_id}/subgraphs/{namespace}", summary="One subgraph of an assistant")
async def subgraph(facade: Facade, assistant_id: str, namespace: str) -> dict[str, Any]:
    """Return the schemas of a subgraph and of those below it."""
    found = _drawing(facade, assistant_id)["subgraphs"]
    below = f"{namespace}{NAMESPACE_SEPARATOR}"
    return {name: schemas for name, schemas in found.items() if name == namespace or name.startswith(below)}


def _drawing(facade: FacadeState, assistant_id: str) -> Mapping[str, Any]:
    control = facade.control
    name = control.row(assistant_id).assistant_id
    drawing = control.drawings.get(name)
    if drawing is None:
        raise UnknownRecord("drawing (`agentic-sales gen` makes it)", name)
    return drawing


def _assistant(state: FacadeState, row: GraphSpec) -> Assistant:
    decision = state.control.decide(row.assistant_id)
    started = state.started_at.isoformat()
    return Assistant(
        assistant_id=assistant_uuid(row.assistant_id),
        graph_id=row.assistant_id,
        name=row.assistant_id,
        description=state.control.schemas[row.assistant_id]["input"].get("description"),
        metadata=AssistantMetadata(
            queue=decision.queue, effect=row.effect, resumable=row.resumable, time_limit_s=row.time_limit_s
        ),
        created_at=started,
        updated_at=started,
    )
