"""Apply one set of rules to all JSON that crosses a process boundary or is stored.

JSON has neither NaN nor infinity (RFC 8259, section 6). UTF-8 has no half of a surrogate pair (RFC 3629, section 3).
PostgreSQL stores no NUL in a text. Outgoing and stored JSON is written without them, alike in both databases.
Incoming JSON with them is refused, because it could not leave again as it came.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any, Literal

from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from agentic_sales.errors import InvalidRequest

DEEPEST = 100
"""Most levels of objects and lists in a body. Our serializer writes 255, and LangGraph's own less."""
_LONGEST_POINTER = 300
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_PROBLEMS_OF_TEXT = {
    True: "holds a NUL character (U+0000), which cannot be stored",
    False: "holds half of a surrogate pair, which is no text",
}
_Place = tuple["_Place", str | int] | None
"""The place of a value: the place of its parent, and its name or index there. None: it is the whole body."""


def to_wire(
    value: Any, *, fallback: Callable[[Any], Any] | None = None, bytes_as: Literal["utf8", "base64"] = "utf8"
) -> bytes:
    """Write a value as JSON that every reader takes. NaN and infinity become null, half a surrogate pair U+FFFD.

    Args:
        value: Plain data, or objects that pydantic writes as such.
        fallback: Makes plain data of anything else.
        bytes_as: Form of bytes.

    Raises:
        pydantic_core.PydanticSerializationError: There is no JSON for it.
    """
    try:
        return to_json(value, inf_nan_mode="null", bytes_mode=bytes_as, fallback=fallback)
    except PydanticSerializationError:
        plain = to_jsonable_python(_cleaned(value), bytes_mode=bytes_as, fallback=fallback)
        return to_json(_cleaned(plain), inf_nan_mode="null")


def from_wire(data: bytes | str) -> Any:
    """Read the JSON of `to_wire`, also if it is deeper than pydantic reads.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        return from_json(data)
    except ValueError:
        return json.loads(data)


def to_stored(value: Any) -> str:
    """Write a value as JSON that both databases store. It is `to_wire` with U+FFFD for NUL."""
    text = to_wire(value).decode()
    return _ESCAPED_NUL.sub(rf"\1{_REPLACEMENT}", text) if r"\u0000" in text else text


def clean_text(text: str) -> str:
    """Return a text that both databases store. NUL and halves of surrogate pairs become U+FFFD."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def is_storable(value: Any) -> bool:
    """Return whether PostgreSQL's JSONB gives a text or a number back unchanged."""
    match value:
        case str():
            return _UNSTORABLE.search(value) is None
        case float():
            return math.isfinite(value)
        case _:
            return True


def read_body(raw: bytes) -> Any:
    """Read the JSON of a request.

    Raises:
        InvalidRequest: It is no JSON, or a value in it could not be stored and told again. The message has the JSON
            pointer of the first such value.
    """
    try:
        value = from_json(raw)
        is_suspect = rb"\u0000" in raw or _is_out_of_bounds(value)  # It reads no half of a surrogate pair.
    except ValueError as exc:
        value = _with_pointers(raw, str(exc))
        is_suspect = True
    if is_suspect:
        _refuse_first_problem(value)
    return value


def _with_pointers(raw: bytes, reason: str) -> Any:
    """Read a body by a more tolerant parser, so that an error can be named with its pointer."""
    try:
        return json.loads(raw.decode())
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest(f"the request body is no JSON that can be read: {reason}") from exc


def _is_out_of_bounds(value: Any) -> bool:
    """Return whether a value is too deep or a number in it too large.

    It goes level by level, which costs about as much as parsing. This matters because every request is checked.
    """
    level, depth = [value], 0
    while level:
        if any(_is_too_large(item) for item in level if type(item) is int or type(item) is float):
            return True
        containers = [item for item in level if type(item) is dict or type(item) is list]
        level = [inner for item in containers for inner in (item.values() if type(item) is dict else item)]
        depth += bool(containers)
    return depth > DEEPEST


def _is_too_large(number: float) -> bool:
    return not _SMALLEST <= number <= _LARGEST if type(number) is int else not math.isfinite(number)


def _refuse_first_problem(value: Any) -> None:
    pending: list[tuple[Any, _Place, int]] = [(value, None, 1)]
    while pending:
        item, place, depth = pending.pop()
        if (problem := _problem(item, depth)) is not None:
            raise InvalidRequest(f"the request body is refused: `{pointer_of(place)[:_LONGEST_POINTER]}` {problem}")
        if type(item) is dict:
            pending += [(name, (place, name), depth) for name in item]
            pending += [(inner, (place, name), depth + 1) for name, inner in item.items()]
        elif type(item) is list:
            pending += [(inner, (place, index), depth + 1) for index, inner in enumerate(item)]


def pointer_of(place: _Place) -> str:
    """Return the JSON pointer (RFC 6901) of a place. The whole body has the empty one."""
    parts: list[str] = []
    while place is not None:
        place, name = place
        parts.append(escaped(name))
    return "".join(f"/{part}" for part in reversed(parts))


def escaped(name: str | int) -> str:
    """Return one part of a JSON pointer."""
    return clean_text(str(name)).replace("~", "~0").replace("/", "~1")


def _problem(value: Any, depth: int) -> str | None:
    kind = type(value)
    if kind is str:
        found = _UNSTORABLE.search(value)
        return None if found is None else _PROBLEMS_OF_TEXT[found[0] == "\x00"]
    if (kind is int or kind is float) and _is_too_large(value):
        return "is NaN, infinite, or a number that does not fit into 64 bits; send it as a text"
    if (kind is dict or kind is list) and depth > DEEPEST:
        return f"is nested deeper than {DEEPEST} levels"
    return None


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return _UNSTORABLE.sub(lambda found: found[0] if found[0] == "\x00" else _REPLACEMENT, value)
        case dict():
            return {_cleaned(name): _cleaned(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_cleaned(inner) for inner in value]
        case _:
            return value
