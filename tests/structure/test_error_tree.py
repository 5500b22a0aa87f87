"""`errors.py`: the tree that its docstring draws is the tree of the classes."""

import inspect
import re
from types import ModuleType

import pytest

from agentic_sales import errors
from agentic_sales.errors import AgenticSalesError, ConfigurationError, PermanentError, RequestError, TransientError

_LINE = re.compile(r"^(?P<indent>[ │├└─]*)(?P<name>[A-Z]\w+)  ")
BRANCHES: tuple[type[AgenticSalesError], ...] = (RequestError, TransientError, PermanentError)


def drawn_parents(docstring: str) -> dict[str, str | None]:
    """Read the drawing: class name to the name of the class that it hangs on."""
    parents: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []
    for line in docstring.splitlines():
        if (found := _LINE.match(line)) is None:
            continue
        depth = len(found["indent"])
        above = [(d, name) for d, name in above if d < depth]
        parents[found["name"]] = above[-1][1] if above else None
        above.append((depth, found["name"]))
    return parents


def defined_in(module: ModuleType) -> list[type[BaseException]]:
    """Return the exception classes that a module defines."""
    classes = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    return [c for c in classes if issubclass(c, BaseException)]


def leaves() -> list[type[AgenticSalesError]]:
    """Return the errors that are raised: everything but the base and the branches."""
    errors_of_ours = [c for c in defined_in(errors) if issubclass(c, AgenticSalesError)]
    return [c for c in errors_of_ours if c not in {AgenticSalesError, *BRANCHES}]


def test_the_docstring_draws_exactly_the_tree_of_the_classes() -> None:
    classes = defined_in(errors)
    parents = {c.__name__: c.__bases__[0].__name__ if c.__bases__[0] in classes else None for c in classes}
    assert drawn_parents(errors.__doc__ or "") == parents


def test_every_error_is_exported() -> None:
    assert sorted(errors.__all__) == sorted(c.__name__ for c in defined_in(errors))


@pytest.mark.parametrize("error", leaves(), ids=lambda error: error.__name__)
def test_an_error_hangs_on_exactly_one_branch_because_the_branch_is_the_retry_policy(
    error: type[AgenticSalesError],
) -> None:
    assert sum(issubclass(error, branch) for branch in BRANCHES) == 1


def test_a_configuration_error_is_outside_the_tree() -> None:
    assert not issubclass(ConfigurationError, AgenticSalesError)


def test_every_code_is_snake_case_and_belongs_to_one_error() -> None:
    codes = [error.code for error in leaves() if "code" in vars(error)]
    assert [code for code in codes if not re.fullmatch(r"[a-z][a-z_]*", code)] == []
    assert sorted(codes) == sorted(set(codes))
    assert {error.__name__ for error in leaves() if "code" not in vars(error)} == {"RunFailed"}
