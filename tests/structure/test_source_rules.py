"""Rules that hold for every file of the package."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.structure.sources import (
    GRAPHS_FOLDER,
    PACKAGE,
    ROOT,
    dotted,
    imports_of,
    name_of,
    python_files,
    tree_of,
    uses_of,
)

SETTINGS = PACKAGE / "settings.py"
LOADER = PACKAGE / "workers" / "loader.py"
PUBLISHER = PACKAGE / "runs" / "publisher.py"
REGISTRY = PACKAGE / "registry.py"
ROUTING = PACKAGE / "routing.py"
FLOWS = PACKAGE / "flows.py"

ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"}
DYNAMIC_IMPORTS = {"importlib.import_module", "importlib.__import__", "__import__"}
TRANSPORTS = PACKAGE / "campaigns" / "sending" / "transports"
DOOR = PACKAGE / "campaigns" / "sending" / "door.py"
MAILING = {"smtplib", "aiosmtplib", "resend", "sendgrid", "boto3"}
SENDING = "deliver"
PUBLISHING = {"apply_async", "delay", "send_task"}
IMPURE_MODULES = {"asyncio", "datetime", "io", "os", "pathlib", "random", "secrets", "socket", "subprocess", "sys"}
IMPURE_MODULES |= {"tempfile", "threading", "time", "uuid"}
IMPURE_CALLS = {"eval", "exec", "input", "open", "print"}
# The brackets keep this file from being its own finding.
UNWANTED_TEXT = re.compile(
    r"p[y]pi\.org|p[y]thonhosted|n[p]mjs\.|deb\.deb[i]an\.|ar[c]hive\.ubuntu"
    rf"|{re.escape(ROOT.parent.as_posix())}/[\w.]"
    r"|(?<![\w./:-])/(?:home|Users)/\w+/|(?<![\w./:-])/r[o]ot/"
)


def everything_but(*allowed: Path) -> list[Path]:
    assert all(path.exists() for path in allowed)
    return [path for path in python_files() if path not in allowed]


def test_every_init_file_is_empty_so_that_importing_a_package_costs_nothing() -> None:
    assert [name_of(path) for path in python_files() if path.name == "__init__.py" and path.read_bytes()] == []


def test_every_folder_with_code_is_a_package() -> None:
    assert {path.parent for path in python_files() if not (path.parent / "__init__.py").exists()} == set()


def test_only_settings_reads_the_environment() -> None:
    assert [use for path in everything_but(SETTINGS) for use in uses_of(path, ENVIRONMENT)] == []


def test_only_the_loader_the_registry_and_the_flows_import_by_name() -> None:
    assert [use for path in everything_but(LOADER, REGISTRY, FLOWS) for use in uses_of(path, DYNAMIC_IMPORTS)] == []


def test_only_the_publisher_puts_a_task_on_a_queue() -> None:
    found = [
        f"{name_of(path)}:{node.lineno} .{node.attr}"
        for path in everything_but(PUBLISHER)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in PUBLISHING
    ]
    assert found == []


def test_only_the_transports_speak_to_a_mail_server() -> None:
    found = [
        f"{name_of(path)}: {module}"
        for path in python_files()
        if TRANSPORTS not in path.parents
        for module, _ in imports_of(path)
        if module.split(".")[0] in MAILING or module.startswith("agentic_sales.campaigns.sending.transports.resend")
    ]
    names_its_api = [name_of(p) for p in everything_but(SETTINGS) if "api.resend.com" in p.read_text(encoding="utf-8")]
    assert (found, names_its_api) == ([], [])


def test_only_the_door_hands_a_message_to_a_transport() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in everything_but(DOOR)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == SENDING
    ]
    assert found == []


def test_no_file_uses_a_private_name_of_another_module() -> None:
    assert [f"{name_of(p)}: {used}" for p in python_files() for used in imports_of(p) if _is_private(*used)] == []


def test_every_import_is_absolute() -> None:
    nodes = [(path, node) for path in python_files() for node in ast.walk(tree_of(path))]
    assert [f"{name_of(p)}:{n.lineno}" for p, n in nodes if isinstance(n, ast.ImportFrom) and n.level] == []


def test_the_control_plane_has_no_clock_no_chance_and_no_io() -> None:
    imported = {module.split(".")[0] for path in (REGISTRY, ROUTING) for module, _ in imports_of(path)}
    nodes = [node for path in (REGISTRY, ROUTING) for node in ast.walk(tree_of(path))]
    called = {dotted(node.func) for node in nodes if isinstance(node, ast.Call)}
    assert (imported & IMPURE_MODULES, called & IMPURE_CALLS) == (set(), set())


def test_no_graph_catches_everything() -> None:
    handlers = [
        (path, node)
        for path in python_files(GRAPHS_FOLDER)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler)
    ]
    assert [f"{name_of(path)}:{h.lineno}" for path, h in handlers if _is_broad(h)] == []


def test_no_file_names_a_package_registry_or_a_path_of_a_machine() -> None:
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in _tracked_files()
        for number, line in enumerate(_lines(ROOT / path), start=1)
        if UNWANTED_TEXT.search(line)
    ]
    assert found == []


def _is_private(module: str, name: str | None) -> bool:
    parts = [part for part in (*module.split("."), name or "") if part != "__future__"]
    return any(part.startswith("_") for part in parts)


def _is_broad(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or bool({"Exception", "BaseException"} & set(_names(handler.type)))


def _names(caught: ast.expr) -> Iterator[str]:
    for part in caught.elts if isinstance(caught, ast.Tuple) else [caught]:
        yield dotted(part)


def _tracked_files() -> list[str]:
    """Return what git tracks or would track; the sources where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        return listed.stdout.splitlines()
    return [name_of(path) for folder in (PACKAGE, ROOT / "tests") for path in python_files(folder)]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):  # deleted but still tracked; not a text
        return []


def test_no_request_of_starlette_goes_below_the_routes_of_the_facade() -> None:
    """Take `facade: Facade`, `trace: Trace` or `caller: Calling` in the route, and hand that down."""
    facade = PACKAGE / "facade"
    doors = {facade / name for name in ("app.py", "bodies.py", "callers.py")}
    routes = {path for path in python_files(facade) if ("fastapi", "APIRouter") in imports_of(path)}
    below = set(python_files(facade)) - doors - routes
    assert routes
    named = [name_of(path) for path in below if {"Request"} & {name for _, name in imports_of(path)}]
    assert named == []
