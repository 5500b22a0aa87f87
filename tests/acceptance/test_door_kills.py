"""A sender is killed at every point of the door, over real SMTP: no mail leaves twice, no unknown is hidden."""

import asyncio
import json
import subprocess
import sys
from collections import Counter

from agentic_sales.settings import Settings
from agentic_sales.store.database import open_database
from tests.small_campaign import parsed, set_up
from tests.smtp_server import MailSink, smtp_server
from tests.structure.sources import ROOT

FEWEST_POINTS = 60
ALWAYS = {"starts": "00:00", "ends": "23:59:59.999999", "days": [1, 2, 3, 4, 5, 6, 7]}


async def test_a_sender_killed_at_any_point_leaves_one_mail_or_an_unknown_that_is_shown(migrated: Settings) -> None:
    async with open_database(migrated) as database:
        await set_up(database, plan={"window": ALWAYS}, daily_cap=10_000)
    sink = MailSink()
    with smtp_server(sink) as server:
        arguments = [str(migrated.state_dir), migrated.database_url or "", str(server.port)]
        killer = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "tests.acceptance.door_killer", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert killer.returncode == 0, killer.stderr[-2000:]
    messages = [json.loads(line) for line in killer.stdout.splitlines() if line.startswith("{")]
    mails = Counter(str(parsed(raw)["Message-ID"])[1:].partition("@")[0] for raw in sink.taken)
    told = Counter((message["state"], mails[message["touch_id"]]) for message in messages)
    assert [message["died"] for message in messages] == [True] * (len(messages) - 1) + [False]
    assert len(messages) > FEWEST_POINTS
    assert set(told) == {("sent", 1), ("ambiguous", 1), ("ambiguous", 0)}
