import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Annotated, Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from structlog.testing import capture_logs

from agentic_sales.errors import (
    ConfigurationError,
    ModelMisconfigured,
    ModelNotConfigured,
    ModelRefused,
    PromptMismatch,
    ProviderUnavailable,
    RateLimited,
)
from agentic_sales.llm import providers
from agentic_sales.llm.ask import Answer, ModelOutput, Source, ask, parse_answer, weakest
from agentic_sales.llm.prompts import Prompt
from agentic_sales.llm.providers import check_models, close_models
from agentic_sales.outbound.retry_after import parse_retry_after
from agentic_sales.settings import settings
from tests.support.model_server import (
    MODEL,
    ModelRequest,
    ModelServer,
    Reply,
    Script,
    answer,
    completion,
    dropped,
    failure,
    model_server,
    slow,
)

PROMPT = Prompt("email_compose", "draft", "Write to $name.")
SECRET = "Dear Ada, your salary"


class Draft(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subject: str = Field(description="Subject of the mail.", max_length=40)


RULES = Draft(subject="by rules")
GOOD = answer({"subject": "by model"})
MALFORMED = answer('{"subject": "' + SECRET)
ANOTHER_SHAPE = answer({"title": SECRET})


def by_rules() -> Draft:
    return RULES


async def ask_for_draft(fallback: Callable[[], Draft] | None = None, **options: Any) -> Answer[Draft]:
    return await ask(PROMPT, Draft, fallback=fallback, name="Ada", **options)


Configure = Callable[..., None]
Serve = Callable[[Script], ModelServer]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Configure:
    def set_variables(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()

    return set_variables


@pytest.fixture
def serve(configure: Configure) -> Iterator[Serve]:
    with ExitStack() as running:

        def start(script: Script) -> ModelServer:
            server = running.enter_context(model_server(script))
            configure(AGENTIC_SALES_MODEL_MAX_TRIES="3", **server.env)
            return server

        yield start


@pytest.fixture(autouse=True)
async def _short_pauses_and_closed_connections(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(providers, "BACKOFF_BASE_S", 0.001)
    yield
    await close_models()


class _OutOfTime(Exception):
    """What a task's time limit raises, wherever the program is."""


class _StopsEveryCall(AsyncCallbackHandler):
    raise_error = True

    async def on_chat_model_start(self, *_args: Any, **_kwargs: Any) -> None:
        raise _OutOfTime


class TestAnAnswer:
    async def test_that_fits_is_returned_as_the_models(self, serve: Serve) -> None:
        serve([GOOD])
        answered = await ask_for_draft(by_rules)
        assert answered.value == Draft(subject="by model")
        assert answered.source == "llm"

    async def test_is_asked_for_with_its_schema_in_json_mode(self, serve: Serve) -> None:
        server = serve([GOOD])
        await ask_for_draft(temperature=0.7)
        (request,) = server.requests
        assert request.schema == Draft.model_json_schema()
        assert request.messages[1:] == [("user", "Write to Ada.")]
        assert request.body["response_format"] == {"type": "json_object"}
        assert request.body["temperature"] == 0.7
        assert request.body["model"] == "gpt-test"

    async def test_of_deepseek_takes_the_same_way(self, serve: Serve, configure: Configure) -> None:
        server = serve([GOOD])
        configure(AGENTIC_SALES_MODEL="deepseek:deepseek-chat", DEEPSEEK_API_BASE=server.url, DEEPSEEK_API_KEY="test")
        assert (await ask_for_draft()).value.subject == "by model"
        assert server.requests[0].body["response_format"] == {"type": "json_object"}

    async def test_that_is_malformed_is_repaired_once(self, serve: Serve) -> None:
        server = serve([MALFORMED, GOOD])
        assert (await ask_for_draft()).value.subject == "by model"
        *_, (role, shown), (_, repair) = server.requests[1].messages
        assert (role, shown) == ("assistant", '{"subject": "' + SECRET)
        assert "Unterminated string" in repair

    async def test_of_another_shape_is_repaired_by_what_is_wrong(self, serve: Serve) -> None:
        server = serve([ANOTHER_SHAPE, GOOD])
        assert (await ask_for_draft()).source == "llm"
        assert "subject: Field required; title: Extra inputs" in server.requests[1].messages[-1][1]

    @pytest.mark.parametrize("bad", [MALFORMED, ANOTHER_SHAPE])
    async def test_that_is_wrong_twice_is_refused_without_quoting_it(self, serve: Serve, bad: Reply) -> None:
        server = serve([bad, bad])
        with pytest.raises(ModelRefused, match=r"`openai:gpt-test`.*`email_compose\.draft`") as refused:
            await ask_for_draft()
        assert len(server.requests) == 2
        assert SECRET not in str(refused.value)
        assert refused.value.__cause__ is None

    async def test_that_declines_is_asked_again_and_then_refused(self, serve: Serve) -> None:
        declined = completion(message={"role": "assistant", "content": None, "refusal": "I cannot help with that."})
        server = serve([declined, declined])
        with pytest.raises(ModelRefused, match="no JSON object"):
            await ask_for_draft()
        assert server.requests[1].messages[2] == ("assistant", "(nothing)")  # Providers refuse an empty message.

    @pytest.mark.parametrize("reason", ["length", "content_filter"])
    async def test_that_was_cut_off_is_refused(self, serve: Serve, reason: str) -> None:
        serve([completion(message={"role": "assistant", "content": "{"}, finish_reason=reason)])
        with pytest.raises(ModelRefused):
            await ask_for_draft()


class TestParsing:
    @pytest.mark.parametrize(
        "text",
        [
            '{"subject": "Hi"}',
            ' \n{"subject": "Hi"}\n',
            '```json\n{"subject": "Hi"}\n```',
            'Here it is: {"subject": "Hi"} I hope {that} helps.',
        ],
    )
    def test_forgives_what_is_around_the_object(self, text: str) -> None:
        assert parse_answer(text, Draft).subject == "Hi"

    def test_forgives_a_line_break_inside_a_text(self) -> None:
        assert parse_answer('{"subject": "Hi\nthere"}', Draft).subject == "Hi\nthere"

    def test_takes_out_what_nobody_can_read_send_or_store(self) -> None:
        answer = r'{"subject": "Hi \ud83d\u0000there \ud83d\ude00\u001b"}'
        assert parse_answer(answer, Draft).subject == "Hi there \N{GRINNING FACE}"

    @pytest.mark.parametrize(
        "text", ["", "no", '["Hi"]', '{"subject": "Hi"', '{"mail": {"subject": "Hi"}, }', '{"subject": 1}']
    )
    def test_takes_no_part_of_a_broken_answer_for_the_whole(self, text: str) -> None:
        with pytest.raises(ValueError, match=r".+"):
            parse_answer(text, Draft)

    async def test_survives_an_answer_that_is_nested_without_end(self, serve: Serve) -> None:
        serve([answer('{"subject":' * 100_000), GOOD])
        assert (await ask_for_draft()).value.subject == "by model"


class TestRetries:
    @pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
    async def test_a_busy_provider_is_asked_again(self, serve: Serve, status: int) -> None:
        server = serve([failure(status), failure(status), GOOD])
        assert (await ask_for_draft()).source == "llm"
        assert len(server.requests) == 3

    async def test_a_lost_connection_is_tried_again(self, serve: Serve) -> None:
        server = serve([dropped(), GOOD])
        assert (await ask_for_draft()).source == "llm"
        assert len(server.requests) == 2

    async def test_the_pause_that_a_provider_asks_for_is_kept(self, serve: Serve) -> None:
        server = serve([failure(429, retry_after="0.2"), GOOD])
        await ask_for_draft()
        first, second = (request.received_at_s for request in server.requests)
        assert second - first >= 0.2

    async def test_a_pause_that_is_too_long_is_not_waited_for(self, serve: Serve) -> None:
        server = serve([failure(429, retry_after="31")])
        with pytest.raises(RateLimited) as limited:
            await ask_for_draft()
        assert limited.value.retry_after_s == 31
        assert len(server.requests) == 1

    async def test_an_outage_tells_how_long_it_asks_to_wait(self, serve: Serve) -> None:
        serve([failure(503, retry_after="3600")])
        with pytest.raises(ProviderUnavailable, match="scripted failure") as unavailable:
            await ask_for_draft()
        assert unavailable.value.retry_after_s == 3600

    async def test_the_tries_are_counted_by_this_layer_alone(self, serve: Serve, configure: Configure) -> None:
        server = serve(lambda _request: failure(429, retry_after="0"))
        configure(AGENTIC_SALES_MODEL_MAX_TRIES="4")
        with pytest.raises(RateLimited):
            await ask_for_draft()
        assert len(server.requests) == 4

    async def test_a_slow_answer_is_given_up_on_and_tried_again(self, serve: Serve, configure: Configure) -> None:
        serve([slow(GOOD, 30), GOOD, GOOD])
        configure(AGENTIC_SALES_MODEL_TIMEOUT_S="0.3")
        answered = await ask_for_draft()
        assert answered.source == "llm"
        assert answered.graph_meta["telemetry"]["draft"]["calls"] >= 2

    async def test_a_provider_that_stays_slow_is_unavailable(self, serve: Serve, configure: Configure) -> None:
        serve(lambda _request: slow(GOOD, 30))
        configure(AGENTIC_SALES_MODEL_TIMEOUT_S="0.05", AGENTIC_SALES_MODEL_MAX_TRIES="2")
        with pytest.raises(ProviderUnavailable, match=r"no answer within 0\.05 s"):
            await ask_for_draft()

    async def test_a_provider_that_nobody_runs_is_unavailable(self, serve: Serve) -> None:
        serve([]).close()
        with pytest.raises(ProviderUnavailable, match=MODEL):
            await ask_for_draft()

    async def test_the_end_of_the_run_ends_the_asking(self, serve: Serve) -> None:
        server = serve([slow(GOOD, 30), GOOD])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await ask_for_draft(by_rules)
        assert len(server.requests) == 1

    async def test_a_wrong_key_is_told_and_not_tried_again(self, serve: Serve, configure: Configure) -> None:
        server = serve([GOOD])
        configure(OPENAI_API_KEY="wrong")
        with pytest.raises(ModelMisconfigured, match="Incorrect API key"):
            await ask_for_draft()
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (400, ModelRefused),
            (413, ModelRefused),
            (422, ModelRefused),
            (403, ModelMisconfigured),
            (404, ModelMisconfigured),
        ],
    )
    async def test_a_refusal_is_not_tried_again(self, serve: Serve, status: int, error: type[Exception]) -> None:
        server = serve([failure(status), GOOD])
        with pytest.raises(error, match="scripted failure"):
            await ask_for_draft()
        assert len(server.requests) == 1

    async def test_a_server_that_is_not_a_model_is_a_mistake_in_the_setup(self, serve: Serve) -> None:
        serve([Reply(200, b"<html>Welcome</html>", {"Content-Type": "text/html"})])
        with pytest.raises(ModelMisconfigured, match=MODEL):
            await ask_for_draft()

    async def test_a_provider_that_fails_at_length_is_told_in_short(self, serve: Serve) -> None:
        serve(lambda _request: failure(502, message="x" * 10_000))
        with pytest.raises(ProviderUnavailable) as unavailable:
            await ask_for_draft()
        assert len(str(unavailable.value)) < 500

    async def test_what_is_no_failure_of_a_model_goes_on_as_it_is(self, serve: Serve) -> None:
        server = serve([GOOD])
        asking = RunnableLambda(lambda _nothing: None, afunc=lambda _nothing: ask_for_draft(by_rules))
        with pytest.raises(_OutOfTime):
            await asking.ainvoke(None, {"callbacks": [_StopsEveryCall()]})
        assert server.requests == []

    @pytest.mark.parametrize(
        ("header", "pause_s"),
        [("0", 0), ("1.5", 1.5), ("-3", 0), ("", None), ("soon", None), ("nan", None), ("inf", None)],
    )
    def test_a_retry_after_is_read_as_seconds(self, header: str, pause_s: float | None) -> None:
        assert parse_retry_after(header) == pause_s

    @pytest.mark.parametrize(("ahead_s", "pause_s"), [(60, 60), (-60, 0)])
    def test_a_retry_after_is_read_as_a_date(self, ahead_s: float, pause_s: float) -> None:
        header = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead_s), usegmt=True)
        assert parse_retry_after(header) == pytest.approx(pause_s, abs=2)


