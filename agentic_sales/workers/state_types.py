"""Find the classes that the state of a graph may hold, by the annotations of its state.

LangGraph writes an object into a checkpoint by its module and the last part of its name. Only classes that are found
here are made again from a checkpoint: enums, pydantic models, dataclasses and named tuples. They may stand in a team's
shared module, be nested in another class, or derive from an annotated one.
"""

import dataclasses
import typing
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import ModuleType
from typing import Any

from langgraph.pregel import Pregel
from pydantic import BaseModel

Key = tuple[str, str]
"""Module and `__name__` of a class, as they stand in a checkpoint."""

_PLAIN = (
    str,
    int,
    float,
    complex,
    bool,
    bytes,
    bytearray,
    type(None),
    list,
    dict,
    tuple,
    object,
    set,
    frozenset,
    deque,
)
_READ_BACK = ("datetime", "decimal", "ipaddress", "pathlib", "pathlib._local", "uuid", "zoneinfo", "langgraph.types")
"""Modules of classes that LangGraph's strict serializer makes again: its `SAFE_MSGPACK_TYPES`, which is private."""
_ABSTRACT = ("typing", "typing_extensions", "collections.abc", "types")


@dataclass(frozen=True, slots=True)
class StateTypes:
    """The classes that a state may hold besides plain data."""

    kinds: Mapping[Key, type]
    """Those that are made again from a checkpoint."""
    lost: Mapping[str, str]
    """Those that are not, by their qualified name: why."""


@dataclass
class _Walk:
    kinds: dict[Key, type] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    _seen: list[Any] = field(default_factory=list)

    def visit(self, annotation: Any) -> None:
        """Take in the classes of an annotation, with the classes of their fields."""
        if any(annotation is seen for seen in self._seen):
            return
        self._seen.append(annotation)
        for part in _parts_of(annotation):
            self.visit(part)
        if isinstance(annotation, type) and not typing.get_args(annotation):
            self._visit_class(annotation)

    def _visit_class(self, kind: type) -> None:
        if is_kept(kind):
            self._keep(kind)
        elif not typing.is_typeddict(kind) and not _is_known(kind):
            advice = "a checkpoint cannot hold it; make it a dataclass, a pydantic model or an enum"
            self.lost[_qualified(kind)] = advice
            return
        if _is_known(kind):
            return
        for part in (*_fields_of(kind), *(kind.__subclasses__() if is_kept(kind) else ())):
            self.visit(part)

    def _keep(self, kind: type) -> None:
        key = (kind.__module__, kind.__name__)
        other = self.kinds.setdefault(key, kind)
        if other is not kind:
            reason = f"a checkpoint cannot tell it from `{_qualified(other)}`, which has the same name; rename one"
            self.lost[_qualified(kind)] = reason


def types_of_module(module: ModuleType) -> StateTypes:
    """Return the classes that a module defines, with the classes of their fields."""
    own = (kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__)
    return _types_of(filter(is_kept, own))


def types_of_graph(graph: Pregel[Any, Any, Any, Any], module: ModuleType) -> StateTypes:
    """Return the classes that a graph's state may hold: its annotations name them, or its module defines them."""
    annotated = _types_of(_annotations_of(graph))
    return StateTypes({**types_of_module(module).kinds, **annotated.kinds}, annotated.lost)


def is_kept(kind: type) -> bool:
    """Say whether an object of a class can be made again from a checkpoint."""
    is_named_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
    return issubclass(kind, Enum | BaseModel) or dataclasses.is_dataclass(kind) or is_named_tuple


def _types_of(annotations: Iterable[Any]) -> StateTypes:
    walk = _Walk()
    for annotation in annotations:
        walk.visit(annotation)
    return StateTypes(walk.kinds, walk.lost)


def _annotations_of(graph: Pregel[Any, Any, Any, Any]) -> Iterator[Any]:
    builder = getattr(graph, "builder", None)
    for name in ("state_schema", "input_schema", "output_schema"):
        yield getattr(builder, name, None)
    for node in getattr(builder, "nodes", {}).values():
        yield getattr(node, "input_schema", None)
    for channel in graph.channels.values():
        yield getattr(channel, "ValueType", None)


def _parts_of(annotation: Any) -> Iterator[Any]:
    """Yield the types in a generic, an alias or a new type. The values of a `Literal` are no types."""
    if typing.get_origin(annotation) is typing.Literal:
        return
    if typing.get_origin(annotation) is typing.Annotated:
        yield typing.get_args(annotation)[0]
        return
    yield from typing.get_args(annotation)
    for name in ("__value__", "__supertype__", "__bound__"):
        if not isinstance(annotation, type) and (meant := getattr(annotation, name, None)) is not None:
            yield meant


def _fields_of(kind: type) -> Iterable[Any]:
    if issubclass(kind, BaseModel):
        return [info.annotation for info in kind.model_fields.values()]
    try:
        return typing.get_type_hints(kind, include_extras=True).values()
    except (NameError, TypeError, SyntaxError):  # a name that exists for type checkers alone
        return [part for part in getattr(kind, "__annotations__", {}).values() if not isinstance(part, str)]


def _is_known(kind: type) -> bool:
    """Say whether LangGraph itself makes objects of a class again, or the class stands for others."""
    is_abstract = kind.__module__ in _ABSTRACT or getattr(kind, "_is_protocol", False)
    return (
        kind in _PLAIN or is_abstract or kind.__module__ in _READ_BACK or kind.__module__.startswith("langchain_core.")
    )


def _qualified(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
