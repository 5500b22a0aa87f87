"""Plain technical English: a sentence names the noun, and few of them turn on a clause with `who` or `what`."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.structure.sources import PACKAGE

LARGEST_INDIRECT_SHARE = 0.02
_INDIRECT = re.compile(r"\b(?:who|what|whoever|whatever|whose|whom)\b", re.IGNORECASE)


def _descriptions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "description" and isinstance(value, str):
                yield value
            else:
                yield from _descriptions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _descriptions(value)


def test_fewer_than_two_in_a_hundred_descriptions_of_fields_have_a_clause_with_who_or_what() -> None:
    """Write `Target group, as the page states it.` instead of `For whom it says it is.`"""
    schemas = json.loads((PACKAGE / "schemas.json").read_text(encoding="utf-8"))
    descriptions = set(_descriptions(schemas))
    indirect = sorted(one for one in descriptions if _INDIRECT.search(one))
    assert len(descriptions) > 1_000
    assert len(indirect) < LARGEST_INDIRECT_SHARE * len(descriptions), indirect
