"""Visit one round of a flow: read the ended steps, begin the next ones, and say when to look again.

A visit waits for nothing. Discovery and steps are runs in the batch lane, and a later visit picks their ends up. So no
child of core is held while a source's limit is waited for. Each function works on rows alone. A step is begun under a
key of the lead and the step. So a process may die anywhere: a finished step is not asked again, and no run is doubled.
"""

from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.book.repositories import repository_key
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.campaigns.leads.arms import (
    Search,
    dealt_to,
    given_of,
    plan_of,
    search_input,
    search_of,
    with_plan,
)
from agentic_sales.campaigns.leads.reaching import note_person
from agentic_sales.campaigns.next_visits import SHORTEST_LOOK, look_again_at
from agentic_sales.contracts import RunId
from agentic_sales.control import control_plane
from agentic_sales.errors import AgenticSalesError, TransientError
from agentic_sales.flows import IMPORT, Flow, LeadScore, LeadStep
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.lead_steps import (
    FINDS,
    JUDGES,
    TAKES,
    FoundLead,
    LeadSoFar,
    NothingToAsk,
    kept_answer,
    score_band,
    short_reasons,
)
from agentic_sales.runs.subruns import SubRun, begin_assistant, ended_assistants
from agentic_sales.store.companies import companies_known
from agentic_sales.store.database import Database
from agentic_sales.store.faults import is_of_world
from agentic_sales.store.flow_rounds import (
    FAILED,
    FINISHED,
    PAUSED,
    RUNNING,
    FlowRoundRow,
    change_round,
    end_discovery,
    end_round_visit,
    flow_round,
    locked_round,
    spend,
)
from agentic_sales.store.leads import (
    OPEN,
    LeadRow,
    add_leads,
    change_lead,
    lead_id_of,
    leads_ready,
    leads_under_way,
    next_due_at,
    stage_counts,
)
from agentic_sales.store.statements import known
from agentic_sales.store.subjects import thing_of_key

log = structlog.get_logger()

WORKFLOW = "lead_flow"
"""The workflow that makes visits, and the source of the people that it writes."""
LEADS_OF_A_VISIT = 20
"""Most leads for which a visit begins a step."""
MOST_TRIES = 3
"""Failures of one step, after which the lead has failed. The same holds for a discovery."""
BACK_OFF = timedelta(seconds=30)
"""Back-off after the first failure of a step. It doubles with each further one."""


async def discover(database: Database, round_id: str, *, now: datetime) -> None:
    """Begin the discovery of a round, or write its leads."""
    row = await known_round(database, round_id)
    if row.found is not None or row.state != RUNNING:
        return
    flow = control_plane().flow(row.flow_id)
    if flow.discover.assistant_id == IMPORT:
        await _take_in(row, list(FINDS[flow.discover.finds](given_of(row)))[: row.most_leads], now)
        return
    search = search_of(row)
    if search is None:
        async with database.writing() as connection:
            await change_round(connection, round_id, {"found": 0}, now=now)
        return
    if row.discovery_run_id is None:
        once = f"{round_id}/discover/{f'{search.number}.' if search.number else ''}{row.tries}"
        run_id = await begin_assistant(flow.discover.assistant_id, discovery_question(flow, row, search), once=once)
        async with database.writing() as connection:
            await change_round(connection, round_id, {"discovery_run_id": run_id}, now=now)
        return
    run_id = RunId(row.discovery_run_id)
    [end] = await ended_assistants([run_id])
    if isinstance(end, SubRun):
        await _take_found(database, flow, row, search, end, now=now)
        # The next search begins at once.
        await discover(database, round_id, now=now)
    elif end is not None:
        await _discovery_failed(database, row, run_id, end, now)


async def _take_found(
    database: Database, flow: Flow, row: FlowRoundRow, search: Search, end: SubRun, *, now: datetime
) -> None:
    """Write the leads of a search. The round has found all after the last one."""
    found = list(FINDS[flow.discover.finds](end.output))[: search.limit]
    async with database.writing() as connection:
        # Locked, so that nobody changes the plan of the round until it is written.
        locked = known(await locked_round(connection, row.round_id), "flow round", row.round_id)
        counts = [*plan_of(locked).get("found", []), len(found)]
        is_last = len(counts) >= len(plan_of(locked).get("searches", [None]))
        told = {"found": sum(counts) if is_last else None, "tries": 0, "given": with_plan(locked, found=counts)}
        if await end_discovery(connection, row.round_id, RunId(row.discovery_run_id or ""), told, now=now):
            await add_leads(connection, await _rows_of(connection, row, found, search), now=now)
            await spend(connection, row.round_id, end.record.spent_usd)


