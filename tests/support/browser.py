"""Look at a page as a person does: in Debian's Chromium, with its scripts run."""

import shutil
import subprocess
from pathlib import Path

from tests.support.services import MACHINE_ENVIRONMENT, missing

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
)
_SCRIPTS_MS = 5000
"""Time that the scripts of a page get, on the browser's own clock, which runs ahead while nothing happens."""


def page(url: str, profile: Path, *, screenshot: Path | None = None) -> str:
    """Return the document of a page after its scripts have run.

    Args:
        url: The page; may carry `user:password@`.
        profile: Directory for the browser's own files.
        screenshot: Where to draw the page.
    """
    browser = next(filter(None, map(shutil.which, _NAMES)), None)
    if browser is None:
        missing("no Chromium on this machine (Debian: apt-get install chromium)")
    wanted = "--dump-dom" if screenshot is None else f"--screenshot={screenshot}"
    options = (*_QUIET, f"--user-data-dir={profile}", f"--virtual-time-budget={_SCRIPTS_MS}", "--window-size=1400,900")
    done = subprocess.run(
        [browser, *options, wanted, url],
        env={**MACHINE_ENVIRONMENT, "HOME": str(profile)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
