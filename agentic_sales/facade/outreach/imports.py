"""Take the people of a file into a campaign."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import get_args

from fastapi import APIRouter, Request
from starlette.responses import Response

from agentic_sales.campaigns.people.import_contacts import ContactImport, LineReport, Status
from agentic_sales.campaigns.people.import_lines import ConsentDefaults
from agentic_sales.campaigns.plan import desk
from agentic_sales.campaigns.plan.plan import stored_plan
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import CampaignId, ConsentBasis
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.importing import Importing, received
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.store.database import Database

router = APIRouter(prefix="/campaigns", tags=["campaigns"], route_class=JsonRoute)


@router.post("/{campaign_id}/import", responses=ERRORS, summary="Take people in from a CSV file, and enroll them")
async def import_people(
    facade: Facade,
    request: Request,
    campaign_id: str,
    *,
    basis: ConsentBasis | None = None,
    source: str = "",
    file: str = "",
) -> Response:
    """Take people in and enroll them. The answer lists the taken data and the faults of every line.

    A file may be larger than other bodies (`AGENTIC_SALES_MAX_IMPORT_BYTES`). With `Accept: application/x-ndjson` the
    answer is a stream. It has one line per transaction with the results of its lines. The sum comes last. `file` is the
    name of the file. It becomes the source of suppressions.
    """
    database, key = facade.database, CampaignId(campaign_id)
    async with database.reading() as connection:
        campaign = await desk.known_campaign(connection, key)
    desk.check_joinable(campaign)
    needed = stored_plan(campaign).needed_fields
    with ExitStack() as opened:
        defaults = ConsentDefaults(basis, source)
        read = partial(ContactImport, now=clock.now(), defaults=defaults, file=file, needed=needed)
        joining = Joining(await received(request.stream(), opened, read), database, key)
        importing = Importing(
            joining.contacts, joining.batches(), get_args(Status), lambda: {"enrolled": joining.enrolled}
        )
        return await importing.answer(request.headers.get("accept", ""), opened)


@dataclass
class Joining:
    """People of a file for a campaign."""

    contacts: ContactImport
    """The file."""
    database: Database
    """Store that keeps them."""
    campaign_id: CampaignId
    """The campaign."""
    enrolled: int = 0
    """Number of people that joined so far."""

    async def batches(self) -> AsyncIterator[list[LineReport]]:
        """Take people in. Let those of each transaction join."""
        async for batch in self.contacts.batches(self.database):
            people = [line.contact_id for line in batch if line.contact_id is not None]
            self.enrolled += await desk.enroll_people(self.database, self.campaign_id, people, now=clock.now())
            yield batch
