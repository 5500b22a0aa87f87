"""Write plain data as Markdown, so that an analysis can be read and searched as a document is."""

from collections.abc import Iterator, Mapping
from typing import Any

DEEPEST_HEADING = 4


def as_markdown(content: Mapping[str, Any]) -> str:
    """Return data as Markdown. A name of a group becomes a heading, and a name of a value stands before it."""
    return "\n".join(_lines(content, 1)).strip()


def _lines(value: Any, level: int) -> Iterator[str]:
    if isinstance(value, Mapping):
        plain = {name: told for name, told in value.items() if not isinstance(told, Mapping | list)}
        for name, told in plain.items():
            if told not in (None, "", False):
                yield from (f"{_words(name)}: {told}".strip(), "")
        for name, told in value.items():
            if name not in plain and told:
                yield from (f"{'#' * min(level, DEEPEST_HEADING)} {_words(name)}", "")
                yield from _lines(told, level + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _lines(each, level) if isinstance(each, Mapping | list) else (f"- {each}",)
        yield ""


def _words(name: str) -> str:
    return name.replace("_", " ").replace(".", " ").strip().capitalize()
