"""Let a real fleet take people through a campaign while every one of its processes is killed, again and again.

Two beats tick, SMTP is real, and the campaign goes by a clock of its own, so that what waits for a lease at the end
need not be waited for.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from agentic_sales.campaigns.sending.door import resolve
from agentic_sales.campaigns.visits.clock import ClockFile
from agentic_sales.contracts import TouchId, TouchState
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import EnrollmentRow, enrollments
from agentic_sales.store.database import open_database
from agentic_sales.store.touches import IN_DOUBT, TouchRow, touches
from tests.chaos.arena import Arena
from tests.chaos.clocked_fleet import BEATS, clocked_fleet
from tests.chaos.kills import kill_each
from tests.chaos.report import Report
from tests.support.fleet import WEB, Fleet
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, parsed, set_up
from tests.support.smtp_server import MailSink, smtp_server

STEPS = 2
PLAN = {
    "steps": [{}, {"delay_days": 0.0001, "counts": "days"}],
    "window": {"starts": "00:00:00", "ends": "23:59:59", "days": [1, 2, 3, 4, 5, 6, 7]},
}
CHILDREN_OF = ("worker-core", "worker-email")
WHOLE = ("worker-core", WEB, *BEATS)
PEOPLE_PER_RUN, KILLS_PER_RUN = 0.25, 0.1
PAUSE_S = (0.5, 2.0)
CLOCK_STEP_S = 0.5
LEASES = timedelta(minutes=20)
"""How far the clock is put forward when nothing is broken any more: every lease is over then."""
MOST_JUMPS, JUMP_S = 12, 10.0
MOST_ROWS = 1000
SLOT_KEYS = "agentic:slot:tick_campaigns:*"


def campaign_fleet(arena: Arena) -> Report:
    """Kill children, whole workers, beats and the facade under a campaign: everybody comes to the end, once."""
    report, sink = Report(), MailSink()
    people, kills = max(10, int(arena.runs * PEOPLE_PER_RUN)), max(5, int(arena.runs * KILLS_PER_RUN))
    with TemporaryDirectory(prefix="agentic-sales-chaos-") as folder, _fleet(Path(folder), sink) as fleet:
        settings, clock = Settings(state_dir=fleet.directory), ClockFile(fleet.directory / "clock")
        asyncio.run(_begin(settings, people))
        struck = _strike(fleet, clock, arena.rng, kills)
        fleet.revive(*fleet.services)
        ways, sent, ambiguous = _end(settings, clock, sink)
        ticks = fleet.log("worker-core").count("job=tick_campaigns")
        slots = sum(1 for _ in fleet.redis.scan_iter(SLOT_KEYS))
        fleet.stop()
    mails = Counter(_ids(sink))
    lost = [(way.state, way.reason) for way in ways if not _is_right(way, sent, set(mails))]
    report.count(people=people, kills=sum(struck.values()), **{f"kills_of_{name}": n for name, n in struck.items()})
    report.count(mails=mails.total(), twice=sum(n > 1 for n in mails.values()), lost=len(lost), ambiguous=ambiguous)
    report.count(beats=len(BEATS), slots=slots, ticks=ticks)
    report.hold("nobody is mailed twice", holds=mails.total() == len(mails))
    report.hold("everybody comes to the end", holds=len(ways) == people and not lost, found=lost)
    report.hold("a slot is used once", holds=0 < ticks <= slots, found=(ticks, slots))
    return report


@contextmanager
def _fleet(directory: Path, sink: MailSink) -> Iterator[Fleet]:
    clock = ClockFile(directory / "clock")
    clock.forward_to(NOW)
    with smtp_server(sink) as server:
        environment = {
            "AGENTIC_SALES_MAIL": f"smtp://{server.host}:{server.port}",
            "AGENTIC_SALES_PUBLIC_URL": "https://sales.example",
            "AGENTIC_SALES_UNSUBSCRIBE_SECRET": "a secret of this fleet alone",
            "AGENTIC_SALES_CAMPAIGN_TICK_S": "1.0",
            "AGENTIC_SALES_LOG_LEVEL": "debug",
            "AGENTIC_SALES_LOG_FORMAT": "text",
        }
        with clocked_fleet(directory, clock, environment) as fleet:
            yield fleet


async def _begin(settings: Settings, people: int) -> None:
    async with open_database(settings) as database:
        await set_up(database, plan=PLAN, daily_cap=10_000)
        campaign = SmallCampaign(database, settings.state_dir)
        for number in range(people):
            await campaign.person(f"person{number}@example.com")


def _strike(fleet: Fleet, clock: ClockFile, rng: Random, kills: int) -> Counter[str]:
    """Kill one process or worker after the other, and let the campaign's time pass."""
    struck: Counter[str] = Counter()
    for _ in range(kills):
        for _ in range(int(rng.uniform(*PAUSE_S) / CLOCK_STEP_S) + 1):
            time.sleep(CLOCK_STEP_S)
            clock.forward_to(clock.now() + timedelta(seconds=CLOCK_STEP_S))
        victim = rng.choice((*CHILDREN_OF, *WHOLE))
        if victim in CHILDREN_OF and (children := fleet.children(victim)) and rng.random() < 2 / 3:
            kill_each([rng.choice(children)])
            struck[f"{victim}_children"] += 1
        else:
            fleet.kill(victim)
            fleet.restart(victim)
            struck[victim] += 1
    return struck


