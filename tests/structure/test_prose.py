"""Plain technical English: a sentence names the noun, and few of them turn on a clause with `who` or `what`."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.structure.sources import PACKAGE, ROOT, name_of, python_files, tree_of

LARGEST_INDIRECT_SHARE = 0.02
_INDIRECT = re.compile(r"\b(?:who|what|whoever|whatever|whose|whom)\b", re.IGNORECASE)
_CODE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_END = re.compile(r"(?<=[.:;?])\s+|\n\n|\|")


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


def _docstrings() -> Iterator[tuple[str, str]]:
    for path in python_files():
        for node in ast.walk(tree_of(path)):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                yield f"{name_of(path)}:{node.lineno}", node.value.value


def test_fewer_than_two_in_a_hundred_descriptions_of_fields_have_a_clause_with_who_or_what() -> None:
    """Write `Target group, as the page states it.` instead of `For whom it says it is.`"""
    schemas = json.loads((PACKAGE / "schemas.json").read_text(encoding="utf-8"))
    descriptions = set(_descriptions(schemas))
    indirect = sorted(one for one in descriptions if _INDIRECT.search(one))
    assert len(descriptions) > 1_000
    assert len(indirect) < LARGEST_INDIRECT_SHARE * len(descriptions), indirect


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "deploy/README.md"])
def test_fewer_than_two_in_a_hundred_sentences_of_a_page_have_a_clause_with_who_or_what(page: str) -> None:
    """Code is left out. A cell of a table counts as a sentence."""
    text = _CODE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    sentences = [one.strip() for one in _END.split(text) if re.search(r"\w", one)]
    indirect = [one for one in sentences if _INDIRECT.search(one)]
    assert len(sentences) > 100
    assert len(indirect) < LARGEST_INDIRECT_SHARE * len(sentences), indirect


def test_fewer_than_two_in_a_hundred_sentences_of_docstrings_have_a_clause_with_who_or_what() -> None:
    """The texts below attributes count too. Rewrite some of those that are listed, or your own."""
    sentences = [(place, one.strip()) for place, text in _docstrings() for one in _END.split(text) if one.strip()]
    indirect = [found for found in sentences if _INDIRECT.search(found[1])]
    assert len(sentences) > 10_000
    assert len(indirect) < LARGEST_INDIRECT_SHARE * len(sentences), indirect