async def _take_in(row: FlowRoundRow, found: list[FoundLead], now: datetime) -> None:
    """Write the leads of a list, and their companies unless the round is dry."""
    async with writing_book(WORKFLOW) as book:
        if not row.is_dry:
            await book.companies(map(_firm_of, found))
        await add_leads(book.connection, await _rows_of(book.connection, row, found, Search()), now=now)
        await change_round(book.connection, row.round_id, {"found": len(found)}, now=now)


def _firm_of(one: FoundLead) -> Firm:
    return Firm(one.name, one.found.get("domain") or None)


def discovery_question(flow: Flow, row: FlowRoundRow, search: Search | None = None) -> dict[str, Any]:
    """Return the input of a round's discovery: the flow's, its limit, the replaced fields, and its arms."""
    asked = search or Search(limit=row.most_leads)
    limit = {flow.discover.limit_field: asked.limit} if flow.discover.limit_field else {}
    given = {**flow.discover.given, **limit, **given_of(row), **search_input(flow, asked)}
    return _dry_if(row, flow.discover.assistant_id, given)


async def collect(database: Database, round_id: str, *, now: datetime) -> None:
    """Write the results of ended steps to their leads. One lead that fails stops no other one."""
    async with database.reading() as connection:
        rows = await leads_under_way(connection, round_id)
        row = known(await flow_round(connection, round_id), "flow round", round_id)
    flow = control_plane().flow(row.flow_id)
    ends = await ended_assistants([RunId(lead.run_id or "") for lead in rows])
    for lead, end in zip(rows, ends, strict=True):
        if end is not None:
            await _for_lead(database, lead, now, _take(database, (flow, row, lead), end, now=now))


async def begin_steps(database: Database, round_id: str, *, now: datetime) -> None:
    """Begin the next step of leads that have one, as many at a time as the flow allows."""
    async with database.reading() as connection:
        row = known(await flow_round(connection, round_id), "flow round", round_id)
        under_way = len(await leads_under_way(connection, round_id))
        ready = await leads_ready(connection, round_id, now=now, limit=LEADS_OF_A_VISIT)
    flow = control_plane().flow(row.flow_id)
    room = flow.limits.at_once - under_way
    waiting = [lead for lead in ready if lead.step < len(flow.steps)]
    if row.state != RUNNING or not waiting:
        return
    if row.spent_usd >= row.budget_usd:
        await _pause(database, row, f"its budget of {row.budget_usd:g} USD is spent; resume it with a larger one", now)
        return
    for lead in waiting:
        if room <= 0:
            return
        try:
            question = question_of(flow, row, lead)
        except NothingToAsk as exc:
            await _pass_over(database, flow, lead, str(exc), now)
            continue
        room -= 1
        await _for_lead(database, lead, now, _begin(database, flow, lead, question, now=now))


def question_of(flow: Flow, row: FlowRoundRow, lead: LeadRow) -> dict[str, Any]:
    """Return the input of the next step of a lead.

    Raises:
        NothingToAsk: The step has nothing to ask about it.
    """
    step = flow.steps[lead.step]
    return _dry_if(row, step.assistant_id, {**step.given, **TAKES[step.takes](so_far(lead))})


def so_far(lead: LeadRow) -> LeadSoFar:
    """Return the facts of a lead, as the mappings read them."""
    return LeadSoFar(
        kind=lead.subject_kind,
        key=lead.subject_key,
        name=lead.name,
        company_id=lead.company_id or "",
        person_id=lead.person_id or "",
        found=lead.told.get("found") or {},
        answers=lead.told.get("answers") or {},
    )


async def schedule_next(database: Database, round_id: str, *, now: datetime) -> FlowRoundRow:
    """End the visit. Write when the next one is, or that the round is through."""
    async with database.writing() as connection:
        row = known(await locked_round(connection, round_id), "flow round", round_id)
        values: dict[str, Any] = {"fruitless": 0, "updated_at": now, "wake_at": None}
        if row.state == RUNNING:
            counts = await stage_counts(connection, round_id=round_id)
            if row.found is None or any(stage in OPEN for stage in counts):
                values["wake_at"] = await _next_look(connection, row, now)
            else:
                values |= {"state": FINISHED, "reason": _why_through(row)}
        ended = await end_round_visit(connection, round_id, values)
    log.info("round_visited", round_id=round_id, state=values.get("state", row.state))
    return ended or row


