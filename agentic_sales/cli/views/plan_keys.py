"""Explain every key of a campaign's plan with its meaning and default, as its model has them."""

import json
from collections.abc import Iterator
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from rich.table import Table

from agentic_sales.campaigns.plan.plan import CampaignPlan


def plan_as_table() -> Table:
    """Lay out every key of a plan. The keys of a list stand behind `[]`."""
    table = Table("key", "default", "meaning")
    for key, default, meaning in _keys(CampaignPlan):
        table.add_row(key, default, meaning)
    return table


def plan_schema() -> dict[str, Any]:
    """Return the JSON Schema of a plan."""
    return CampaignPlan.model_json_schema()


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        inner, many = _model_in(field.annotation)
        key = f"{prefix}{name}{'[]' if many else ''}"
        yield key, _default(field), field.description or ""
        if inner is not None:
            yield from _keys(inner, f"{key}.")


def _model_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Return the model that a key holds and whether it holds many. None means no model."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    held = next((one for one in get_args(annotation) if isinstance(one, type) and issubclass(one, BaseModel)), None)
    return held, held is not None and get_origin(annotation) is not UnionType


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    default = field.get_default(call_default_factory=True)
    return "" if isinstance(default, BaseModel) else json.dumps(default, default=_plain)
