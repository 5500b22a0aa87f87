"""Ask a model for a typed answer and name its source.

A graph knows nothing else of models. `ask` takes a prompt and an answer type and returns a validated answer. Without a
usable model the author's rules answer, and the answer says so. Nothing here may pretend to be a model. No prompt or
answer is ever logged.
"""

import json
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, reduce
from typing import Annotated, Any, Generic, Literal, TypeVar

import structlog
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import BaseModel, Field, ValidationError

from agentic_sales.errors import (
    AgenticSalesError,
    BudgetExceeded,
    ModelMisconfigured,
    ModelNotConfigured,
    ModelRefused,
    ProviderUnavailable,
    RateLimited,
)
from agentic_sales.llm.graph_meta import Spending, build_graph_meta, merge_graph_meta
from agentic_sales.llm.prices import price_of
from agentic_sales.llm.prompts import Prompt
from agentic_sales.llm.providers import Chat
from agentic_sales.rules.wording import readable
from agentic_sales.runs.chosen_model import current_chosen_model
from agentic_sales.runs.pauses import current_pauses
from agentic_sales.runs.purse import current_purse
from agentic_sales.settings import Settings, settings

T = TypeVar("T", bound=BaseModel)
Source = Literal["llm", "rules"]
Tier = Literal["standard", "deep"]

_INSTRUCTIONS = """\
Answer with one JSON object and nothing else: no prose, no code fence. It must be valid by this JSON Schema:
{schema}"""
_REPAIR = """\
That answer cannot be used: {problems}
Answer again with the whole JSON object, corrected, and nothing else."""
current_meter: ContextVar[Callable[[Sequence[BaseMessage], BaseModel], None] | None] = ContextVar(
    "current_meter", default=None
)
"""Told of each prompt that the rules answered, as a model would have got it, and of their answer."""
_NOT_USABLE = (BudgetExceeded, ModelMisconfigured, ModelNotConfigured, ModelRefused, ProviderUnavailable, RateLimited)
_log = structlog.get_logger(__name__)


def weakest(left: Source, right: Source) -> Source:
    """Reduce two sources to the source of the whole answer. Any part from the rules makes it `rules`."""
    return "rules" if "rules" in (left, right) else "llm"


class ModelOutput(BaseModel):
    """Output of every graph that asks a model, beside its answer."""

    source: Annotated[Source, weakest] = Field(
        default="rules",
        description="Origin of the answer: `llm`, or `rules` once any step fell back to its author's rules.",
    )
    graph_meta: Annotated[dict[str, Any], merge_graph_meta] = Field(
        default_factory=dict,
        description="Version, graph, model, run_at; telemetry per node and totals (tokens, USD, ms); prompt digests.",
    )


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A validated answer and its source."""

    value: T
    """The answer."""
    source: Source
    """Source of the answer."""
    graph_meta: dict[str, Any]
    """Its tokens, cost and latency. See `graph_meta.build_graph_meta`."""

    @classmethod
    def by_rules(cls, prompt: Prompt, value: T) -> "Answer[T]":
        """Return the answer of rules that leave nothing to decide. No model is asked."""
        return cls(value, "rules", build_graph_meta(prompt, answered_by=None, spending=Spending(model=None)))

    @property
    def report(self) -> dict[str, Any]:
        """The keys of `ModelOutput`, to splat into a node's result."""
        return {"source": self.source, "graph_meta": self.graph_meta}


def report_of(answers: Sequence[Answer[T]]) -> dict[str, Any]:
    """Return the keys of `ModelOutput` for several answers of one node. Empty for none."""
    if not answers:
        return {}
    return {
        "source": reduce(weakest, (answer.source for answer in answers)),
        "graph_meta": reduce(merge_graph_meta, (answer.graph_meta for answer in answers)),
    }


async def ask(
    prompt: Prompt,
    answer_type: type[T],
    /,
    *,
    fallback: Callable[[], T] | None = None,
    undecided: Callable[[AgenticSalesError], T] | None = None,
    tier: Tier = "standard",
    temperature: float = 0.2,
    **values: str,
) -> Answer[T]:
    """Return a model's answer to a prompt, or the rules' answer without a usable model.

    Args:
        prompt: The prompt of the calling node.
        answer_type: Type of the answer. The model sees its JSON Schema with the descriptions.
        fallback: The author's rules, or None.
        undecided: Makes a classifier's answer from the reason when neither a model nor rules may answer. With None the
            reason is raised. A used-up budget is always raised.
        tier: Tier of the deployment's models.
        temperature: Sampling temperature, 0-2. Left out for models that take none.
        **values: One value per placeholder of the prompt.

    Raises:
        PromptMismatch: The values do not fit the placeholders. Raised with and without a model.
        ModelNotConfigured: No model is configured, and no rules may answer.
        ModelMisconfigured: The model's package, key, name or address is wrong, and no rules may answer.
        ModelRefused: The answer does not fit, also after the repair, and no rules may answer.
        ProviderUnavailable: The provider does not answer, and no rules may answer.
        RateLimited: The provider asks for a pause, and no rules may answer.
        BudgetExceeded: The money for this run or this day is spent, and no rules may answer.
        BrokerUnavailable: There are budgets, and Redis did not return their state.
    """
    text = prompt.render(**values)
    configuration = settings()
    spending = _open_spending(_model_of(tier, configuration), configuration)
    try:
        chat = _open_chat(prompt, temperature, spending, configuration)
        value = await _converse(chat, text, answer_type)
    except _NOT_USABLE as exc:
        if fallback is not None and _may_fall_back(exc, configuration) and not _rather_waits(exc):
            value = fallback()
        elif undecided is not None and not isinstance(exc, BudgetExceeded):
            value = undecided(exc)
        else:
            raise
        _tell_fallback(prompt, spending.model, exc)
        if (meter := current_meter.get()) is not None:
            meter(_opening(text, answer_type), value)
        return Answer(value, "rules", build_graph_meta(prompt, answered_by=None, spending=spending))
    return Answer(value, "llm", build_graph_meta(prompt, answered_by=spending.model, spending=spending))