def _end(settings: Settings, clock: ClockFile, sink: MailSink) -> tuple[list[EnrollmentRow], list[TouchRow], int]:
    """Let time pass until everybody is through, and say by name what became of what nobody knows."""
    ambiguous = 0
    ways, sent = asyncio.run(_standing(settings))
    for _ in range(MOST_JUMPS):
        if all(way.state in {"finished", "stopped"} for way in ways):
            break
        clock.forward_to(clock.now() + LEASES)
        _let_work(settings, clock)
        ways, sent = asyncio.run(_standing(settings))
        unknown = [row for row in sent if row.state in IN_DOUBT]
        ambiguous += len(unknown)
        asyncio.run(_resolve(settings, unknown, set(_ids(sink)), clock))
    return ways, sent, ambiguous


def _let_work(settings: Settings, clock: ClockFile) -> None:
    """Wait until nobody is due or visited; not for long, since who lost a worker waits for the next jump."""
    give_up_at_s = time.monotonic() + JUMP_S
    while time.monotonic() < give_up_at_s:
        time.sleep(CLOCK_STEP_S)
        ways, _ = asyncio.run(_standing(settings))
        if not any(way.lease_until_at or (way.wake_at and way.wake_at <= clock.now()) for way in ways):
            return


def _ids(sink: MailSink) -> list[str]:
    return [str(parsed(raw)["Message-ID"]) for raw in sink.taken]


async def _standing(settings: Settings) -> tuple[list[EnrollmentRow], list[TouchRow]]:
    async with open_database(settings) as database, database.reading() as connection:
        return (
            await enrollments(connection, CAMPAIGN, limit=MOST_ROWS),
            await touches(connection, campaign_id=CAMPAIGN, limit=MOST_ROWS),
        )


async def _resolve(settings: Settings, unknown: list[TouchRow], taken: set[str], clock: ClockFile) -> None:
    async with open_database(settings) as database:
        for row in unknown:
            state: TouchState = "sent" if row.message_id in taken else "failed"
            await resolve(database, TouchId(row.touch_id), state, by="Ann", now=clock.now())


def _is_right(way: EnrollmentRow, sent: list[TouchRow], taken: set[str]) -> bool:
    """Tell whether a person got every message, or stopped at one of which somebody found that it never left."""
    own = [row for row in sent if row.contact_id == way.contact_id]
    if any((row.state == "sent") != (row.message_id in taken) for row in own):
        return False
    if any(row.state == "failed" and row.resolved_by for row in own):
        return way.state == "stopped"
    return way.state == "finished" and len(own) == STEPS
