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


def test_a_file_is_imported_once_and_failures_and_errors_are_told_with_their_reasons(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    options = ("-p", "no:cacheprovider", "-c", str(PROJECT / "pyproject.toml"), f"--rootdir={tmp_path}")
    command = [sys.executable, "-m", "tests.spread", "-n", "2", *options, *FILES]
    environment = {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed, 1 error" in done.stdout
    assert "assert (1 + 1) == 3" in done.stdout
    assert "No module named 'no_such_module'" in done.stdout
    assert (tmp_path / "imports").read_text() == "x"
