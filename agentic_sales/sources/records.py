"""Read the answers of outside services as frozen records. A member that has changed is named with its service."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from agentic_sales.errors import AnswerChanged
from agentic_sales.outbound.api import Reply
from agentic_sales.wire import clean_text

_NEXT = re.compile(r'<([^<>]+)>\s*;[^,]*\brel="?next"?')
T = TypeVar("T")


def _cleaned(value: object) -> object:
    return clean_text(value) if isinstance(value, str) else value


def _text_or_nothing(value: object) -> object:
    """Read null and blank as nothing. GitHub's `blog` is one or the other."""
    text = _cleaned(value)
    return (text.strip() or None) if isinstance(text, str) else text


Text = Annotated[str, BeforeValidator(_cleaned)]
"""Text that both databases store."""
TextOrNone = Annotated[str | None, BeforeValidator(_text_or_nothing)]
"""The same, or None where a service says null or nothing."""


def listed(value: object) -> list[Any]:
    """Return a list of plain data, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def none_is_empty(value: object) -> object:
    """Read null as an empty list."""
    return () if value is None else value


class Record(BaseModel):
    """A record of a service. Frozen. Members that a client does not read are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_name=True, validate_by_alias=True)


R = TypeVar("R", bound=BaseModel)


def read(kind: type[R], data: object, reply: Reply) -> R:
    """Return plain data as a record.

    Raises:
        AnswerChanged: A member is missing or of another type. The message names the service and the member.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as exc:
        raise AnswerChanged(reply.service, f"`{reply.path}`", _problems(exc)) from None  # It would quote the answer.


def read_all(kind: type[R], data: object, reply: Reply, member: str) -> tuple[R, ...]:
    """Return a list of plain data as records.

    Raises:
        AnswerChanged: It is no list, or one of its items is not as expected.
    """
    if not isinstance(data, list):
        raise AnswerChanged(reply.service, f"`{reply.path}`", [(member, f"should be a list, not {_kind_of(data)}")])
    return tuple(read(kind, item, reply) for item in data)


def members(data: object, reply: Reply) -> Mapping[str, Any]:
    """Return an answer that has to be an object.

    Raises:
        AnswerChanged: It is none.
    """
    if not isinstance(data, dict):
        problem = ("the answer", f"should be an object, not {_kind_of(data)}")
        raise AnswerChanged(reply.service, f"`{reply.path}`", [problem])
    return data


def segment(value: str) -> str:
    """Return a text as one part of a path. A text that would lead to another path becomes one that nobody has."""
    return quote(value, safe="") if value.strip(".") else "-"


def next_link(reply: Reply) -> str | None:
    """Return the next page of a `Link` header, or None on the last page."""
    found = _NEXT.search(reply.headers.get("link", ""))
    return found[1] if found else None


def _kind_of(value: object) -> str:
    return "missing" if value is None else f"a {type(value).__name__}"


def _problems(exc: ValidationError) -> Iterable[tuple[str, str]]:
    return [(".".join(map(str, error["loc"])), error["msg"]) for error in exc.errors(include_input=False)]


def in_groups(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Yield items in groups of a size. The last one may be smaller."""
    listed = list(items)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]
