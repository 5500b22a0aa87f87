"""Kill a sender at every point of the send door, over real SMTP: no mail leaves twice, no unknown is hidden."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from typing import Any

from agentic_sales.settings import Settings
from agentic_sales.store.database import open_database
from agentic_sales.store.migrate import upgrade
from tests.chaos.arena import Arena
from tests.chaos.report import Report
from tests.structure.sources import ROOT
from tests.support.databases import new_postgresql
from tests.support.small_campaign import parsed, set_up
from tests.support.smtp_server import MailSink, smtp_server

FEWEST_POINTS = 60
STRIDE = 3
"""Of the points of a smaller chaos run each n-th is visited."""
ALWAYS = {"starts": "00:00", "ends": "23:59:59.999999", "days": [1, 2, 3, 4, 5, 6, 7]}
EXPLAINED = {("sent", 1), ("ambiguous", 1), ("ambiguous", 0)}
"""State of a message, and how often it left, that may be together."""


def door_kills(arena: Arena) -> Report:
    """Kill a sender at every point of the door, on SQLite and PostgreSQL: each message left once, or is shown."""
    report, found = Report(), Counter[tuple[str, int]]()
    every = 1 if arena.is_whole else STRIDE
    with new_postgresql() as url:
        for kind, named in {"sqlite": None, "postgresql": url}.items():
            directory = arena.fleet.directory / f"door-kills-{kind}"
            messages, mails = _kill_senders(Settings(state_dir=directory, database_url=named), every)
            kills = [message["died"] for message in messages]
            report.count(**{f"kills_on_{kind}": sum(kills)})
            report.hold(f"only the last gets through on {kind}", holds=kills.index(False) == len(kills) - 1)
            report.hold(
                f"every point is visited on {kind}", holds=sum(kills) * every >= FEWEST_POINTS, found=sum(kills)
            )
            found.update((message["state"], mails[message["touch_id"]]) for message in messages)
    twice = sum(number for (_, times), number in found.items() if times > 1)
    ambiguous = sum(number for (state, _), number in found.items() if state == "ambiguous")
    report.count(kills=sum(found.values()) - 2, twice=twice, ambiguous=ambiguous, of_those_sent=found["ambiguous", 1])
    report.hold("every message left once or is shown", holds=set(found) == EXPLAINED, found=dict(found))
    return report


def _kill_senders(settings: Settings, every: int) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Send and die; return what became of each message, and how often the server took each."""
    upgrade(settings)
    asyncio.run(_begin(settings))
    sink = MailSink()
    with smtp_server(sink) as server:
        arguments = [str(settings.state_dir), settings.database_url or "", str(server.port), str(every)]
        killer = subprocess.run(
            [sys.executable, "-m", "tests.chaos.door_killer", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert killer.returncode == 0, killer.stderr[-2000:]
    messages = [json.loads(line) for line in killer.stdout.splitlines() if line.startswith("{")]
    return messages, Counter(str(parsed(raw)["Message-ID"])[1:].partition("@")[0] for raw in sink.taken)


async def _begin(settings: Settings) -> None:
    async with open_database(settings) as database:
        await set_up(database, plan={"window": ALWAYS}, daily_cap=10_000)
