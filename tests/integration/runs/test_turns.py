"""Runs of one thread take turns: one at a time, first come, first served, and of two answers to an interrupt one."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.errors import NothingToResume, ThreadBusy, ThreadOfAnother
from agentic_sales.runs.holds import Hold, Holds
from agentic_sales.runs.ledger import CANCELLED, Claim, Idempotency, Ledger, Outcome, pending_key, run_key
from agentic_sales.runs.sweeper import sweep
from agentic_sales.runs.threads import ThreadLedger, runs_key
from agentic_sales.runs.turns import Turn
from agentic_sales.store.threads import ThreadState
from tests.integration.conftest import LEDGER_TTL_S
from tests.support.recorded_runs import (
    BRIEF_S,
    FAILURE,
    QUEUE_CAP,
    TIMEOUT,
    claimed,
    failed,
    new_queue,
    new_run,
    sign_of_life,
    success,
)

ASK = "0123456789abcdef0123456789abcdef"
ASK_TOO = "fedcba9876543210fedcba9876543210"


def pause(*interrupts: str) -> bytes:
    """Say that a thread waits at interrupts; without any, at a breakpoint."""
    waiting = {"task": [{"id": interrupt, "value": "ok?"} for interrupt in interrupts]} if interrupts else {}
    return json.dumps({"next": ["ask"], "interrupts": waiting}).encode()


class Line:
    """One thread, and the runs that were published for it."""

    def __init__(self, ledger: Ledger, published: list[str]) -> None:
        self.thread_id = f"thread-{secrets.token_hex(4)}"
        self.ledger = ledger
        self.threads = ThreadLedger(ledger)
        self.published = published

    def turn(self, **options: object) -> Turn:
        return Turn(self.thread_id, **{"keeps_state": True, **options})  # type: ignore[arg-type]  # as named in the tests

    async def join(
        self, *, assistant_id: str = "echo", after_s: float = 0, queue: str = "core", **options: object
    ) -> RunId:
        """Record a run on the thread."""
        run = new_run(queue=queue, input={"x": 1}, after_seconds=after_s)
        run = replace(run, assistant_id=assistant_id, thread_id=self.thread_id)
        await sign_of_life(self.ledger.redis, run.queue, lasts_s=60)
        recorded, to_publish = await self.ledger.record_in_line(run, self.turn(**options), queue_cap=QUEUE_CAP)
        if to_publish is not None:
            self.published.append(to_publish.run_id)
        return recorded

    async def end(self, run_id: RunId, outcome: Outcome | None = None) -> None:
        """Let a worker take a run to its end."""
        assert await self.ledger.finish(await claimed(self.ledger, run_id), outcome or success(run_id))

    async def waits(self, *interrupts: str) -> None:
        """Let a run end at interrupts."""
        run_id = await self.join()
        await self.end(run_id, Outcome(run_id, "success", b"{}", None, pause(*interrupts)))

    async def status(self, run_id: RunId) -> str | None:
        record = await self.ledger.load(run_id)
        return None if record is None else record.status

    async def rest(self) -> str:
        [end] = await self.threads.ends([self.thread_id])
        return end.status


@pytest.fixture
def line(redis: Redis) -> Line:
    """A thread that no other test knows."""
    published: list[str] = []

    async def publish(run_id: RunId, *_: str) -> None:
        published.append(run_id)

    return Line(Ledger(redis, ttl_s=LEDGER_TTL_S, publish_next=publish), published)


@pytest.fixture
def blocking(redis_url: str) -> Iterator[BlockingRedis]:
    """The tests' Redis as a worker's parent process has it."""
    with BlockingRedis.from_url(redis_url) as client:
        yield client


class TestLine:
    async def test_runs_are_published_one_at_a_time_in_the_order_in_which_they_came(self, line: Line) -> None:
        runs = [await line.join() for _ in range(4)]
        assert line.published == runs[:1]
        for position, run_id in enumerate(runs):
            assert await line.threads.holder(line.thread_id) == run_id
            await line.end(run_id)
            assert line.published == runs[: position + 2]
        assert await line.threads.holder(line.thread_id) is None
        assert line.thread_id not in await line.threads.busy()

    async def test_a_run_that_waits_its_turn_is_pending_on_no_queue_and_no_worker_can_take_it(self, line: Line) -> None:
        await line.join()
        second = await line.join()
        assert await line.status(second) == "pending"
        assert await line.ledger.redis.zscore(pending_key("core"), second) is None
        assert await line.ledger.claim(second, worker="host/1", max_attempts=3) == "held"

    async def test_the_thread_is_held_over_the_death_of_the_worker_and_passed_on_by_its_heir(self, line: Line) -> None:
        first, second = await line.join(), await line.join()
        await claimed(line.ledger, first, lease_s=BRIEF_S)
        assert await line.threads.holder(line.thread_id) == first
        await line.end(first)
        assert line.published == [first, second]

    async def test_a_run_that_is_given_up_passes_the_thread_on(self, line: Line) -> None:
        first, second = await line.join(), await line.join()
        await claimed(line.ledger, first, max_attempts=1, lease_s=BRIEF_S)
        last = await claimed(line.ledger, first, max_attempts=1)
        assert last.is_exhausted
        await line.ledger.finish(last, failed(first))
        assert line.published[-1] == second
        assert await line.rest() == "error"

    async def test_a_run_whose_child_is_killed_passes_the_thread_on_without_a_broker(
        self, line: Line, blocking: BlockingRedis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str] = []
        monkeypatch.setattr("agentic_sales.runs.holds.send_run", lambda _app, run_id, *_: sent.append(run_id))
        first, second = await line.join(), await line.join()
        await claimed(line.ledger, first, worker="host/7")
        assert Holds(blocking, ttl_s=LEDGER_TTL_S).fail(Hold(first, "host/7"), TIMEOUT)
        assert sent == [second]

    @pytest.mark.parametrize("is_begun", [False, True])
    async def test_cancelling_the_holder_passes_the_thread_on(self, line: Line, *, is_begun: bool) -> None:
        first, second = await line.join(), await line.join()
        claim = await claimed(line.ledger, first) if is_begun else None
        assert await line.ledger.cancel(first) == ("asked" if is_begun else "cancelled")
        if claim is not None:
            assert await line.ledger.finish(claim, success(first))
        assert (await line.status(first), line.published) == ("interrupted", [first, second])

    async def test_a_run_that_is_cancelled_while_it_waits_leaves_the_line(self, line: Line) -> None:
        first, second, third = [await line.join() for _ in range(3)]
        assert await line.ledger.cancel(second) == "cancelled"
        await line.end(first)
        assert line.published == [first, third]
        assert await line.status(second) == "interrupted"

    async def test_a_run_that_could_not_be_published_passes_the_thread_on(self, line: Line) -> None:
        run = new_run()
        await sign_of_life(line.ledger.redis, run.queue, lasts_s=60)
        await line.ledger.record_in_line(run, line.turn(), queue_cap=QUEUE_CAP)
        second = await line.join()
        await line.ledger.forget(run)
        assert line.published == [second]
        assert await line.status(run.run_id) is None

    async def test_the_line_goes_on_when_the_record_of_the_holder_is_lost(
        self, line: Line, blocking: BlockingRedis
    ) -> None:
        blocking.flushdb()  # a sweep finds what other tests have left, too
        first, second = await line.join(), await line.join()
        await line.ledger.redis.delete(f"agentic:run:{first}")
        again: list[str] = []
        sweep(blocking, [], object(), lambda run_id, *_: again.append(run_id))
        assert again == [second]

    async def test_a_line_has_a_longest_length(self, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("agentic_sales.runs.turns.LONGEST_LINE", 2)
        for _ in range(3):
            await line.join()
        with pytest.raises(ThreadBusy, match="2 runs wait"):
            await line.join()

    async def test_of_many_who_come_at_once_one_is_published_and_all_get_their_turn(self, line: Line) -> None:
        runs = await asyncio.gather(*(line.join() for _ in range(30)))
        assert len(line.published) == 1
        for position in range(30):
            await line.end(RunId(line.published[position]))
        assert sorted(line.published) == sorted(runs)

    async def test_a_run_that_is_held_back_does_not_hold_the_thread_until_it_is_due(self, line: Line) -> None:
        queue = new_queue()
        later = await line.join(after_s=0.05, queue=queue)
        first = await line.join()
        assert (line.published, await line.threads.holder(line.thread_id)) == ([first], first)
        await asyncio.sleep(0.06)
        assert await line.ledger.admit(queue) == []
        assert await line.ledger.claim(later, worker="host/1", max_attempts=3) == "held"
        second = await line.join()
        await line.end(first)
        [admitted] = await line.ledger.admit(queue)
        assert (admitted.run_id, await line.threads.holder(line.thread_id)) == (later, later)
        await line.end(later)
        assert line.published == [first, second]

    async def test_a_run_that_is_due_and_finds_the_thread_free_holds_it(self, line: Line) -> None:
        queue = new_queue()
        later = await line.join(after_s=0.01, queue=queue)
        await asyncio.sleep(0.02)
        [admitted] = await line.ledger.admit(queue)
        assert (admitted.run_id, await line.threads.holder(line.thread_id)) == (later, later)

    async def test_a_revived_run_waits_for_its_turn_again(self, line: Line) -> None:
        first = await line.join()
        await claimed(line.ledger, first, max_attempts=1, lease_s=BRIEF_S)
        await line.ledger.finish(await claimed(line.ledger, first, max_attempts=1), failed(first))
        second = await line.join()
        assert await line.ledger.revive(first)
        assert await line.ledger.claim(first, worker="host/1", max_attempts=3) == "held"
        await line.end(second)
        assert line.published[-1] == first
        await line.end(first)


class TestStrategies:
    async def test_a_run_that_rejects_company_is_refused_and_leaves_no_trace(self, line: Line) -> None:
        first = await line.join()
        with pytest.raises(ThreadBusy, match=f"run `{first}` is at work"):
            await line.join(strategy="reject")
        assert await line.threads.live_runs(line.thread_id) == [first]

    async def test_a_run_joined_by_its_key_is_not_refused_because_it_is_at_work_itself(self, line: Line) -> None:
        run, once = new_run(), Idempotency(secrets.token_hex(4), "digest")
        await sign_of_life(line.ledger.redis, run.queue, lasts_s=60)
        for _ in range(2):
            joined, _ = await line.ledger.record_in_line(
                run, line.turn(strategy="reject"), queue_cap=QUEUE_CAP, idempotency=once
            )
            assert joined == run.run_id

    @pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
    async def test_a_run_that_interrupts_ends_every_other_and_is_next(self, line: Line, strategy: str) -> None:
        first, second = await line.join(), await line.join()
        claim = await claimed(line.ledger, first)
        third = await line.join(strategy=strategy)
        assert (await line.status(first), await line.status(second)) == ("running", "interrupted")
        assert await line.ledger.cancelled([first])
        await line.ledger.finish(claim, success(first))
        assert await line.status(first) == "interrupted"
        assert line.published == [first, third]

    async def test_a_run_that_interrupts_one_that_nobody_began_takes_its_place_at_once(self, line: Line) -> None:
        first = await line.join()
        second = await line.join(strategy="interrupt")
        assert (await line.status(first), line.published) == ("interrupted", [first, second])

    async def test_a_question_is_neither_interrupted_nor_listed(self, line: Line) -> None:
        question = await line.join(is_question=True)
        claim = await claimed(line.ledger, question)
        second = await line.join(strategy="interrupt")
        assert not await line.ledger.cancelled([question])
        assert await line.threads.live_runs(line.thread_id) == [second]
        assert [run.run_id for run in await line.threads.runs(line.thread_id, limit=9, offset=0, status=None)] == [
            second
        ]
        await line.ledger.finish(claim, success(question))
        assert line.published == [question, second]

    async def test_what_undoes_a_run_goes_first_and_takes_its_record_along(self, line: Line) -> None:
        first, second = await line.join(), await line.join()
        undoing = await line.join(is_question=True, undoes=(first,))
        await line.ledger.cancel(first)
        assert line.published[-1] == undoing
        await line.end(undoing)
        assert await line.status(first) is None
        assert line.published == [first, undoing, second]

    async def test_another_resumable_assistant_is_refused_and_one_without_state_is_not(self, line: Line) -> None:
        await line.join(assistant_id="echo")
        with pytest.raises(ThreadOfAnother, match="holds the state of `echo`"):
            await line.join(assistant_id="other")
        await line.join(assistant_id="other", keeps_state=False)


class TestResuming:
    async def test_of_many_answers_to_one_interrupt_exactly_one_is_taken(self, line: Line) -> None:
        await line.waits(ASK)
        answers = await asyncio.gather(*(line.join(resumes=()) for _ in range(50)), return_exceptions=True)
        taken = [answer for answer in answers if not isinstance(answer, BaseException)]
        refused = [answer for answer in answers if isinstance(answer, NothingToResume)]
        assert (len(taken), len(refused)) == (1, 49)
        assert f"run `{taken[0]}`" in str(refused[0])

    async def test_a_late_answer_is_refused_when_the_thread_has_gone_on(self, line: Line) -> None:
        await line.waits(ASK)
        await line.end(await line.join(resumes=(ASK,)))
        with pytest.raises(NothingToResume, match="at any interrupt"):
            await line.join(resumes=())

    async def test_an_answer_must_name_an_interrupt_at_which_the_thread_waits(self, line: Line) -> None:
        await line.waits(ASK)
        with pytest.raises(NothingToResume, match=ASK_TOO):
            await line.join(resumes=(ASK, ASK_TOO))
        await line.join(resumes=(ASK,))

    async def test_a_breakpoint_is_nothing_to_answer(self, line: Line) -> None:
        await line.waits()
        assert await line.rest() == "interrupted"
        with pytest.raises(NothingToResume, match="at any interrupt"):
            await line.join(resumes=())

    @pytest.mark.parametrize("how", ["cancelled", "forgotten", "given up", "cancelled at work"])
    async def test_an_interrupt_can_be_answered_again_when_the_answer_took_no_effect(
        self, line: Line, how: str
    ) -> None:
        await line.waits(ASK)
        answer = await line.join(resumes=(ASK,))
        match how:
            case "cancelled":
                await line.ledger.cancel(answer)
            case "cancelled at work":
                claim = await claimed(line.ledger, answer)
                await line.ledger.cancel(answer)
                await line.ledger.finish(claim, Outcome(answer, "interrupted", None, CANCELLED))
            case "forgotten":
                await line.ledger.forget(replace(new_run(), run_id=answer))
            case _:
                await claimed(line.ledger, answer, max_attempts=1, lease_s=BRIEF_S)
                await line.ledger.finish(await claimed(line.ledger, answer, max_attempts=1), failed(answer))
        assert await line.rest() == ("error" if how == "given up" else "interrupted")
        await line.join(resumes=(ASK,))

    async def test_a_ledger_that_forgot_the_thread_believes_the_database(self, line: Line) -> None:
        known = ThreadState("echo", json.loads(pause(ASK)))
        with pytest.raises(ThreadOfAnother):
            await line.join(assistant_id="other", known=known)
        await line.join(resumes=(ASK,), known=known)
        with pytest.raises(NothingToResume):
            await line.join(resumes=(ASK,), known=known)


class TestRest:
    async def test_the_database_is_told_how_a_thread_rests_until_it_knows(self, line: Line) -> None:
        run_id = await line.join()
        await line.end(run_id, success(run_id, b'{"y":1,"__interrupt__":[]}'))
        [changed] = [each for each in await line.threads.changed(limit=1000) if each.thread_id == line.thread_id]
        [end] = await line.threads.ends([line.thread_id])
        assert (end.status, end.values, end.error, end.assistant_id) == ("idle", {"y": 1}, None, "echo")
        failing = await line.join()
        await line.end(failing, failed(failing))
        await line.threads.settle([changed])
        [again] = [each for each in await line.threads.changed(limit=1000) if each.thread_id == line.thread_id]
        [end] = await line.threads.ends([line.thread_id])
        assert (end.status, end.values) == ("error", {"y": 1})
        assert end.error == {"error": FAILURE.error, "message": FAILURE.message}
        await line.threads.settle([again])
        assert line.thread_id not in [each.thread_id for each in await line.threads.changed(limit=1000)]

    async def test_a_run_without_state_leaves_a_waiting_thread_waiting(self, line: Line) -> None:
        await line.waits(ASK)
        await line.end(await line.join(assistant_id="other", keeps_state=False))
        assert await line.rest() == "interrupted"
        await line.join(resumes=(ASK,))

    async def test_a_question_that_fails_leaves_the_thread_as_it_was(self, line: Line) -> None:
        await line.waits(ASK)
        question = await line.join(is_question=True, strategy="reject")
        await line.end(question, failed(question))
        assert await line.rest() == "interrupted"

    async def test_runs_are_listed_latest_first_by_status_and_page(self, line: Line) -> None:
        runs = [await line.join() for _ in range(3)]
        await line.end(runs[0])

        async def listed(**options: object) -> list[RunId]:
            asked = {"limit": 10, "offset": 0, "status": None, **options}
            return [run.run_id for run in await line.threads.runs(line.thread_id, **asked)]  # type: ignore[arg-type]  # above

        assert await listed() == runs[::-1]
        assert await listed(status="pending") == [runs[2], runs[1]]
        assert await listed(limit=1, offset=1) == [runs[1]]

    async def test_the_list_of_a_thread_names_every_run_that_the_ledger_has_and_no_other(self, line: Line) -> None:
        expired = await line.join()
        await line.end(expired)
        async with line.ledger.redis.pipeline() as pipe:
            for number in range(1000):
                pipe.zadd(runs_key(line.thread_id), {f"older-{number}": number})
                pipe.hset(run_key(f"older-{number}"), mapping={"status": "success", "assistant_id": "echo"})
            pipe.zadd(runs_key(line.thread_id), {expired: -1})
            pipe.delete(run_key(expired))
            await pipe.execute()
        latest = await line.join(after_s=5 * LEDGER_TTL_S)
        assert await line.ledger.redis.zcard(runs_key(line.thread_id)) == 1001
        listed = await line.threads.runs(line.thread_id, limit=2000, offset=0, status=None)
        assert [len(listed), listed[0].run_id, listed[-1].run_id] == [1001, latest, "older-0"]
        lasts_s = await line.ledger.redis.ttl(run_key(latest))
        assert await line.ledger.redis.ttl(runs_key(line.thread_id)) >= lasts_s + LEDGER_TTL_S - 1
        await line.join()
        assert await line.ledger.redis.ttl(runs_key(line.thread_id)) >= lasts_s, "a later run cuts nothing short"
        await line.ledger.redis.delete(
            runs_key(line.thread_id), *(run_key(f"older-{number}") for number in range(1000))
        )

    async def test_only_a_run_that_has_ended_can_be_removed(self, line: Line) -> None:
        run_id = await line.join()
        assert await line.ledger.remove(run_id) == "live"
        await line.end(run_id)
        assert await line.ledger.remove(run_id) == "gone"
        assert await line.ledger.remove(run_id) == "unknown"
        assert await line.threads.runs(line.thread_id, limit=9, offset=0, status=None) == []

    async def test_a_thread_that_somebody_holds_is_not_forgotten(self, line: Line) -> None:
        run_id = await line.join()
        assert not await line.threads.forget(line.thread_id)
        await line.end(run_id)
        assert line.thread_id not in await line.threads.busy()
        await line.ledger.remove(run_id)
        assert await line.threads.forget(line.thread_id)
        assert [key async for key in line.ledger.redis.scan_iter(f"*{line.thread_id}*")] == []
        assert line.thread_id not in {changed.thread_id for changed in await line.threads.changed(limit=10_000)}


async def test_a_claim_knows_its_thread(line: Line) -> None:
    claim = await line.ledger.claim(await line.join(), worker="host/1", max_attempts=3)
    assert isinstance(claim, Claim)
    assert claim.thread_id == line.thread_id