def _rather_waits(exc: AgenticSalesError) -> bool:
    """Tell whether the run is put back until the provider's pause ends. Its caller prefers that to the rules."""
    pauses = current_pauses.get()
    if pauses is None or not pauses.is_patient or not isinstance(exc, RateLimited) or exc.retry_after_s is None:
        return False
    pauses.has_declined_rules = True
    return True


def _model_of(tier: Tier, configuration: Settings) -> str | None:
    if (chosen := current_chosen_model.get()) is not None:
        return chosen
    deep = configuration.model_deep if tier == "deep" else None
    return deep or configuration.model or None


def _may_fall_back(exc: AgenticSalesError, configuration: Settings) -> bool:
    policy = configuration.budget_exceeded if isinstance(exc, BudgetExceeded) else configuration.model_fallback
    return policy == "rules"


def _open_spending(model: str | None, configuration: Settings) -> Spending:
    return Spending(model, price=price_of(model, configuration.model_prices) if model else None)


def _open_chat(prompt: Prompt, temperature: float, spending: Spending, configuration: Settings) -> Chat:
    if spending.model is None:
        raise ModelNotConfigured(prompt.name)
    return Chat(spending.model, temperature, prompt, spending, configuration)


async def _converse(chat: Chat, text: str, answer_type: type[T]) -> T:
    """Ask, and ask again if the answer cannot be used. The second request holds that answer and its faults."""
    messages = _opening(text, answer_type)
    answer = await chat.reply(messages)
    try:
        return parse_answer(answer, answer_type)
    except (ValueError, RecursionError) as exc:
        messages += [AIMessage(answer or "(nothing)"), HumanMessage(_REPAIR.format(problems=_problems(exc)))]
    try:
        return parse_answer(await chat.reply(messages), answer_type)
    except (ValueError, RecursionError) as exc:
        # The cause is left out. It would carry the model's text into every log that prints a traceback.
        raise ModelRefused(chat.prompt.name, chat.model, _problems(exc)) from None


def _opening(text: str, answer_type: type[BaseModel]) -> list[BaseMessage]:
    return [SystemMessage(_instructions(answer_type)), HumanMessage(text)]


def parse_answer(answer: str, answer_type: type[T]) -> T:
    """Validate the first JSON object in a model's answer. Fences and prose around it are ignored.

    Later objects are not tried. A part of a broken answer must not pass for the whole. An object that does not fit
    raises a `ValueError` with the reason. An endlessly nested one raises a `RecursionError`.
    """
    start = answer.find("{")
    if start < 0:
        raise ValueError("there is no JSON object in it")
    found, _end = json.JSONDecoder(strict=False).raw_decode(answer, start)
    return answer_type.model_validate(_readable(found))


def _readable(value: Any) -> Any:
    """Remove characters that no store takes from every text of an answer.

    Models cut an emoji in two or escape a NUL.
    """
    match value:
        case str():
            return readable(value)
        case list():
            return [_readable(member) for member in value]
        case dict():
            return {name: _readable(member) for name, member in value.items()}
        case _:
            return value


@cache
def _instructions(answer_type: type[BaseModel]) -> str:
    schema = json.dumps(answer_type.model_json_schema(), separators=(",", ":"))
    return _INSTRUCTIONS.format(schema=schema)


def _problems(exc: Exception) -> str:
    """Name the faults without quoting the answer. They reach error messages and logs."""
    if not isinstance(exc, ValidationError):
        return str(exc)
    return "; ".join(f"{'.'.join(map(str, error['loc'])) or 'the object'}: {error['msg']}" for error in exc.errors())


def _tell_fallback(prompt: Prompt, model: str | None, exc: AgenticSalesError) -> None:
    """Count the fallback and log its reason.

    No model at all is a choice. A wrong setup is an error for the operator. Any other reason is a warning.
    """
    if (purse := current_purse.get()) is not None:
        purse.fell_back(exc.code)
    fields: dict[str, Any] = {"prompt": prompt.name, "model": model, "error_code": exc.code}
    match exc:
        case ModelNotConfigured():
            _log.info("model_fell_back", **fields)
        case ModelMisconfigured():
            _log.error("model_fell_back", **fields, reason=str(exc))
        case _:
            _log.warning("model_fell_back", **fields)
