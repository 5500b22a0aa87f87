"""Find every compiled pattern of a package, and make of each the texts that are worst for it."""

import importlib
import pkgutil
import re
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

# Typeshed leaves the parser out; whether mypy knows it depends on what else is imported.
ops: Any = importlib.import_module("re._constants")
parser: Any = importlib.import_module("re._parser")
_SIGNS = string.ascii_letters + string.digits + " \t\n.-_:;,@<>/=?&\"'()[]*+#%\u3042\u00e9"
_CATEGORIES = {
    ops.CATEGORY_SPACE: " ",
    ops.CATEGORY_NOT_SPACE: "a",
    ops.CATEGORY_WORD: "a",
    ops.CATEGORY_NOT_WORD: "-",
    ops.CATEGORY_DIGIT: "1",
    ops.CATEGORY_NOT_DIGIT: "a",
}


def patterns_below(*packages: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield each pattern of text that a module keeps, or a cached function without arguments returns, by its name."""
    seen: set[tuple[str, int]] = set()
    for package in packages:
        for module in _modules(package):
            for name, value in vars(module).items():
                for where, found in _within(f"{module.__name__}.{name}", _kept(module, value)):
                    if (found.pattern, found.flags) not in seen:
                        seen.add((found.pattern, found.flags))
                        yield where, found


def worst_texts(pattern: re.Pattern[str], length: int) -> Iterator[str]:
    """Yield texts of a length that begin to fit a pattern at many places, and never do."""
    tree = parser.parse(pattern.pattern, pattern.flags)
    for unit in dict.fromkeys(_units(tree)):
        if unit:
            yield (unit * (length // len(unit) + 1))[:length]


def _modules(package: str) -> Iterator[ModuleType]:
    root = importlib.import_module(package)
    yield root
    for found in pkgutil.walk_packages(getattr(root, "__path__", []), f"{package}."):
        yield importlib.import_module(found.name)


def _kept(module: ModuleType, value: object) -> object:
    """Return what a cached function of the module keeps, such as a table as patterns; else the value itself."""
    is_cached = hasattr(value, "cache_info") and getattr(value, "__module__", "") == module.__name__
    if not is_cached:
        return value
    try:
        return value()  # type: ignore[operator]  # a cached function is one
    except TypeError:  # It takes arguments.
        return None


def _within(name: str, value: object) -> Iterator[tuple[str, re.Pattern[str]]]:
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield name, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _within(f"{name}[{key}]", one)
    elif isinstance(value, (tuple, list)):
        for number, one in enumerate(value):
            yield from _within(f"{name}[{number}]", one)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _within(f"{name}.{field.name}", getattr(value, field.name))


def _units(tree: Any) -> Iterator[str]:
    """Yield beginnings of what fits a pattern, and what each of its repetitions repeats."""
    yield from _beginnings(list(tree))
    for op, given in tree:
        for inner in _inner(op, given):
            yield from _units(inner)
        if op in {ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT}:
            yield _sample(given[2])


def _beginnings(items: list[Any]) -> Iterator[str]:
    text = ""
    for op, given in items[:12]:
        text += _sample([(op, given)])
        yield text
        yield f"{text} "
        yield f"{text}\n"


def _inner(op: Any, given: Any) -> Iterator[Any]:
    if op is ops.BRANCH:
        yield from given[1][:12]
    elif op is ops.SUBPATTERN:
        yield given[3]
    elif op in {ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT}:
        yield given[2]
    elif op is ops.ATOMIC_GROUP:
        yield given


def _sample(items: Any) -> str:
    return "".join(_sample_of(op, given) for op, given in items)


def _sample_of(op: Any, given: Any) -> str:
    make = _SAMPLES.get(op)
    return "" if make is None else make(given)


def _repeated(given: Any) -> str:
    return _sample(given[2]) * max(1, min(int(given[0]), 4))


def _of_class(given: Any) -> str:
    is_negated = bool(given) and given[0][0] is ops.NEGATE
    if not is_negated:
        op, value = given[0]
        if op is ops.LITERAL:
            return chr(value)
        if op is ops.RANGE:
            return chr(value[0])
        return _CATEGORIES.get(value, "a")
    inner = re.compile("[" + "".join(_written(op, value) for op, value in given[1:]) + "]")
    return next((sign for sign in _SIGNS if not inner.match(sign)), "a")


def _written(op: Any, value: Any) -> str:
    if op is ops.LITERAL:
        return re.escape(chr(value))
    if op is ops.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    return {
        ops.CATEGORY_SPACE: r"\s", ops.CATEGORY_NOT_SPACE: r"\S", ops.CATEGORY_WORD: r"\w",
        ops.CATEGORY_NOT_WORD: r"\W", ops.CATEGORY_DIGIT: r"\d", ops.CATEGORY_NOT_DIGIT: r"\D",
    }[value]  # fmt: skip


_SAMPLES: Mapping[Any, Callable[[Any], str]] = {
    ops.LITERAL: chr,
    ops.NOT_LITERAL: lambda given: next(sign for sign in _SIGNS if ord(sign) != given),
    ops.ANY: lambda _: "a",
    ops.IN: _of_class,
    ops.BRANCH: lambda given: _sample(given[1][0]),
    ops.SUBPATTERN: lambda given: _sample(given[3]),
    ops.ATOMIC_GROUP: _sample,
    ops.MAX_REPEAT: _repeated,
    ops.MIN_REPEAT: _repeated,
    ops.POSSESSIVE_REPEAT: _repeated,
}