class TestFallback:
    async def test_the_rules_answer_without_a_model_and_invent_no_numbers(self) -> None:
        answered = await ask_for_draft(by_rules)
        assert (answered.value, answered.source) == (RULES, "rules")
        assert answered.graph_meta["model"] is None
        assert answered.graph_meta["telemetry"] == {}
        assert set(answered.graph_meta["totals"].values()) == {0}

    async def test_without_a_model_and_without_rules_the_variable_is_named(self) -> None:
        with pytest.raises(ModelNotConfigured, match="AGENTIC_SALES_MODEL"):
            await ask_for_draft()

    async def test_a_model_that_is_set_but_empty_is_none(self, configure: Configure) -> None:
        configure(AGENTIC_SALES_MODEL="")
        assert (await ask_for_draft(by_rules)).source == "rules"

    async def test_wrong_values_are_told_even_where_the_rules_would_answer(self) -> None:
        with pytest.raises(PromptMismatch, match="surplus `tone`"):
            await ask(PROMPT, Draft, fallback=by_rules, name="Ada", tone="warm")

    @pytest.mark.parametrize(
        ("reply", "code", "level"),
        [
            (failure(500), "provider_unavailable", "warning"),
            (failure(429, retry_after="60"), "rate_limited", "warning"),
            (MALFORMED, "model_refused", "warning"),
            (failure(401), "model_misconfigured", "error"),
        ],
    )
    async def test_the_rules_answer_where_the_model_cannot(
        self, serve: Serve, reply: Reply, code: str, level: str
    ) -> None:
        serve(lambda _request: reply)
        with capture_logs() as logs:
            answered = await ask_for_draft(by_rules)
        assert (answered.value, answered.source, answered.graph_meta["model"]) == (RULES, "rules", None)
        (event,) = logs
        assert (event["event"], event["error_code"], event["log_level"]) == ("model_fell_back", code, level)
        assert (event["prompt"], event["model"]) == ("email_compose.draft", MODEL)
        assert SECRET not in str(event)
        assert "Ada" not in str(event)

    async def test_a_model_that_answers_is_not_logged_as_fallen_back(self, serve: Serve) -> None:
        serve([failure(500), GOOD])
        with capture_logs() as logs:
            await ask_for_draft(by_rules)
        assert logs == []

    async def test_tokens_that_were_spent_are_told_also_when_the_rules_answer(self, serve: Serve) -> None:
        serve([MALFORMED, MALFORMED])
        telemetry = (await ask_for_draft(by_rules)).graph_meta["telemetry"]["draft"]
        assert (telemetry["model"], telemetry["calls"], telemetry["total_tokens"]) == (MODEL, 2, 220)

    @pytest.mark.parametrize(
        ("reply", "error"),
        [
            (failure(500), ProviderUnavailable),
            (failure(429), RateLimited),
            (MALFORMED, ModelRefused),
            (failure(401), ModelMisconfigured),
        ],
    )
    async def test_rules_that_are_switched_off_answer_nothing(
        self, serve: Serve, configure: Configure, reply: Reply, error: type[Exception]
    ) -> None:
        serve(lambda _request: reply)
        configure(AGENTIC_SALES_MODEL_FALLBACK="fail")
        with pytest.raises(error):
            await ask_for_draft(by_rules)

    async def test_rules_that_are_switched_off_need_a_model(self, configure: Configure) -> None:
        configure(AGENTIC_SALES_MODEL_FALLBACK="fail")
        with pytest.raises(ModelNotConfigured):
            await ask_for_draft(by_rules)


