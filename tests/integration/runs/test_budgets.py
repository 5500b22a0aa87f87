"""What a run may spend on models: what is looked at before a call, what is counted after it, and by whom."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pydantic import BaseModel
from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.errors import BrokerUnavailable, BudgetExceeded, ConfigurationError, ModelMisconfigured
from agentic_sales.llm.ask import Answer, ask
from agentic_sales.llm.prompts import Prompt
from agentic_sales.llm.providers import check_models, close_models
from agentic_sales.observability.metrics import COUNTS_KEY
from agentic_sales.runs.budgets import EVERY, Budgets, spent_key
from agentic_sales.runs.ledger import Ledger
from agentic_sales.runs.purse import Purse, current_purse
from agentic_sales.runs.submit import connect_redis
from agentic_sales.settings import Settings, settings
from tests.support.model_server import ModelServer, Script, answer, completion, model_server
from tests.support.recorded_runs import new_run, recorded

PROMPT = Prompt("echo", "draft", "Write to $name.")
KNOWN = {"echo", "ask_core"}
PRICES = "openai:gpt-test=10000/0"
CALL_USD = 1.0
"""What one call costs at these prices: the server counts 100 tokens read."""


class Draft(BaseModel):
    subject: str


GOOD = answer({"subject": "by model"})
UNMETERED = completion(message={"role": "assistant", "content": '{"subject": "by model"}'})
Serve = Callable[..., ModelServer]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    with ExitStack() as running:

        def start(script: Script, **variables: str) -> ModelServer:
            server = running.enter_context(model_server(script))
            for name, value in {**server.env, "AGENTIC_SALES_MODEL_PRICES": PRICES, **variables}.items():
                monkeypatch.setenv(name, value)
            settings.cache_clear()
            return server

        yield start


@pytest.fixture(autouse=True)
async def _fresh_accounts(redis: Redis) -> AsyncIterator[None]:
    await redis.delete(COUNTS_KEY, await _today(redis))
    yield
    await close_models()


async def _today(redis: Redis) -> str:
    seconds, _ = await redis.time()
    return spent_key(seconds)


async def draft_in(purse: Purse, **options: Any) -> Answer[Draft]:
    """Ask for a draft as the run of a purse."""
    token = current_purse.set(purse)
    try:
        return await ask(PROMPT, Draft, name="Ada", **options)
    finally:
        current_purse.reset(token)


async def purse_of_new_run(ledger: Ledger, budgets: Budgets, **fields: Any) -> tuple[Purse, RunId]:
    """Record a run; return its purse and its id."""
    run = new_run()
    for name, value in fields.items():
        object.__setattr__(run, name, value)
    run_id = await recorded(ledger, run)
    return Purse(ledger, run_id, run.assistant_id, budgets), run_id


async def spent(ledger: Ledger, run_id: RunId) -> float:
    """Return what the ledger says that a run has spent."""
    record = await ledger.load(run_id)
    assert record is not None
    return record.spent_usd


class TestARun:
    async def test_over_its_budget_makes_no_further_call(self, ledger: Ledger, serve: Serve) -> None:
        server = serve([GOOD] * 9)
        purse, run_id = await purse_of_new_run(ledger, Budgets(per_run={EVERY: 2 * CALL_USD}))
        for _ in range(2):
            assert (await draft_in(purse)).source == "llm"
        with pytest.raises(BudgetExceeded, match="`echo` has spent 2 USD on models so far; the budget is 2 USD"):
            await draft_in(purse)
        assert (len(server.requests), await spent(ledger, run_id)) == (2, 2 * CALL_USD)

    async def test_over_its_budget_is_not_helped_by_rules_unless_so_configured(
        self, ledger: Ledger, serve: Serve
    ) -> None:
        serve([GOOD] * 9)
        purse, _ = await purse_of_new_run(ledger, Budgets(per_run={"echo": CALL_USD}))
        await draft_in(purse)
        with pytest.raises(BudgetExceeded):
            await draft_in(purse, fallback=lambda: Draft(subject="by rules"))
        serve([], AGENTIC_SALES_BUDGET_EXCEEDED="rules", AGENTIC_SALES_MODEL_FALLBACK="fail")
        assert (await draft_in(purse, fallback=lambda: Draft(subject="by rules"))).source == "rules"
        assert purse.counts == {"agentic_llm_fallbacks\techo\tbudget_exceeded": 1}

    async def test_pays_for_its_sub_runs_too(self, ledger: Ledger, serve: Serve) -> None:
        serve([GOOD] * 9)
        _, above = await purse_of_new_run(ledger, Budgets(), assistant_id="ask_core")
        budgets = Budgets(per_run={"ask_core": 2 * CALL_USD})
        first, first_id = await purse_of_new_run(ledger, budgets, parent_run_id=above)
        second, _ = await purse_of_new_run(ledger, budgets, parent_run_id=above)
        await draft_in(first)
        await draft_in(second)
        assert (await spent(ledger, above), await spent(ledger, first_id)) == (2 * CALL_USD, CALL_USD)
        with pytest.raises(BudgetExceeded, match="a run of `ask_core`"):
            await draft_in(first)

    async def test_that_got_no_token_count_is_charged_by_its_bytes(self, ledger: Ledger, serve: Serve) -> None:
        server = serve([UNMETERED], AGENTIC_SALES_MODEL_PRICES="openai:gpt-test=1000000/0")
        purse, run_id = await purse_of_new_run(ledger, Budgets(per_run={EVERY: 1e9}))
        await draft_in(purse)
        sent = sum(len(text.encode()) for _, text in server.requests[0].messages)
        assert await spent(ledger, run_id) == sent

    async def test_with_a_budget_and_a_model_of_unknown_price_asks_nothing(self, ledger: Ledger, serve: Serve) -> None:
        server = serve([GOOD], AGENTIC_SALES_MODEL_PRICES="")
        purse, _ = await purse_of_new_run(ledger, Budgets(per_run={EVERY: 1.0}))
        with pytest.raises(ModelMisconfigured, match="AGENTIC_SALES_MODEL_PRICES"):
            await draft_in(purse)
        assert server.requests == []

    async def test_without_a_budget_counts_what_a_model_of_unknown_price_used(
        self, ledger: Ledger, redis: Redis, serve: Serve
    ) -> None:
        serve([GOOD], AGENTIC_SALES_MODEL_PRICES="")
        purse, run_id = await purse_of_new_run(ledger, Budgets())
        await draft_in(purse)
        assert await spent(ledger, run_id) == 0
        assert await redis.hget(COUNTS_KEY, "agentic_llm_tokens\techo\topenai:gpt-test\tinput") == b"100"

    async def test_with_a_budget_waits_for_no_redis_that_is_away(self, serve: Serve) -> None:
        server = serve([GOOD])
        async with connect_redis(Settings.model_validate({"REDIS_URL": "redis://127.0.0.1:1/0"})) as away:
            purse = Purse(Ledger(away, ttl_s=1), RunId("a"), "echo", Budgets(per_run={EVERY: 1.0}))
            with pytest.raises(BrokerUnavailable):
                await draft_in(purse)
        assert server.requests == []


class TestADay:
    async def test_ends_for_all_when_the_fleet_has_spent_its_budget(self, ledger: Ledger, serve: Serve) -> None:
        serve([GOOD] * 9)
        budgets = Budgets(per_day={EVERY: CALL_USD})
        await draft_in((await purse_of_new_run(ledger, budgets))[0])
        with pytest.raises(BudgetExceeded, match=r"the fleet has spent 1 USD on models today \(UTC\)"):
            await draft_in((await purse_of_new_run(ledger, budgets, assistant_id="ask_core"))[0])

    async def test_ends_for_one_assistant_alone_when_it_has_spent_its_own(self, ledger: Ledger, serve: Serve) -> None:
        serve([GOOD] * 9)
        budgets = Budgets(per_day={"echo": CALL_USD})
        await draft_in((await purse_of_new_run(ledger, budgets))[0])
        with pytest.raises(BudgetExceeded, match="`echo` has spent"):
            await draft_in((await purse_of_new_run(ledger, budgets))[0])
        assert (await draft_in((await purse_of_new_run(ledger, budgets, assistant_id="ask_core"))[0])).source == "llm"

    async def test_counts_a_call_once_for_the_fleet_and_once_for_each_assistant_that_asked(
        self, ledger: Ledger, redis: Redis, serve: Serve
    ) -> None:
        serve([GOOD])
        _, top = await purse_of_new_run(ledger, Budgets(), assistant_id="ask_core")
        _, above = await purse_of_new_run(ledger, Budgets(), parent_run_id=top)
        purse, _ = await purse_of_new_run(ledger, Budgets(), parent_run_id=above)
        await draft_in(purse)
        assert await redis.hgetall(await _today(redis)) == {b"*": b"1", b"echo": b"1", b"ask_core": b"1"}
        assert 0 < await redis.ttl(await _today(redis)) <= 3 * 86_400

    @pytest.mark.parametrize("in_flight", [1, 6])
    async def test_is_exceeded_by_no_more_than_the_calls_in_flight(
        self, ledger: Ledger, redis: Redis, serve: Serve, in_flight: int
    ) -> None:
        server = serve([GOOD] * 99)
        budgets = Budgets(per_day={EVERY: 5 * CALL_USD})

        async def keep_asking() -> None:
            for _ in range(8):
                await draft_in((await purse_of_new_run(ledger, budgets))[0])

        refused = await asyncio.gather(*(keep_asking() for _ in range(in_flight)), return_exceptions=True)
        assert {type(error) for error in refused} == {BudgetExceeded}
        spent_today = float(await redis.hget(await _today(redis), "*") or 0)
        assert spent_today == len(server.requests) * CALL_USD
        assert 5 * CALL_USD <= spent_today <= (5 + in_flight - 1) * CALL_USD


class TestTheConfiguration:
    def test_names_limits_for_all_and_for_each(self) -> None:
        environment = {
            "AGENTIC_SALES_BUDGET_USD_PER_RUN": "0.5",
            "AGENTIC_SALES_BUDGET_USD_PER_DAY": "20",
            "AGENTIC_SALES_BUDGETS": "echo=0.05/run, echo=2/day,ask_core=1/day",
        }
        budgets = Budgets.of(Settings.model_validate(environment), KNOWN)
        assert budgets == Budgets({EVERY: 0.5, "echo": 0.05}, {EVERY: 20.0, "echo": 2.0, "ask_core": 1.0})
        assert (budgets.of_run("echo"), budgets.of_run("ask_core")) == (0.05, 0.5)

    @pytest.mark.parametrize(
        ("entry", "told"),
        [
            ("echo=0.05", "`echo=0.05`"),
            ("echo=0.05/week", "week"),
            ("echo=much/day", "much"),
            ("echo=-1/day", "-1"),
            ("echo=nan/day", "nan"),
            ("=1/day", "=1/day"),
            ("nobody=1/day", "`nobody`, which no registry has"),
        ],
    )
    def test_that_is_none_is_told(self, entry: str, told: str) -> None:
        with pytest.raises(ConfigurationError, match=told):
            Budgets.of(Settings.model_validate({"AGENTIC_SALES_BUDGETS": entry}), KNOWN)

    def test_of_budgets_without_a_price_stops_the_start(self, serve: Serve) -> None:
        serve([], AGENTIC_SALES_BUDGET_USD_PER_DAY="1", AGENTIC_SALES_MODEL_PRICES="")
        with pytest.raises(ConfigurationError, match="AGENTIC_SALES_MODEL_PRICES=openai:gpt-test=INPUT/OUTPUT"):
            check_models(settings())
