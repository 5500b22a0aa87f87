"""The gate's processes are forked after one collection, and tell what pytest-xdist's own would."""

import subprocess
import sys
from pathlib import Path

from tests.support.fleet import PROJECT

IMPORTED = (
    "from pathlib import Path\n\nwith Path(__file__).with_name('imports').open('a') as told:\n    told.write('x')\n"
)
FILES = {
    "test_good.py": f"{IMPORTED}\ndef test_good():\n    pass\n",
    "test_wrong.py": "def test_wrong():\n    assert 1 + 1 == 3\n",
    "test_broken.py": "import no_such_module\n",
}


def spread(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run tests of a folder in two processes."""
    command = [sys.executable, "-m", "tests.spread", "-n", "2", *arguments]
    environment = {"PYTHONPATH": f"{PROJECT}:{folder}"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def test_a_file_is_imported_once_and_failures_and_errors_are_told_with_their_reasons(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    options = ("-p", "no:cacheprovider", "-c", str(PROJECT / "pyproject.toml"), f"--rootdir={tmp_path}")
    done = spread(tmp_path, *options, *FILES)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed, 1 error" in done.stdout
    assert "assert (1 + 1) == 3" in done.stdout
    assert "No module named 'no_such_module'" in done.stdout
    assert (tmp_path / "imports").read_text() == "x"


def test_a_run_whose_collection_dies_ends_instead_of_waiting(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text("import os\n\n\ndef pytest_collection_finish():\n    os._exit(3)\n")
    (tmp_path / "test_good.py").write_text(FILES["test_good.py"])
    options = ("-p", "no:cacheprovider", "-p", "deadly", "-c", str(PROJECT / "pyproject.toml"), f"--rootdir={tmp_path}")
    done = spread(tmp_path, *options, "test_good.py")
    assert done.returncode != 0
    assert "passed" not in done.stdout
