"""Live one undisturbed life while this module is imported, so that the lives that are forked afterwards begin warm.

Half of the processor time of a short life is what a process does once: the first compilation of each statement, the
first use of each model, the imports of drivers. The fork server of `campaign_lives` imports this module.
"""

import asyncio
import tempfile
from pathlib import Path

from agentic_sales.settings import Settings
from agentic_sales.store.migrate import upgrade
from tests.chaos.campaign_kills import NotingSink, begin
from tests.chaos.campaign_lives import BOUNDARIES, Life, live
from tests.chaos.campaign_shapes import SHAPES
from tests.support.smtp_server import smtp_server


def live_once(shape: str, folder: Path) -> None:
    """Take a campaign of a shape to its end, on SQLite."""
    settings = Settings(state_dir=folder)
    upgrade(settings)
    sink = NotingSink.of(SHAPES[shape], folder / "mails")
    with smtp_server(sink) as server:
        key, email = asyncio.run(begin(settings, SHAPES[shape], 0))
        live(Life(settings, shape, key, email, server, sink.folder, BOUNDARIES))


with tempfile.TemporaryDirectory() as place:
    for number, name in enumerate(("away", "answered")):
        live_once(name, Path(place) / str(number))
