"""Tell the costs of leads of a flow, from the requests of one round of it in the sample world.

A round is counted once (`agentic-sales flows measure`), and the counts stand in `flow_counts.json`. The cost of so many
leads follows from them by proportion. So a search that finds many leads at once is told too dear, never too cheap.
"""

from collections.abc import Callable, Iterable

from pydantic import BaseModel, Field

CALL_S, MODEL_S = 0.5, 8.0
"""Assumed seconds of one call of a source and of one call of a model. The sample world and the rules need none."""
_DAY_MINUTES = 1440.0


class SourceCalls(BaseModel):
    """Calls of one bucket of a source."""

    calls: int = Field(description="Calls.")
    units: int = Field(default=0, description="Units of the daily quota that they took.")
    limits: list[tuple[int, float]] = Field(default_factory=list, description="Most calls and the span in seconds.")
    quota: int | None = Field(default=None, description="Units of a day. Null: there is no quota.")


class FlowCounts(BaseModel):
    """The requests of one round of a flow."""

    flow_id: str = Field(description="The flow.")
    found: int = Field(description="Leads that were found.")
    kept: int = Field(description="Leads that passed the score.")
    mails: int = Field(default=0, description="Messages to the person of a kept lead.")
    runs: dict[str, int] = Field(default_factory=dict, description="Runs by workflow.")
    model_calls: int = Field(default=0, description="Prompts that a model would have got.")
    input_tokens: int = Field(default=0, description="Tokens of these prompts.")
    output_tokens: int = Field(default=0, description="Tokens of the answers of the rules.")
    sources: dict[str, SourceCalls] = Field(default_factory=dict, description="Calls by `source.bucket`.")
    site_calls: int = Field(default=0, description="Pages of companies' own sites that were asked for.")
    cpu_s: float = Field(default=0.0, description="Seconds of a processor.")


class MailCounts(BaseModel):
    """The requests of one message."""

    model_calls: int = Field(default=0, description="As for a flow.")
    input_tokens: int = Field(default=0, description="As for a flow.")
    output_tokens: int = Field(default=0, description="As for a flow.")


class RecordedCounts(BaseModel):
    """The counts of every flow, and of one message."""

    flows: list[FlowCounts] = Field(description="The flows.")
    mail: MailCounts = Field(description="One message of a campaign.")


class SourceCost(BaseModel):
    """Calls of one bucket of a source, and how long they take at its limits."""

    source: str = Field(description="`source.bucket`, or `sites`.")
    calls: int = Field(description="Calls.")
    minutes: float = Field(description="Minutes that its limits and its quota ask for; 0: it has none.")


class FlowCost(BaseModel):
    """The costs of leads of a flow."""

    flow_id: str = Field(description="The flow.")
    leads: int = Field(description="Leads.")
    kept: int = Field(description="Leads of these that pass the score.")
    measured_on: int = Field(description="Leads of the round that was counted.")
    sources: list[SourceCost] = Field(description="Calls by source, the slowest first.")
    model_calls: int = Field(description="Calls of a model, those for the messages among them.")
    input_tokens: int = Field(description="Tokens that it reads.")
    output_tokens: int = Field(description="Tokens that it writes.")
    usd: float | None = Field(description="Their list price. Null: the model has none.")
    children_minutes: float = Field(description="Minutes of work on that many children.")
    minutes: float = Field(description="Minutes in all: the longer of the work and of the slowest source.")
    held_up_by: str = Field(description="Cause of most of the minutes: `children`, or a source.")


def flow_cost(
    counts: FlowCounts,
    mail: MailCounts,
    *,
    leads: int,
    children: int,
    price: Callable[[int, int], float] | None,
    call_s: float = CALL_S,
    model_s: float = MODEL_S,
) -> FlowCost:
    """Return the costs of leads of a flow.

    Args:
        counts: Requests of a round of it.
        mail: The requests of one message.
        leads: Leads.
        children: Worker children that work at the same time.
        price: USD of one call with tokens read and written. None: the model has no known price.
        call_s: Seconds of a call of a source.
        model_s: Seconds of a call of a model.

    Raises:
        ValueError: The counted round found nothing.
    """
    if not counts.found:
        raise ValueError(f"the counted round of `{counts.flow_id}` found no lead, so nothing follows from it")
    factor, messages = leads / counts.found, counts.kept * counts.mails
    calls = counts.model_calls + messages * mail.model_calls
    read = counts.input_tokens + messages * mail.input_tokens
    written = counts.output_tokens + messages * mail.output_tokens
    sources = [_source_cost(name, told, factor) for name, told in counts.sources.items()]
    if counts.site_calls:
        sources.append(SourceCost(source="sites", calls=round(counts.site_calls * factor), minutes=0.0))
    sources.sort(key=lambda one: (-one.minutes, -one.calls, one.source))
    asked = sum(one.calls for one in sources)
    work_s = counts.cpu_s * factor + asked * call_s + calls * factor * model_s
    work_minutes = work_s / 60 / children
    slowest = sources[0] if sources else None
    is_held_up = slowest is not None and slowest.minutes > work_minutes
    return FlowCost(
        flow_id=counts.flow_id,
        leads=leads,
        kept=round(counts.kept * factor),
        measured_on=counts.found,
        sources=sources,
        model_calls=round(calls * factor),
        input_tokens=round(read * factor),
        output_tokens=round(written * factor),
        # Long prompts may cost more per token, so the price is that of a mean call.
        usd=None if price is None else (calls and price(read // calls, written // calls) * calls * factor),
        children_minutes=round(work_minutes, 1),
        minutes=round(max(work_minutes, slowest.minutes if slowest else 0.0), 1),
        held_up_by=slowest.source if slowest is not None and is_held_up else "children",
    )


def _source_cost(name: str, told: SourceCalls, factor: float) -> SourceCost:
    by_rate = [told.calls * factor / calls * per_s / 60 for calls, per_s in told.limits]
    by_day = [told.units * factor / told.quota * _DAY_MINUTES] if told.quota else []
    return SourceCost(
        source=name, calls=round(told.calls * factor), minutes=round(max([*by_rate, *by_day], default=0.0), 1)
    )


def cost_table(costs: Iterable[FlowCost], *, children: int) -> str:
    """Return the costs as a table of Markdown, a line a flow."""
    head = (
        f"| flow | kept | calls of sources (time at their limits) | model calls | tokens in / out | USD | minutes on "
        f"{children} children | held up by |\n|---|---:|---|---:|---:|---:|---:|---|\n"
    )
    return head + "".join(_line(one) for one in costs)


def _line(cost: FlowCost) -> str:
    usd = "unknown" if cost.usd is None else f"{cost.usd:.2f}"
    tokens = f"{_thousands(cost.input_tokens)} / {_thousands(cost.output_tokens)}"
    return (
        f"| {cost.flow_id} | {cost.kept:,} | {calls_told(cost)} | {cost.model_calls:,} | {tokens} | {usd} | "
        f"{cost.minutes:,.0f} | {cost.held_up_by} |\n"
    )


def calls_told(cost: FlowCost) -> str:
    """Tell the calls of each source, with the time that its limits ask for."""
    return ", ".join(f"{one.source} {one.calls:,}{_at_limits(one.minutes)}" for one in cost.sources) or "none"


def _at_limits(minutes: float) -> str:
    if minutes >= _DAY_MINUTES:
        return f" ({minutes / _DAY_MINUTES:.1f} days)"
    return f" ({minutes:.0f} min)" if round(minutes) else ""


def _thousands(tokens: int) -> str:
    return f"{tokens / 1000:,.0f} k"
