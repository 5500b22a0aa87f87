"""One word per idea: a class has a name of its own, and the glossary knows each word once."""

import ast
import re
from collections import defaultdict

from tests.structure.sources import GRAPHS_FOLDER, PACKAGE, ROOT, name_of, python_files, tree_of

OF_EVERY_GRAPH = {"Input", "Output", "State"}
"""What each file of `graphs/` has one of, as the order of its definitions asks."""
SAMPLE_WORLD = PACKAGE / "local" / "world"
"""It imitates other services, and so it speaks their words."""
ONCE_AMBIGUOUS = {
    "answer",
    "decision",
    "delivery",
    "finding",
    "fleet",
    "guard",
    "hold",
    "pause",
    "problem",
    "stop",
    "turn",
}
"""Words that stood for two to twenty ideas each, before the glossary gave them one."""
MANY = 4
"""From so many classes on, the last word of their names is a word of the project."""
_LAST_WORD = re.compile(r"[A-Z][a-z]+$")
_ROW = re.compile(r"^\| (?!word )([a-z -]+) \| (.+) \|$", re.MULTILINE)


def _glossary() -> list[str]:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    return [word for word, _ in _ROW.findall(page[page.index("## Glossary") :])]


def test_no_two_classes_of_the_package_have_one_name() -> None:
    """Name the second one by what tells it from the first: `ApprovalAnswer` beside `Answer`."""
    places = defaultdict(list)
    for path in (path for path in python_files() if SAMPLE_WORLD not in path.parents):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef) and not (path.parent == GRAPHS_FOLDER and node.name in OF_EVERY_GRAPH):
                places[node.name].append(f"{name_of(path)}:{node.lineno}")
    assert len(places) > 300
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_the_glossary_has_each_word_once_and_in_order() -> None:
    assert _glossary() == sorted(set(_glossary()))


def test_a_word_that_had_several_meanings_has_one_in_the_glossary() -> None:
    assert ONCE_AMBIGUOUS - set(_glossary()) == set()


def test_a_word_that_ends_the_names_of_many_classes_is_in_the_glossary() -> None:
    """A word that a reader meets so often needs one meaning. Errors are told by their family in `errors.py`."""
    names = defaultdict(set)
    for path in (path for path in python_files() if SAMPLE_WORLD not in path.parents):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef) and not _is_private_or_error(node) and node.name not in OF_EVERY_GRAPH:
                [word] = _LAST_WORD.findall(node.name) or [node.name]
                names[word.lower()].add(node.name)
    known = set(_glossary())
    unknown = {word: sorted(found) for word, found in names.items() if not {word, _singular(word)} & known}
    assert {word: found for word, found in unknown.items() if len(found) >= MANY} == {}


def _is_private_or_error(node: ast.ClassDef) -> bool:
    return node.name.startswith("_") or (ast.get_docstring(node) or "").startswith("Raised")


def _singular(word: str) -> str:
    return re.sub(r"ies$", "y", word) if word.endswith("ies") else word.removesuffix("s")
