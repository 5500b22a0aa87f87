"""Compare the pools of the routing contract with the Procfile and `deploy/`, which start a worker for each.

A pool is named once, in `routing.py`. These files are written by hand, since each pool has its own numbers there.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from agentic_sales.checks.problems import Problem
from agentic_sales.routing import CORE_PREFIX, ROUTE_PREFIXES

POOLS = tuple(prefix.lower() for prefix in (*ROUTE_PREFIXES, CORE_PREFIX))
_WORKER = re.compile(r"^worker-(\w+):.* -Q (\S+)", re.MULTILINE)
_SERVICE = re.compile(r"^  worker-(\w+):$", re.MULTILINE)
_RESOURCE = re.compile(r"^ *- pools/(\w+)$", re.MULTILINE)


def pool_problems(folder: Path) -> Iterator[Problem]:
    """Name each pool that a file of the folder lacks and each worker there whose pool the contract lacks."""
    yield from _in_procfile(folder / "Procfile")
    yield from _in_file(folder / "deploy" / "compose.yml", _SERVICE, "a service `worker-{pool}`")
    kubernetes = folder / "deploy" / "kubernetes"
    yield from _in_file(kubernetes / "kustomization.yaml", _RESOURCE, "the resource `pools/{pool}`")
    if kubernetes.is_dir():
        found = [path.parent.name for path in kubernetes.glob("pools/*/kustomization.yaml")]
        yield from _differences(kubernetes, found, "the file `pools/{pool}/kustomization.yaml`")


def _in_procfile(path: Path) -> Iterator[Problem]:
    if path.is_file():
        lines = dict(_WORKER.findall(path.read_text(encoding="utf-8")))
        yield from _differences(path, lines, "a line `worker-{pool}: celery … -Q {pool} …`")
        for pool, queue in lines.items():
            if pool != queue:
                yield Problem(path.name, f"worker-{pool}", queue, f"it consumes `{queue}`; write `-Q {pool}`")


def _in_file(path: Path, pattern: re.Pattern[str], what: str) -> Iterator[Problem]:
    if path.is_file():
        yield from _differences(path, pattern.findall(path.read_text(encoding="utf-8")), what)


def _differences(path: Path, found: Iterable[str], what: str) -> Iterator[Problem]:
    for pool in sorted(set(POOLS) - set(found)):
        yield Problem(path.name, "pool", pool, f"`{path}` lacks it; add {what.format(pool=pool)}")
    for pool in sorted(set(found) - set(POOLS)):
        yield Problem(
            path.name, "pool", pool, f"`{path}` has a worker of it, and routing.py has no such pool; remove it"
        )
