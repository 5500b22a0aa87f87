"""Read the package as text and as syntax trees, and start interpreters that know nothing yet."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "agentic_sales"
GRAPHS_FOLDER = PACKAGE / "graphs"
FRESH_PROCESS_TIMEOUT_S = 60.0


def python_files(folder: Path = PACKAGE) -> list[Path]:
    """Return every Python file below a folder, in a stable order."""
    return sorted(folder.rglob("*.py"))


def name_of(path: Path) -> str:
    """Name a file as a person finds it: from the project's root."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports_of(path: Path) -> Iterator[tuple[str, str | None]]:
    """Yield every import of a file as (module, name); `import x` has no name."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for a chain of attributes on a name; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def uses_of(path: Path, names: set[str]) -> list[str]:
    """Return the places of a file that use one of these dotted names or import it under its own name."""
    found = [
        f"{name_of(path)}:{node.lineno} {dotted(node)}"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute | ast.Name) and dotted(node) in names
    ]
    found += [f"{name_of(path)} imports {m}.{n}" for m, n in imports_of(path) if f"{m}.{n}" in names]
    return found


def run_python(code: str, *flags: str) -> "subprocess.CompletedProcess[str]":
    """Run code in a new interpreter, from the project's root."""
    return subprocess.run(
        [sys.executable, *flags, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=FRESH_PROCESS_TIMEOUT_S,
        check=False,
    )


def in_fresh_process(code: str, *flags: str) -> Any:
    """Return what code prints as JSON in a new interpreter."""
    finished = run_python(code, *flags)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def modules_loaded_by(*modules: str) -> set[str]:
    """Return the modules that importing these loads, in an interpreter that has loaded nothing of ours."""
    code = f"""
import importlib, json, sys
before = set(sys.modules)
for module in {modules!r}:
    importlib.import_module(module)
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    return set(in_fresh_process(code))
