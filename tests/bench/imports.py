"""What the control plane costs at import: milliseconds over bare Python, with few rows and with very many."""

import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.fleet import PROJECT
from tests.support.services import MACHINE_ENVIRONMENT

_TABLE = "GRAPHS: tuple[GraphSpec, ...] = ("
_IMPORT = "import time; a = time.perf_counter(); import agentic_sales.registry, agentic_sales.routing"
_REPORT = "; assert len(agentic_sales.registry.BY_ID) == {rows}; print(time.perf_counter() - a)"


@dataclass(frozen=True, slots=True)
class ImportCost:
    """What importing registry and routing costs."""

    rows: int
    """Rows of the registry."""
    over_bare_ms: float
    """Median time that the import adds to a process."""
    bare_ms: float
    """Median time of a process that imports nothing."""

    @property
    def ratio(self) -> float:
        """How many times as long a process takes that imports them."""
        return (self.bare_ms + self.over_bare_ms) / self.bare_ms


def import_cost(rows: int, *, rounds: int) -> ImportCost:
    """Measure the import with a registry of this many rows, in as many fresh processes as there are rounds."""
    with TemporaryDirectory(prefix="agentic-sales-bench-") as folder:
        _write_package(Path(folder), rows)
        code = _IMPORT + _REPORT.format(rows=rows)
        _run(code, folder)  # writes the byte code, as an installation does
        imports, bare = [], []
        for _ in range(rounds):
            imports.append(float(_run(code, folder)))
            started_s = time.perf_counter()
            _run("pass", folder)
            bare.append(time.perf_counter() - started_s)
    return ImportCost(rows, 1000 * statistics.median(imports), 1000 * statistics.median(bare))


def _write_package(folder: Path, rows: int) -> None:
    """Copy the two modules into a package of their own, and add rows to the table up to the number."""
    source, package = PROJECT / "agentic_sales", folder / "agentic_sales"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(source / "routing.py", package)
    text = (source / "registry.py").read_text(encoding="utf-8")
    own = text.count("    GraphSpec(", text.index(_TABLE))
    added = "".join(f'    GraphSpec("graph_{n}", "acme.graphs.graph_{n}"),\n' for n in range(rows - own))
    (package / "registry.py").write_text(text.replace(_TABLE, f"{_TABLE}\n{added}", 1), encoding="utf-8")


def _run(code: str, folder: str) -> str:
    """Run code in the folder, whose package is found before the installed one; return what it prints."""
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=MACHINE_ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return finished.stdout