class TestUndecided:
    async def test_is_the_answer_where_neither_a_model_nor_rules_may_answer(self, configure: Configure) -> None:
        configure(AGENTIC_SALES_MODEL_FALLBACK="fail")
        answered = await ask_for_draft(by_rules, undecided=lambda exc: Draft(subject=exc.code))
        assert (answered.value, answered.source) == (Draft(subject="model_not_configured"), "rules")

    async def test_counts_what_the_failed_calls_cost(self, serve: Serve) -> None:
        serve([MALFORMED, MALFORMED])
        answered = await ask_for_draft(undecided=lambda _: RULES)
        assert answered.value == RULES
        assert answered.graph_meta["telemetry"]["draft"]["calls"] == 2

    async def test_comes_after_the_rules(self) -> None:
        assert (await ask_for_draft(by_rules, undecided=lambda _: Draft(subject="none"))).value == RULES


class TestConfiguration:
    async def test_the_deep_tier_asks_the_deep_model(self, serve: Serve, configure: Configure) -> None:
        server = serve([GOOD, GOOD])
        configure(AGENTIC_SALES_MODEL_DEEP="openai:gpt-deep")
        assert (await ask_for_draft(tier="deep")).graph_meta["model"] == "openai:gpt-deep"
        await ask_for_draft()
        assert [request.body["model"] for request in server.requests] == ["gpt-deep", "gpt-test"]

    async def test_the_deep_tier_is_the_standard_one_unless_told(self, serve: Serve) -> None:
        serve([GOOD])
        assert (await ask_for_draft(tier="deep")).graph_meta["model"] == MODEL

    async def test_a_model_that_takes_no_temperature_gets_none(self, serve: Serve, configure: Configure) -> None:
        server = serve([GOOD])
        configure(AGENTIC_SALES_MODEL="openai:o3-mini")
        await ask_for_draft()
        assert "temperature" not in server.requests[0].body

    async def test_a_missing_package_is_told_with_the_extra_to_install(
        self, configure: Configure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "langchain_ollama", None)
        configure(AGENTIC_SALES_MODEL="ollama:llama3")
        with pytest.raises(ModelMisconfigured, match=r"pip install 'agentic-sales\[ollama\]'"):
            await ask_for_draft()
        with pytest.raises(ConfigurationError, match=r"pip install 'agentic-sales\[ollama\]'"):
            check_models(settings())

    @pytest.mark.parametrize(
        ("model", "told"),
        [
            ("gpt-4.1-mini", "expected `provider:model`"),
            ("nobody:gpt", "nobody:gpt"),
            ("mistralai:large", "langchain-mistralai"),
        ],
    )
    async def test_a_name_that_leads_to_no_model_is_told(self, configure: Configure, model: str, told: str) -> None:
        configure(AGENTIC_SALES_MODEL=model)
        with pytest.raises(ModelMisconfigured, match=told):
            await ask_for_draft()

    def test_a_missing_key_stops_the_start(self, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        configure(AGENTIC_SALES_MODEL_DEEP=MODEL)
        with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
            check_models(settings())

    @pytest.mark.parametrize(("key", "is_empty"), [("", True), ("test", False)])
    def test_an_empty_key_is_noticed_in_a_model_that_accepts_it(self, key: str, is_empty: bool) -> None:  # noqa: FBT001 - a case
        model = ChatOpenAI.model_construct(openai_api_key=SecretStr(key))
        assert providers._has_empty_key(model) is is_empty

    def test_a_usable_model_or_none_lets_the_process_start(self, serve: Serve) -> None:
        check_models(settings())
        server = serve([])
        check_models(settings())
        assert server.requests == []

    def test_without_a_model_no_provider_package_is_imported(self) -> None:
        program = (
            "import sys, agentic_sales.llm.ask\n"
            "print([m for m in ('openai', 'anthropic', 'ollama', 'langchain_openai') if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        assert done.stdout.strip() == "[]"


class TestConcurrency:
    async def test_many_askers_wait_side_by_side_and_each_gets_its_own_answer(self, serve: Serve) -> None:
        all_have_asked = threading.Barrier(20)

        def echo(request: ModelRequest) -> Reply:
            all_have_asked.wait(timeout=20)
            return answer({"subject": request.prompt.removeprefix("Write to ").strip(".")})

        serve(echo)
        names = [f"lead {number}" for number in range(20)]
        answers = await asyncio.gather(*(ask(PROMPT, Draft, name=name) for name in names))
        assert [answered.value.subject for answered in answers] == names
        assert all(answered.graph_meta["totals"]["total_tokens"] == 110 for answered in answers)

    def test_a_second_event_loop_of_a_process_can_ask_as_well(self, serve: Serve) -> None:
        server = serve([GOOD, GOOD])

        async def ask_and_close() -> str:
            answered = await ask_for_draft()
            await close_models()
            return answered.source

        assert [asyncio.run(ask_and_close()) for _ in range(2)] == ["llm", "llm"]
        assert len(server.requests) == 2


def _either(_old: str, new: str) -> str:
    return new


class _Input(BaseModel):
    name: str


class _State(_Input, ModelOutput):
    subject: Annotated[str, _either] = ""
    body: str = ""


async def _draft(state: _State) -> dict[str, Any]:
    answered = await ask(PROMPT, Draft, fallback=by_rules, name=state.name)
    return {"subject": answered.value.subject, **answered.report}


async def _refine(_state: _State) -> dict[str, Any]:
    answered = await ask(Prompt("email_compose", "refine", "Refine."), Draft, fallback=by_rules)
    return {"body": answered.value.subject, **answered.report}


async def _run_side_by_side(**nodes: Any) -> Any:
    """Run nodes in one step of a graph, so that their reports meet in the reducers."""
    builder = StateGraph(_State, input_schema=_Input)
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(START, name)
    return await builder.compile().ainvoke(_Input(name="Ada"))


class TestReport:
    @pytest.mark.parametrize(
        ("left", "right", "both"),
        [("llm", "llm", "llm"), ("llm", "rules", "rules"), ("rules", "llm", "rules"), ("rules", "rules", "rules")],
    )
    def test_of_two_parts_claims_no_more_than_the_weaker(self, left: Source, right: Source, both: Source) -> None:
        assert weakest(left, right) == both

    async def test_of_one_call_tells_who_answered_and_what_it_took(self, serve: Serve, configure: Configure) -> None:
        serve([answer({"subject": "Hi"}, input_tokens=1_000_000, output_tokens=500_000)])
        configure(AGENTIC_SALES_MODEL="openai:gpt-4.1-mini-2025-04-14")
        meta = (await ask_for_draft()).graph_meta
        latency_ms = meta["telemetry"]["draft"].pop("latency_ms")
        assert 0 <= latency_ms < 60_000
        assert meta["telemetry"]["draft"] == {
            "model": "openai:gpt-4.1-mini-2025-04-14",
            "input_tokens": 1_000_000,
            "output_tokens": 500_000,
            "total_tokens": 1_500_000,
            "cost_usd": 1.2,
            "calls": 1,
        }
        assert (meta["version"], meta["graph"], meta["model"]) == (
            "1.0.0",
            "email_compose",
            "openai:gpt-4.1-mini-2025-04-14",
        )
        assert meta["prompts"] == {"draft": PROMPT.sha256}
        assert datetime.fromisoformat(meta["run_at"]).tzinfo == UTC
        assert meta["totals"]["total_cost_usd"] == 1.2

    async def test_counts_failed_tries_and_repairs_as_calls(self, serve: Serve) -> None:
        serve([failure(500), dropped(), MALFORMED, GOOD])
        telemetry = (await ask_for_draft()).graph_meta["telemetry"]["draft"]
        assert (telemetry["calls"], telemetry["total_tokens"]) == (4, 220)

    async def test_tells_no_cost_where_the_price_is_not_known(self, serve: Serve) -> None:
        serve([GOOD])
        meta = (await ask_for_draft()).graph_meta
        assert meta["telemetry"]["draft"]["cost_usd"] is None
        assert meta["totals"]["total_cost_usd"] == 0

    async def test_tells_no_cost_where_the_tokens_are_not_known(self, serve: Serve, configure: Configure) -> None:
        serve([completion(message={"role": "assistant", "content": '{"subject": "Hi"}'})])
        configure(AGENTIC_SALES_MODEL="openai:gpt-4.1-mini")
        telemetry = (await ask_for_draft()).graph_meta["telemetry"]["draft"]
        assert (telemetry["total_tokens"], telemetry["cost_usd"]) == (0, None)

    async def test_of_a_run_sums_its_nodes_and_is_plain_json(self, serve: Serve, configure: Configure) -> None:
        serve([GOOD] * 3)
        configure(AGENTIC_SALES_MODEL="openai:gpt-4.1-mini")
        final = await _run_side_by_side(draft=_draft, draft_again=_draft, refine=_refine)
        assert json.loads(json.dumps(final)) == final
        meta = final["graph_meta"]
        assert final["source"] == "llm"
        assert {node: entry["calls"] for node, entry in meta["telemetry"].items()} == {"draft": 2, "refine": 1}
        assert meta["telemetry"]["draft"]["cost_usd"] == pytest.approx(2 * 0.000056)
        assert meta["totals"]["total_tokens"] == 330
        assert meta["totals"]["total_cost_usd"] == pytest.approx(3 * 0.000056)
        assert meta["prompts"].keys() == {"draft", "refine"}

    async def test_of_a_run_is_rules_once_one_node_fell_back(self, serve: Serve) -> None:
        def only_drafts(request: ModelRequest) -> Reply:
            return GOOD if request.prompt == "Write to Ada." else failure(400)

        serve(only_drafts)
        final = await _run_side_by_side(draft=_draft, refine=_refine)
        assert (final["subject"], final["body"], final["source"]) == ("by model", "by rules", "rules")
        assert final["graph_meta"]["model"] == MODEL
        assert final["graph_meta"]["telemetry"].keys() == {"draft", "refine"}
