"""Hand out or erase the data of a person that is named by a profile, by name and company, or by an address."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.campaigns.book.privacy import Whom, erase_from_book, meant
from agentic_sales.campaigns.people.export import held_of
from agentic_sales.campaigns.visits import clock
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.callers import Trace
from agentic_sales.facade.outreach.export import Exported, rows_of
from agentic_sales.facade.outreach.forget import Forgotten, drop_kept_answers, erase_step_runs, forgotten
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS

router = APIRouter(prefix="/people", tags=["book"], route_class=JsonRoute)


class NamedPerson(BaseModel):
    """Body of a request about a person: `email`, or `profile`, or `name` with `company`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: str = Field(default="", max_length=320, description="The person's address.")
    profile: str = Field(default="", max_length=500, description="URL of a page about the person.")
    name: str = Field(default="", max_length=200, description="The person's whole name; it needs `company`.")
    company: str = Field(default="", max_length=300, description="Id, site or name of the person's company.")

    def whom(self) -> Whom:
        """Return the person that it names."""
        return Whom(self.email, self.profile, self.name, self.company)


@router.post("/disclose", responses=ERRORS, summary="Hand out the data of a person")
async def disclose(facade: Facade, body: NamedPerson) -> Exported:
    """Hand out all data that the store holds of a person, also of one without an address. This changes nothing."""
    async with facade.database.reading() as connection:
        found = await meant(connection, body.whom())
        held: dict[str, list[dict[str, Any]]] = rows_of(found.traces)
        for email in filter(None, (body.email, *found.addresses)):
            for kind, rows in (await held_of(connection, email)).items():
                held.setdefault(kind, []).extend(dict(row) for row in rows)
    return Exported(known=any(held.values()), held=held)


@router.post("/forget", responses=ERRORS, summary="Forget a person, also one without an address")
async def forget(facade: Facade, trace: Trace, body: NamedPerson) -> Forgotten:
    """Erase a person everywhere. Digests stay, so that no message goes to the person and no source brings him back.

    A contact that the person was promoted to is forgotten as `/campaigns/forget` does it.
    """
    database, whom = facade.database, body.whom()
    await drop_kept_answers(facade)
    async with database.reading() as connection:
        found = await meant(connection, whom)
    addresses = [each for each in (body.email, *found.addresses) if each]
    told = [await forgotten(facade, trace, email) for email in dict.fromkeys(addresses)]
    counts, _ = await erase_from_book(database, whom, now=clock.now())
    counts = {**counts, **await erase_step_runs(facade, trace, found.words)}
    if not addresses:
        await database.scrub()
    erased = {
        kind: counts.get(kind, 0) + sum(each.erased.get(kind, 0) for each in told)
        for kind in {**counts, **{kind: 0 for each in told for kind in each.erased}}
    }
    return Forgotten(known=bool(counts) or any(each.known for each in told), erased=erased, suppressed=bool(addresses))
