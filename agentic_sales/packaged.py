"""Find the files beside the package in the repository, or inside the package of an installed wheel.

`celeryconfig.py`, `Procfile` and `evals/` belong to the top of the repository. The build of a wheel copies them to
`agentic_sales/_packaged/` (`deploy/build_wheel.py`), which is never in the repository.
"""

import sys
from pathlib import Path

_PACKAGE = Path(__file__).parent
_IN_WHEEL = _PACKAGE / "_packaged"
PACKAGED: Path = _IN_WHEEL if _IN_WHEEL.is_dir() else _PACKAGE.parent
"""The directory of these files. A wheel has its own, else it is the top of the repository."""


def extend_path() -> None:
    """Let modules of the working directory be imported, and last of all the packaged `celeryconfig`.

    Both go behind the present path, so no installed module can be shadowed.
    """
    for folder in (str(Path.cwd()), str(PACKAGED)):
        if folder not in sys.path:
            sys.path.append(folder)
