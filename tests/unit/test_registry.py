"""Rows: what one may say, and what happens when two say the same."""

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentic_sales import registry
from agentic_sales.registry import BY_ID, GRAPHS, GraphSpec, RegistryError, index_rows, load_rows

ECHO = GraphSpec("echo", "acme.sales.echo")


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a package `acme` on the path, for registries of another team."""
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "acme"]:
        del sys.modules[name]


def test_a_row_says_what_the_design_says_when_it_says_nothing() -> None:
    defaults = {f.name: f.default for f in dataclasses.fields(GraphSpec) if f.default is not dataclasses.MISSING}
    assert defaults == {
        "compiled_attr": "graph",
        "builder_attr": "build_graph",
        "resumable": False,
        "effect": "read",
        "time_limit_s": 180.0,
        "slots": 1,
    }


def test_a_row_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ECHO.module = "elsewhere"  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("assistant_id", ""),
        ("assistant_id", "Echo"),
        ("assistant_id", "echo-graph"),
        ("assistant_id", "_echo"),
        ("assistant_id", "2echo"),
        ("assistant_id", "écho"),
        ("assistant_id", None),
        ("module", ""),
        ("module", "acme..echo"),
        ("module", "acme/echo.py"),
        ("module", ".echo"),
        ("module", None),
        ("compiled_attr", "graph.compiled"),
        ("compiled_attr", None),
        ("builder_attr", "build graph"),
        ("builder_attr", ""),
        ("resumable", 1),
        ("resumable", "yes"),
        ("effect", "delete"),
        ("effect", None),
        ("time_limit_s", 0),
        ("time_limit_s", -1.0),
        ("time_limit_s", float("inf")),
        ("time_limit_s", float("nan")),
        ("time_limit_s", True),
        ("time_limit_s", "60"),
        ("slots", 0),
        ("slots", 2.0),
        ("slots", True),
    ],
)
def test_a_wrong_row_is_refused_and_the_row_the_field_and_the_value_are_named(field: str, value: Any) -> None:
    arguments: dict[str, Any] = {"assistant_id": "echo", "module": "acme.sales.echo", field: value}
    with pytest.raises(RegistryError) as raised:
        GraphSpec(**arguments)
    told = str(raised.value)
    assert f"registry row `{arguments['assistant_id']}`: {field} is {value!r}; expected " in told


def test_a_graph_without_a_builder_cannot_be_resumable() -> None:
    with pytest.raises(RegistryError, match="`echo`: resumable is True; expected False without a builder_attr"):
        GraphSpec("echo", "acme.sales.echo", builder_attr=None, resumable=True)


def test_two_ids_may_share_a_module_through_other_attributes() -> None:
    rows = index_rows([ECHO, GraphSpec("loud_echo", ECHO.module, compiled_attr="loud", builder_attr="build_loud")])
    assert [row.module for row in rows.values()] == [ECHO.module, ECHO.module]


def test_two_rows_with_one_id_are_refused_and_both_are_named() -> None:
    twin = GraphSpec("echo", "acme.research.echo")
    with pytest.raises(RegistryError) as raised:
        index_rows([ECHO], [twin])
    assert str(ECHO) in str(raised.value)
    assert str(twin) in str(raised.value)


def test_an_entry_that_is_no_row_is_refused_and_shown() -> None:
    with pytest.raises(RegistryError, match="a registry holds GraphSpec rows; found 'echo'"):
        index_rows(["echo"])  # type: ignore[list-item]  # the point of the test


def test_rows_keep_the_order_of_their_tables() -> None:
    other = GraphSpec("alpha", "acme.sales.alpha")
    assert list(index_rows([ECHO], [other])) == ["echo", "alpha"]


def test_our_own_rows_are_indexed_by_id() -> None:
    assert list(BY_ID.values()) == list(GRAPHS)
    assert all(assistant_id == row.assistant_id for assistant_id, row in BY_ID.items())


def test_every_public_name_of_the_registry_is_exported() -> None:
    assert set(registry.__all__) == {
        name
        for name, value in vars(registry).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == registry.__name__
    } | {"BY_ID", "EFFECTS", "GRAPHS", "Effect"}


def test_another_teams_registry_is_merged_after_ours(acme: Path) -> None:
    row = 'GraphSpec("read_stack", "acme.employer_intel")'
    (acme / "rows.py").write_text(f"from agentic_sales.registry import GraphSpec\nGRAPHS = ({row},)\n")
    rows = load_rows(["acme.rows"])
    assert list(rows) == [*BY_ID, "read_stack"]
    assert rows["read_stack"].module == "acme.employer_intel"


def test_an_id_of_ours_cannot_be_taken_by_another_teams_registry(acme: Path) -> None:
    row = 'GraphSpec("email_compose", "acme.mail")'
    (acme / "rows.py").write_text(f"from agentic_sales.registry import GraphSpec\nGRAPHS = [{row}]\n")
    with pytest.raises(
        RegistryError, match=r"`email_compose` has two registry rows: .*graphs\.email_compose.*acme\.mail"
    ):
        load_rows(["acme.rows"])


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise KeyError('nowhere')", r"extra registry `acme\.rows` cannot be imported: KeyError: 'nowhere'"),
        ("import acme.missing", r"extra registry `acme\.rows` cannot be imported: ModuleNotFoundError"),
        ("", r"extra registry `acme\.rows` must expose GRAPHS, a tuple of GraphSpec; found None"),
        ("GRAPHS = {}", r"extra registry `acme\.rows` must expose GRAPHS, a tuple of GraphSpec; found \{\}"),
        ("GRAPHS = ('echo',)", r"a registry holds GraphSpec rows; found 'echo'"),
    ],
    ids=["raises", "imports what is missing", "has no table", "table of another kind", "table of names"],
)
def test_a_registry_that_is_none_is_refused_and_named(acme: Path, source: str, told: str) -> None:
    (acme / "rows.py").write_text(source)
    with pytest.raises(RegistryError, match=told):
        load_rows(["acme.rows"])


def test_a_registry_that_does_not_exist_is_refused_and_named() -> None:
    with pytest.raises(RegistryError, match=r"extra registry `acme\.nowhere` cannot be imported: ModuleNotFoundError"):
        load_rows(["acme.nowhere"])
