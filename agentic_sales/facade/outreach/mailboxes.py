"""Serve the mailboxes that campaigns write from. No request here logs in anywhere, and none carries a secret."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agentic_sales.campaigns.mailboxes import keeping
from agentic_sales.campaigns.plan.windows import SendWindow
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import MailboxId
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.store.mailboxes import mailboxes

router = APIRouter(prefix="/campaigns/mailboxes", tags=["campaigns"], route_class=JsonRoute)

LONGEST_URL_CHARS = 500
Login = Literal["", "password", "microsoft", "google", "resend"]


class _MailboxBody(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    display_name: str = Field(default="", max_length=200, description="The sender's name.")
    sender_role: str = Field(default="", max_length=300, description="Role of the sender. Empty: not told.")
    signature: str = Field(
        default="", max_length=2_000, description="Signature of its messages. Empty: the name and the role."
    )
    reply_to: str | None = Field(default=None, description="Where replies go. Null: to the address.")
    time_zone: str = Field(default="UTC", description="IANA name; its day is the day of the cap.")
    window: SendWindow | None = Field(
        default=None, description="Hours in its time zone in which it sends. Null: those of the plan alone."
    )
    daily_cap: int = Field(default=50, ge=0, le=1_000_000, description="Messages a day.")
    ramp_start: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Messages on the first day. Null: no ramp-up."
    )
    ramp_per_day: int = Field(default=0, ge=0, le=1_000_000, description="How many more on each further day.")
    spacing_s: float = Field(
        default=0.0, ge=0, le=86_400, description="Least time between two messages, in seconds; at most a day."
    )
    booking_link: str = Field(
        default="",
        max_length=LONGEST_URL_CHARS,
        description="`https://` page on which a person picks a time. Empty: none.",
    )
    login: Login = Field(default="", description="How it logs in. Empty: by the server of `AGENTIC_SALES_MAIL`.")
    smtp_url: str = Field(
        default="", max_length=LONGEST_URL_CHARS, description="`smtps://user@host:465`, without a password."
    )
    imap_url: str = Field(
        default="", max_length=LONGEST_URL_CHARS, description="`imaps://user@host:993`, without a password."
    )
    secret: str = Field(
        default="", max_length=LONGEST_URL_CHARS, description="Where its secret is: `env:NAME` or `file:/path`."
    )


class NewMailbox(_MailboxBody):
    """Body of a request that adds a mailbox."""

    mailbox_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="Its id.")
    address: str = Field(description="Address in `From`.")
    postal_address: str = Field(min_length=1, max_length=2_000, description="The sender's, which every message shows.")


class EditedMailbox(_MailboxBody):
    """Body of a request that changes a mailbox. Other values stay."""

    postal_address: str = Field(
        default="", max_length=2_000, description="The sender's, which every message shows; it cannot be emptied."
    )


@router.post("", responses=ERRORS, status_code=201, summary="Add a mailbox")
async def create_mailbox(facade: Facade, body: NewMailbox) -> dict[str, Any]:
    """Add a mailbox that campaigns write from. One that was removed comes back under its id and address."""
    told = body.model_dump(mode="json")
    values = {name: value for name, value in told.items() if name != "mailbox_id"}
    await keeping.open_mailbox(facade.database, body.mailbox_id, values, now=clock.now())
    return told


@router.get("", responses=ERRORS, summary="List the mailboxes")
async def list_mailboxes(facade: Facade) -> list[dict[str, Any]]:
    """List the mailboxes with their limits and the end and reason of a hold."""
    async with facade.database.reading() as connection:
        return [row.as_data() for row in await mailboxes(connection)]


@router.get("/{mailbox_id}", responses=ERRORS, summary="Show a mailbox")
async def show_mailbox(facade: Facade, mailbox_id: str) -> dict[str, Any]:
    """Show a mailbox with its login, its limits and the end and reason of a hold."""
    async with facade.database.reading() as connection:
        return (await keeping.known_mailbox(connection, MailboxId(mailbox_id))).as_data()


@router.patch("/{mailbox_id}", responses=ERRORS, summary="Change a mailbox")
async def change_mailbox(facade: Facade, mailbox_id: str, body: EditedMailbox) -> dict[str, Any]:
    """Change a mailbox. Other values stay."""
    values = body.model_dump(mode="json", exclude_unset=True)
    row = await keeping.edit_mailbox(facade.database, MailboxId(mailbox_id), values, now=clock.now())
    return row.as_data()


@router.delete("/{mailbox_id}", responses=ERRORS, status_code=204, summary="Remove a mailbox")
async def remove_mailbox(facade: Facade, mailbox_id: str) -> Response:
    """Remove a mailbox that no campaign needs any more. 409 while one does."""
    await keeping.remove_mailbox(facade.database, MailboxId(mailbox_id), now=clock.now())
    return Response(status_code=204)


@router.post("/{mailbox_id}/{verb}", responses=ERRORS, summary="Hold or release a mailbox")
async def switch_mailbox(facade: Facade, mailbox_id: str, verb: keeping.Switch) -> dict[str, Any]:
    """Stop a mailbox from sending or let it send again. This also frees a mailbox that its server refused.

    `retry` frees it alone, and releases no mailbox that a person holds.
    """
    row = await keeping.switch_mailbox(facade.database, MailboxId(mailbox_id), verb, now=clock.now())
    return row.as_data()
