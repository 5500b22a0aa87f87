"""Put imported fields of a person where a text names them as `{{field}}`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_FIELD = re.compile(r"\{\{\s*([A-Za-z_][\w .-]{0,99}?)\s*\}\}")


def with_fields(text: str, fields: Mapping[str, str]) -> str:
    """Return a text with the known fields in it. A field that is not known stays as it is written."""
    return _FIELD.sub(lambda found: fields.get(found.group(1), found.group(0)), text)


def fields_named(told: Any) -> Iterator[str]:
    """Yield the fields that the texts of a value name, however deep they stand. A name may come again."""
    if isinstance(told, str):
        yield from _FIELD.findall(told)
    elif isinstance(told, Mapping):
        for value in told.values():
            yield from fields_named(value)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from fields_named(value)


def filled_in(told: Any, fields: Mapping[str, str]) -> Any:
    """Return a value with the known fields in its texts, at any depth."""
    if isinstance(told, str):
        return with_fields(told, fields)
    if isinstance(told, Mapping):
        return {name: filled_in(value, fields) for name, value in told.items()}
    return [filled_in(value, fields) for value in told] if isinstance(told, list | tuple) else told
