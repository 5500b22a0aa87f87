"""Ask in ways that a well-behaved caller would not: fifty times at once, for poison, or past the facade."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from tests.acceptance.messages import messages_on, send_by_hand
from tests.chaos.arena import BOTH, Arena
from tests.chaos.asked import STEPS, Asked, Wish, asking, naps
from tests.chaos.probe import undisturbed
from tests.chaos.report import Report
from tests.support.waiting import eventually

CALLERS = 50
POISONED = 4
NAPS_S = (0.2, 0.1, 0.3)


def one_key(arena: Arena) -> Report:
    """Post one request fifty times at once under one Idempotency-Key: one run, one set of effects, fifty answers."""
    report, fleet = Report(), arena.fleet
    wish = Wish("steps", {"log": str(fleet.directory / f"key-{uuid4()}")})
    body, headers = {"assistant_id": wish.assistant_id, "input": dict(wish.values)}, {"idempotency-key": str(uuid4())}
    with ThreadPoolExecutor(CALLERS) as threads:
        posts = [threads.submit(fleet.http.post, "/runs/wait", json=body, headers=headers) for _ in range(CALLERS)]
        answers = [post.result() for post in posts]
    run_ids = {answer.headers.get("x-run-id", answer.text) for answer in answers}
    notes = [answer.json().get("notes") for answer in answers]
    report.count(posts=CALLERS, runs=len(run_ids), answered=notes.count(list(STEPS)))
    report.hold("one key is one run", holds=len(run_ids) == 1, found=run_ids)
    report.hold("every caller is answered", holds=notes == [list(STEPS)] * CALLERS, found=notes)
    taken = (fleet.directory / wish.values["log"]).read_text(encoding="utf-8").split()
    report.hold("one key is one set of effects", holds=taken == list(STEPS), found=taken)
    return report


def one_interrupt(arena: Arena) -> Report:
    """Answer one interrupt fifty times at once: one answer is taken, and the others are told so."""
    report, fleet = Report(), arena.fleet
    fleet.revive(*BOTH)
    log = fleet.directory / f"interrupt-{uuid4()}"
    runs = f"/threads/{fleet.http.post('/threads', json={}).json()['thread_id']}/runs/wait"
    asked = {"assistant_id": "ask_human", "input": {"topic": "chaos", "log": str(log)}}
    waiting = fleet.http.post(runs, json=asked).json()
    report.hold("the thread waits at its interrupt", holds="__interrupt__" in waiting, found=waiting)
    bodies = [{"assistant_id": "ask_human", "command": {"resume": number}} for number in range(CALLERS)]
    with ThreadPoolExecutor(CALLERS) as threads:
        answers = list(threads.map(lambda body: fleet.http.post(runs, json=body), bodies))
    statuses = [answer.status_code for answer in answers]
    report.count(resumes=CALLERS, won=statuses.count(200), refused=statuses.count(409))
    holds = statuses.count(200) == 1 and statuses.count(409) == CALLERS - 1
    report.hold("one answer wins, the others are 409", holds=holds, found=statuses)
    finished = log.read_text(encoding="utf-8").split().count("finish")
    report.hold("one answer is one set of effects", holds=finished == 1, found=finished)
    return report


def poison(arena: Arena) -> Report:
    """Ask for runs that kill their child each time: they are given up, and the others on their queue flow."""
    report, fleet = Report(), arena.fleet
    fleet.revive(*BOTH)
    poisoned = Asked(fleet)
    with undisturbed(fleet, report), asking(fleet, naps(fleet, arena.runs // 4, seconds=NAPS_S)) as asked:
        poisoned.ask([Wish("poison", {"lethal": True})] * POISONED)
    asked.settle(report)
    eventually(
        "the poison is given up",
        lambda: [record.get("status") for record in poisoned.records().values()],
        lambda statuses: statuses == ["error"] * POISONED,
        within_s=60,
    )
    dead = {run["run_id"] for run in fleet.get("/runs/dead").json()}
    report.count(poisoned=POISONED, on_dead_list=len(dead & poisoned.wishes.keys()))
    report.hold("what kills its workers is on the dead list", holds=poisoned.wishes.keys() <= dead, found=dead)
    return report


def foreign_messages(arena: Arena) -> Report:
    """Put messages on the queue that are not ours, amid runs that are: they are dropped, and the workers live."""
    report, fleet = Report(), arena.fleet
    fleet.revive(*BOTH)
    before = [fleet.services[worker].process.pid for worker in BOTH]
    refused_before = sum(fleet.log(worker).count("message_refused") for worker in BOTH)
    with asking(fleet, naps(fleet, arena.runs // 4, seconds=NAPS_S)) as asked:
        send_by_hand(fleet, "core", "run.sleepy", object(), serializer="pickle")
        send_by_hand(fleet, "core", "run.nobody_knows", str(uuid4()))
        send_by_hand(fleet, "core", "run.sleepy")
        send_by_hand(fleet, "core", "run.sleepy", "x" * 1_000_000)
        send_by_hand(fleet, "core", "run.sleepy", str(uuid4()), time_limit=9999)
        send_by_hand(fleet, "core", "run.sleepy", str(uuid4()))
    asked.settle(report)
    eventually("the queue is empty", lambda: messages_on(fleet, "core"), lambda messages: not messages)
    alive = [worker for worker, pid in zip(BOTH, before, strict=True) if fleet.services[worker].process.pid == pid]
    lives = [worker for worker in alive if fleet.services[worker].is_running]
    refused = sum(fleet.log(worker).count("message_refused") for worker in BOTH) - refused_before
    report.count(foreign=6, refused=refused, workers_alive=len(lives))
    report.hold(
        "every message that is not ours is refused before Celery believes it", holds=refused == 5, found=refused
    )
    report.hold("no worker dies of a foreign message", holds=len(lives) == len(BOTH), found=lives)
    return report
