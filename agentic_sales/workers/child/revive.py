"""Make the objects of a checkpoint again: plain data, LangGraph's and LangChain's own, and the state's own classes.

LangGraph looks a class up by its module and the last part of its name, which finds no nested class, and gives a
dataclass every field, also those that it does not take. Here a class is one that the state's annotations name, so
nothing is imported for a checkpoint. The form of a checkpoint is LangGraph's.

This reaches into LangGraph's serializer; it happens here and nowhere else, and a test fails when LangGraph changes.
"""

import dataclasses
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from typing import Any

import ormsgpack
import structlog
from langgraph.checkpoint.serde.jsonplus import (
    EXT_CONSTRUCTOR_KW_ARGS,
    EXT_CONSTRUCTOR_POS_ARGS,
    EXT_CONSTRUCTOR_SINGLE_ARG,
    EXT_PYDANTIC_V2,
    JsonPlusSerializer,
)
from langgraph.types import Command, Interrupt, Overwrite, Send
from pydantic import BaseModel, ValidationError

from agentic_sales.workers.child.saver import BoundedSerializer
from agentic_sales.workers.state_types import Key

log = structlog.get_logger()

Hook = Callable[[int, bytes], Any]

_CONTAINERS: Mapping[Key, type] = {
    (kind.__module__, kind.__name__): kind for kind in (set, frozenset, deque, Command, Interrupt, Overwrite, Send)
}
"""Types that LangGraph knows and that may hold objects of the state's own classes."""
_BY_NAME = (EXT_CONSTRUCTOR_SINGLE_ARG, EXT_CONSTRUCTOR_POS_ARGS, EXT_CONSTRUCTOR_KW_ARGS, EXT_PYDANTIC_V2)


def serializer_for(kinds: Mapping[Key, type]) -> JsonPlusSerializer:
    """Return LangGraph's serializer, strict but for these classes."""
    known = {**_CONTAINERS, **kinds}
    return BoundedSerializer(allowed_msgpack_modules=None, __unpack_ext_hook__=partial(_revived, known, _strict))


def _strict(code: int, data: bytes) -> Any:
    """Read one extension as LangGraph's own strict serializer does."""
    packed = ormsgpack.packb(ormsgpack.Ext(code, data))
    return JsonPlusSerializer(allowed_msgpack_modules=None).loads_typed(("msgpack", packed))


def _revived(kinds: Mapping[Key, type], strict: Hook, code: int, data: bytes) -> Any:
    if code not in _BY_NAME:
        return strict(code, data)
    hook = partial(_revived, kinds, strict)
    module, name, value, *_ = ormsgpack.unpackb(data, ext_hook=hook, option=ormsgpack.OPT_NON_STR_KEYS)
    kind = kinds.get((module, name))
    if kind is None:
        return strict(code, data)
    try:
        return _made(kind, code, value)
    except (TypeError, ValueError, AttributeError) as exc:  # the class has changed since; the state is read by its node
        log.warning("state_not_revived", kind=f"{module}.{name}", reason=type(exc).__name__)
        return value


def _made(kind: type, code: int, value: Any) -> Any:
    if issubclass(kind, BaseModel):
        return _model(kind, value)
    if kind is Send:
        return Send(value[0], value[1], **({"timeout": value[2]} if value[2:] else {}))
    if issubclass(kind, Enum):
        return kind(value)
    if code == EXT_CONSTRUCTOR_KW_ARGS:
        return _dataclass(kind, value) if dataclasses.is_dataclass(kind) else kind(**value)
    make: Callable[..., Any] = kind
    return make(*value) if code == EXT_CONSTRUCTOR_POS_ARGS else make(value)


def _model(kind: type[BaseModel], value: Mapping[str, Any]) -> BaseModel:
    try:
        return kind.model_validate(value, by_name=True, by_alias=True)
    except ValidationError:  # as LangGraph: the node that takes it says what does not fit
        return kind.model_construct(**value)


def _dataclass(kind: Any, value: Mapping[str, Any]) -> Any:
    """Make a dataclass from all its fields; those that its constructor does not take are set."""
    taken = {part.name for part in dataclasses.fields(kind) if part.init}
    made = kind(**{name: given for name, given in value.items() if name in taken})
    for name in value.keys() - taken:
        object.__setattr__(made, name, value[name])
    return made
