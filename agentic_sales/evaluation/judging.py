"""Let a model judge the answers of a set, from 0 to 1. A case passes from .70, a set from a share of .80.

The judge sees the input, the labels and the answer. It runs in this process and not in the fleet, so that it is
another model than the one that is judged.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, Field

from agentic_sales.errors import ConfigurationError, ModelMisconfigured, ModelNotConfigured
from agentic_sales.evaluation.evaluate import CaseResult, SetResult, measured
from agentic_sales.evaluation.sets import Case, EvalSet, Measure
from agentic_sales.llm.ask import ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.llm.providers import check_models, close_models
from agentic_sales.runs.chosen_model import current_chosen_model
from agentic_sales.settings import Settings
from agentic_sales.side_by_side import ask_each

PROMPTS = load_prompts(__file__)
PASSING_SCORE = 0.70
"""Least score of a case that passes."""
PASSING_SHARE = 0.80
"""Least share of the cases of a set that pass."""
JUDGE = Measure("judge", "judge", "", PASSING_SHARE)
MOST_LETTERS = 12_000
"""Letters of an input or an answer that the judge reads."""
_UNJUDGED = frozenset({"graph_meta", "source", "model", "prompt_version", "prompt_tokens", "completion_tokens"})
"""Members of an answer that say how it was made."""


class AnswerJudgement(BaseModel):
    """The judge's view of one answer."""

    score: float = Field(ge=0, le=1, description="0 to 1.")
    reason: str = Field(max_length=500, description="Why, in one sentence.")


def check_judge(model: str, configuration: Settings) -> None:
    """Build the judge once, so that a wrong name, package or key is told before any run.

    Raises:
        ConfigurationError: The model cannot be asked from this process.
    """
    if not model.strip():
        raise ConfigurationError("`--judge` needs a model such as `openai:gpt-4.1`; there is no judge without one")
    check_models(configuration.model_copy(update={"model": model, "model_deep": None}))


async def judged(given: EvalSet, result: SetResult, model: str, *, at_once: int = 1) -> SetResult:
    """Return a result with the measure `judge`. A case without an answer fails it.

    Args:
        given: The set.
        result: Its result.
        model: The judge.
        at_once: Most questions at the same time.

    Raises:
        ConfigurationError: The judge does not answer because of its name, package or key.
        AgenticSalesError: The judge does not answer.
    """
    token = current_chosen_model.set(model)
    try:
        pairs = [*zip(given.cases, result.cases, strict=True)]
        cases = tuple(await ask_each(pairs, lambda pair: _judge(given, *pair), at_once=at_once))
    except (ModelMisconfigured, ModelNotConfigured) as exc:
        raise ConfigurationError(f"the judge cannot be asked: {exc}") from exc
    finally:
        current_chosen_model.reset(token)
        await close_models()
    return replace(result, cases=cases, measures=(*result.measures, measured(JUDGE, cases)))


async def _judge(given: EvalSet, case: Case, found: CaseResult) -> CaseResult:
    if found.error:
        return _with(found, AnswerJudgement(score=0.0, reason=found.error[:500]), 0.0)
    answer = await ask(
        PROMPTS["judge"],
        AnswerJudgement,
        temperature=0.0,
        assistant=given.assistant_id,
        input=fenced(_told(case.input)),
        labels=fenced(_told(case.expected)),
        answer=fenced(_told(found.output)),
    )
    return _with(found, answer.value, answer.graph_meta["totals"].get("total_cost_usd") or 0.0)


def _with(found: CaseResult, judgement: AnswerJudgement, cost_usd: float) -> CaseResult:
    name = JUDGE.name
    return replace(
        found,
        scores={**found.scores, name: float(judgement.score >= PASSING_SCORE)},
        found={**found.found, name: f"{judgement.score:.2f}: {judgement.reason}"},
        expected={**found.expected, name: f"at least {PASSING_SCORE}"},
        cost_usd=found.cost_usd + cost_usd,
    )


def _told(values: Mapping[str, Any]) -> str:
    told = {name: value for name, value in values.items() if name not in _UNJUDGED}
    return json.dumps(told, ensure_ascii=False, indent=1, default=str)[:MOST_LETTERS]