async def known_round(database: Database, round_id: str) -> FlowRoundRow:
    """Return a round.

    Raises:
        UnknownRecord: There is none.
    """
    async with database.reading() as connection:
        return known(await flow_round(connection, round_id), "flow round", round_id)


def _why_through(row: FlowRoundRow) -> str:
    plan = plan_of(row)
    if plan and not plan.get("searches"):
        arms = [f"{kind} `{name}`: {why}" for kind, told in plan["stopped"].items() for name, why in told.items()]
        return f"nothing was searched, since every arm is stopped ({'; '.join(arms)})"[:500]
    return "every lead is through"


async def _next_look(connection: AsyncConnection, row: FlowRoundRow, now: datetime) -> datetime:
    """Return when to look again: soon after runs began, later the longer they take, or when a retry is due."""
    under_way = await leads_under_way(connection, row.round_id)
    begun = [lead.updated_at for lead in under_way] or ([row.updated_at] if row.discovery_run_id else [])
    due_at = await next_due_at(connection, row.round_id)
    moments = [look_again_at(at, now) for at in begun]
    moments += [max(due_at, now + SHORTEST_LOOK)] if due_at else []
    moments += [] if moments else [now + (BACK_OFF * row.tries if row.found is None else SHORTEST_LOOK)]
    return min(moments)


async def _rows_of(
    connection: AsyncConnection, row: FlowRoundRow, found: list[FoundLead], search: Search
) -> list[Mapping[str, Any]]:
    before = sum(plan_of(row).get("found", []))
    firms = {one.key: _firm_of(one) for one in found if one.kind == "company"}
    companies = await companies_known(connection, firms.values())
    rows: list[Mapping[str, Any]] = []
    for number, one in enumerate(found, start=before):
        company_id = one.found.get("company_id")
        if company_id is None and one.kind == "company" and (company := companies.get(firms[one.key])) is not None:
            company_id = company.company_id
        elif one.kind == "repository":
            thing = await thing_of_key(connection, "repository", repository_key(one.name))
            company_id = thing.company_id if thing else None
        dry_round = row.round_id if row.is_dry else ""
        rows.append(
            {
                "lead_id": lead_id_of(row.flow_id, one.kind, one.key, dry_round=dry_round),
                "round_id": row.round_id,
                "flow_id": row.flow_id,
                "subject_kind": one.kind,
                "subject_key": one.key,
                "name": one.name,
                "url": one.url,
                "company_id": company_id,
                "arm": {**({"query": one.query} if one.query else {}), **search.arms, **dealt_to(row, number)},
                "told": {"found": one.found, "answers": {}},
            }
        )
    return rows


async def _discovery_failed(
    database: Database, row: FlowRoundRow, run_id: RunId, error: AgenticSalesError, now: datetime
) -> None:
    tries = row.tries + 1
    values: dict[str, Any] = {"tries": tries, "reason": f"discovery failed: {error}"}
    if not error.is_retryable or tries >= MOST_TRIES:
        values["state"] = FAILED
    async with database.writing() as connection:
        await end_discovery(connection, row.round_id, run_id, values, now=now)


async def _begin(database: Database, flow: Flow, lead: LeadRow, question: Mapping[str, Any], *, now: datetime) -> None:
    once = f"{lead.lead_id}/{lead.step}/{lead.tries}"
    run_id = await begin_assistant(flow.steps[lead.step].assistant_id, question, once=once)
    async with database.writing() as connection:
        await change_lead(
            connection, lead.lead_id, {"run_id": run_id}, now=now, expected={"step": lead.step, "tries": lead.tries}
        )


