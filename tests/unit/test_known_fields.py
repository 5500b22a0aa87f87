"""Callers of a released workflow find every field that they know. A release may add fields and take no one away."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.control import build_control_plane
from agentic_sales.settings import Settings

KNOWN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "support" / "known_fields.json").read_text("utf-8"))
"""Fields of each workflow with their JSON types, as callers know them."""


def shape(field: dict[str, Any]) -> Any:
    """Return the JSON type of a field, or those of its alternatives."""
    if "anyOf" in field:
        return sorted(part.get("type", "object") for part in field["anyOf"])
    return field.get("type", "string" if "enum" in field else "object")


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    """The schemas of today."""
    return dict(build_control_plane(Settings.model_construct()).schemas)


@pytest.mark.parametrize("assistant_id", KNOWN)
def test_what_callers_send_and_read_is_still_there(schemas: dict[str, Any], assistant_id: str) -> None:
    known, today = KNOWN[assistant_id], schemas[assistant_id]
    for side in ("input", "output"):
        fields = {name: shape(field) for name, field in today[side]["properties"].items()}
        assert {name: fields.get(name) for name in known[side]} == known[side]
    assert set(today["input"].get("required", [])) <= set(known["required"])
