"""Take an activation of a vertical one stage on: search, look at a sample, take a person's word, roll out.

A visit waits for nothing. The search and the readings are runs in the batch lane, and a later visit picks their ends
up. Each is begun under a key of the activation. Each stage ends in one transaction. So a process may die anywhere: a
finished stage is not repeated, and no run is doubled.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agentic_sales.campaigns.activations.desk import vertical_named
from agentic_sales.campaigns.leads.desk import RoundOrder, begin_round_over
from agentic_sales.contracts import RunId
from agentic_sales.errors import AgenticSalesError
from agentic_sales.rules.vertical_sample import SampledCompany, judged_by_site, sample_of
from agentic_sales.runs.subruns import SubRun, begin_assistant, ended_assistants
from agentic_sales.store.activations import (
    ACTIVE,
    CONFIRM,
    CONFIRMED_WORD,
    FAILED,
    REFUSED,
    ROLL_OUT,
    RUNNING,
    SAMPLE,
    SEED,
    WAITING,
    ActivationRow,
    activation,
    change_activation,
    locked_activation,
)
from agentic_sales.store.database import Database
from agentic_sales.store.statements import known

SEARCH, READING, FLOW = "vertical_discovery", "company_enrichment", "code"
"""Workflow that searches, workflow that reads a site, and flow of the round."""
MOST_TRIES = 3
"""Failures in a row, after which a search or a reading is given up until a person resumes it."""


async def seed(database: Database, slug: str, *, now: datetime) -> ActivationRow:
    """Begin the search for companies, or write what it found."""
    row = await known_activation(database, slug)
    if (row.stage, row.state) != (SEED, RUNNING):
        return row
    if row.seed_run_id is None:
        run_id = await begin_assistant(SEARCH, _search(row), once=f"{row.activation_id}/seed/{row.tries}")
        return await _write(database, row, {"seed_run_id": run_id}, now)
    [end] = await ended_assistants([RunId(row.seed_run_id)])
    if end is None:
        return row
    if isinstance(end, SubRun):
        return await _write(database, row, _seeded(row, end.output), now)
    values: dict[str, Any] = {"seed_run_id": None, "tries": row.tries + 1, "reason": f"the search failed: {end}"[:500]}
    if not end.is_retryable or values["tries"] % MOST_TRIES == 0:
        values["state"] = FAILED
    return await _write(database, row, values, now)


async def sample(database: Database, slug: str, *, now: datetime) -> ActivationRow:
    """Begin to read the sites of the sample, or write what they say. A site that fails stops no other one."""
    row = await known_activation(database, slug)
    if (row.stage, row.state) != (SAMPLE, RUNNING):
        return row
    vertical, before = vertical_named(slug), [SampledCompany.model_validate(told) for told in row.sample]
    under_way = [RunId(company.run_id) for company in before if company.run_id]
    ends = dict(zip(under_way, await ended_assistants(under_way), strict=True))
    companies = list[SampledCompany]()
    for company in before:
        end = ends.get(RunId(company.run_id or ""))
        if isinstance(end, SubRun):
            companies.append(judged_by_site(company, end.output, vertical))
        elif end is not None:
            companies.append(_not_read(company, end))
        elif company.run_id is None and not company.is_judged:
            once = f"{row.activation_id}/sample/{company.domain}/{company.tries}"
            asked = {"url": f"https://{company.domain}", "name": company.name, "dry_run": True}
            companies.append(company.model_copy(update={"run_id": await begin_assistant(READING, asked, once=once)}))
        else:
            companies.append(company)
    if companies == before:
        return row
    values: dict[str, Any] = {"sample": [company.model_dump(mode="json") for company in companies]}
    if all(company.is_judged for company in companies):
        values |= {"stage": CONFIRM, "state": WAITING, "reason": ""}
    return await _write(database, row, values, now)


async def take_word(database: Database, slug: str, *, now: datetime) -> ActivationRow:
    """Go on to the rollout, or end, as a person has said. Without a word the activation goes on waiting."""
    async with database.writing() as connection:
        row = known(await locked_activation(connection, slug), "activation of vertical", slug)
        if (row.stage, row.state) != (CONFIRM, WAITING) or not row.word:
            return row
        values: dict[str, Any] = {"stage": ROLL_OUT, "state": RUNNING}
        if row.word != CONFIRMED_WORD:
            why = f": {row.reason}" if row.reason else ""
            values = {"state": REFUSED, "reason": f"{row.word_by} refused it{why}"}
        return await change_activation(connection, row.activation_id, values, now=now, stages=(CONFIRM,)) or row


async def roll_out(database: Database, slug: str, *, now: datetime) -> ActivationRow:
    """Begin the round of the flow, and note it, in one transaction.

    Raises:
        UnknownFlow: The deployment has left the flow out.
        UnknownRecord: The campaign or the mailbox has gone since.
        StateConflict: The campaign was stopped since.
    """
    async with database.writing() as connection:
        row = known(await locked_activation(connection, slug), "activation of vertical", slug)
        if (row.stage, row.state) != (ROLL_OUT, RUNNING):
            return row
        order = RoundOrder(
            flow_id=FLOW,
            most_leads=row.given["most_leads"],
            budget_usd=row.given["budget_usd"],
            is_dry=row.is_dry,
            given={"vertical_slug": slug, "max_pages_per_query": row.given["pages"]},
            campaign_id=row.given["campaign_id"],
            mailbox_id=row.given["mailbox_id"],
            promoted_by=row.given["promoted_by"],
        )
        begun = await begin_round_over(connection, row.activation_id, order, trace=row.trace, now=now)
        values = {"state": ACTIVE, "round_id": begun.round_id, "reason": f"{row.word_by} confirmed it"}
        return await change_activation(connection, row.activation_id, values, now=now, stages=(ROLL_OUT,)) or row


async def known_activation(database: Database, slug: str) -> ActivationRow:
    """Return the activation of a vertical.

    Raises:
        UnknownRecord: There is none.
    """
    async with database.reading() as connection:
        return known(await activation(connection, slug), "activation of vertical", slug)


def _search(row: ActivationRow) -> dict[str, Any]:
    """Return the question of the search. It writes nothing, because nobody has confirmed the vertical yet."""
    return {"vertical_slug": row.slug, "max_pages_per_query": row.given["pages"], "dry_run": True}


def _seeded(row: ActivationRow, output: Mapping[str, Any]) -> dict[str, Any]:
    orgs = output.get("resolved_orgs") or []
    told = {"seed_run_id": None, "found": len(orgs)}
    if not orgs:
        away = "; ".join(output.get("unavailable_sources") or ())
        why = f"its code searches found no company{f' ({away})' if away else ''}"
        return {**told, "state": FAILED, "tries": row.tries + 1, "reason": why[:500]}
    companies = sample_of(orgs, row.given["sample"])
    return {**told, "stage": SAMPLE, "reason": "", "sample": [company.model_dump(mode="json") for company in companies]}


def _not_read(company: SampledCompany, error: AgenticSalesError) -> SampledCompany:
    tries = company.tries + 1
    is_over = not error.is_retryable or tries >= MOST_TRIES
    why_not = f"its site was not read: {error}"[:500] if is_over else ""
    return company.model_copy(update={"run_id": None, "tries": tries, "why_not": why_not})


async def _write(database: Database, row: ActivationRow, values: Mapping[str, Any], now: datetime) -> ActivationRow:
    """Write what a stage came to. Another visit that was faster wins."""
    async with database.writing() as connection:
        changed = await change_activation(
            connection, row.activation_id, values, now=now, stages=(row.stage,), states=(row.state,)
        )
    return changed or await known_activation(database, row.slug)
