"""Read what `deploy/` holds, and what it must agree with."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from agentic_sales.control import build_control_plane
from agentic_sales.routing import CORE_PREFIX, ROUTE_PREFIXES
from agentic_sales.settings import Settings
from tests.support.fleet import PROCFILE, PROJECT

DEPLOY = PROJECT / "deploy"
PROCESSES = tuple(PROCFILE)
QUEUES = build_control_plane(Settings.model_construct()).queues
WORKER_OF = {queue: f"worker-{queue}" for queue in QUEUES}
WORKERS = tuple(WORKER_OF.values())
_NAME = re.compile(r"^#((?:<POOL>|[A-Z])[A-Z0-9_]*)=", re.MULTILINE)
KNOWN_NAMES = frozenset(
    name.replace("<POOL>", prefix)
    for name in _NAME.findall((DEPLOY / "env.example").read_text("utf-8"))
    for prefix in (*ROUTE_PREFIXES, CORE_PREFIX)
)
"""Every environment name that something reads: ours and the libraries', as `env.example` lists them."""
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def documents(path: Path) -> list[dict[str, Any]]:
    """Return every document of a YAML file."""
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


def document(path: Path) -> dict[str, Any]:
    """Return the one document of a YAML file."""
    [only] = documents(path)
    return only


def seconds(duration: str) -> float:
    """Read a duration such as `45s`."""
    return float(duration[:-1]) * _SECONDS[duration[-1]]


def queue_of(process: str) -> str:
    """Return the queue that a worker's line of the Procfile consumes."""
    found = re.search(r" -Q (\S+)", PROCFILE[process])
    assert found, f"`{process}` names no queue: {PROCFILE[process]}"
    return found[1]


def environment_file(path: Path) -> dict[str, str]:
    """Read an environment file."""
    return dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines())


def make_secrets(directory: Path, redis_address: str) -> Path:
    """Make a deployment's secrets; return where they are."""
    made = directory / "secrets"
    subprocess.run(
        [DEPLOY / "make-secrets", made], env={**os.environ, "REDIS_HOST": redis_address}, check=True, timeout=30
    )
    return made