async def _take(
    database: Database,
    of: tuple[Flow, FlowRoundRow, LeadRow],
    end: SubRun | AgenticSalesError,
    *,
    now: datetime,
) -> None:
    flow, row, lead = of
    step = flow.steps[lead.step]
    if not isinstance(end, SubRun):
        await _step_failed(database, lead, step, end, now)
        return
    answers = {**(lead.told.get("answers") or {}), step.assistant_id: kept_answer(end.output, step.keeps)}
    values: dict[str, Any] = {**_stepped(lead), "told": {**lead.told, "answers": answers}}
    if not lead.company_id and (company_id := _company_id_of(end.output)):
        values["company_id"] = company_id
    if isinstance(step, LeadScore):
        values |= _judged(step, lead, end.output, plan_of(row).get("threshold", step.threshold))
    elif lead.stage == "found" and flow.steps[lead.step + 1] is flow.score:
        values["stage"] = "enriched"
    async with writing_book(WORKFLOW) as book:
        if values.get("stage") == "kept" and not row.is_dry:
            known_now = so_far(lead).model_copy(update={"answers": answers})
            values |= await note_person(book, flow, known_now, values["arm"])
        expected = {"run_id": lead.run_id, "step": lead.step}
        if await change_lead(book.connection, lead.lead_id, values, now=now, expected=expected):
            await spend(book.connection, row.round_id, end.record.spent_usd)


def _company_id_of(output: Mapping[str, Any]) -> str:
    """Return the company of the book that an answer is about. Empty: it names none."""
    company = output.get("company")
    told = company.get("company_id") if isinstance(company, Mapping) else output.get("company_id")
    return told if isinstance(told, str) else ""


def _judged(step: LeadScore, lead: LeadRow, output: Mapping[str, Any], threshold: float) -> dict[str, Any]:
    judgement = JUDGES[step.judged_by](output)
    is_kept = judgement.score >= threshold and not judgement.disqualifiers
    why = f"score {judgement.score:.2f}, kept from {threshold:g}"
    return {
        "score": judgement.score,
        "reasons": short_reasons(judgement),
        "stage": "kept" if is_kept else "dropped",
        "reason": f"ruled out: {judgement.disqualifiers[0]}" if judgement.disqualifiers else why,
        "arm": {**lead.arm, "score_band": score_band(judgement.score)},
    }


async def _step_failed(
    database: Database, lead: LeadRow, step: LeadStep | LeadScore, error: AgenticSalesError, now: datetime
) -> None:
    tries = lead.tries + 1
    values: dict[str, Any] = {"run_id": None, "tries": tries, "reason": f"{step.assistant_id}: {error}"[:500]}
    if error.is_retryable and tries < MOST_TRIES:
        values["due_at"] = now + BACK_OFF * 2 ** (tries - 1)
    else:
        values["stage"] = "failed"
    async with database.writing() as connection:
        await change_lead(connection, lead.lead_id, values, now=now, expected={"run_id": lead.run_id})


async def _pass_over(database: Database, flow: Flow, lead: LeadRow, why: str, now: datetime) -> None:
    """Let a lead go on without a step that has nothing to ask. Without its score it is dropped."""
    values: dict[str, Any] = _stepped(lead)
    if flow.steps[lead.step] is flow.score:
        values |= {"stage": "dropped", "reason": f"nothing to judge: {why}"}
    async with database.writing() as connection:
        await change_lead(connection, lead.lead_id, values, now=now, expected={"step": lead.step, "run_id": None})


async def _for_lead(database: Database, lead: LeadRow, now: datetime, act: Awaitable[None]) -> None:
    """Do something about one lead. A fault of it fails the lead, and no other one."""
    try:
        await act
    except TransientError:
        raise
    except Exception as exc:
        if is_of_world(exc):
            raise
        log.exception("lead_failed", lead_id=lead.lead_id, round_id=lead.round_id)
        values = {"stage": "failed", "run_id": None, "reason": f"{type(exc).__name__}: {exc}"[:500]}
        async with database.writing() as connection:
            await change_lead(connection, lead.lead_id, values, now=now)


async def _pause(database: Database, row: FlowRoundRow, why: str, now: datetime) -> None:
    async with database.writing() as connection:
        await change_round(connection, row.round_id, {"state": PAUSED, "reason": why}, now=now, states=(RUNNING,))


def _stepped(lead: LeadRow) -> dict[str, Any]:
    return {"run_id": None, "step": lead.step + 1, "tries": 0, "due_at": None}


def _dry_if(row: FlowRoundRow, assistant_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Ask a step of a dry round to write nothing, if it can be asked so."""
    takes = control_plane().schemas[assistant_id]["input"].get("properties", {})
    return {**values, **({"dry_run": True} if row.is_dry and "dry_run" in takes else {})}
