"""Let recipients unsubscribe. Opening the link shows a form and changes nothing. Posting to it is the wish (RFC 8058).

Mail scanners follow links. So `GET` must not act. Mail programs post without a login. So `POST` needs no key. Every
token gets the same answers. So a caller cannot find out the real ones.
"""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from agentic_sales.campaigns.answers.events import unsubscribe
from agentic_sales.campaigns.sending.links import open_links
from agentic_sales.campaigns.visits import clock
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.state import Facade

router = APIRouter(tags=["campaigns"], route_class=JsonRoute)

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; form-action 'self'",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Unsubscribe</title>
<h1>Unsubscribe</h1>
{body}
</html>
"""
_FORM = _PAGE.format(
    body="<p>You will get no more mail from us.</p>\n"
    '<form method="post"><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>'
)
_DONE = _PAGE.format(body="<p>You are unsubscribed. You will get no more mail from us.</p>")


@router.get("/unsubscribe/{token}", summary="Show the form with which a recipient leaves")
async def show(token: str) -> HTMLResponse:  # noqa: ARG001 - the form posts to this very path
    """Show a form. Nothing is changed by any token."""
    return HTMLResponse(_FORM, headers=_HEADERS)


@router.post("/unsubscribe/{token}", summary="Write no more to the recipient of this link")
async def leave(facade: Facade, token: str) -> HTMLResponse:
    """Stop every message to the person in every campaign. An unknown token gets the same answer."""
    if (known := open_links(facade.settings).read(token)) is not None:
        async with facade.database.writing() as connection:
            await unsubscribe(connection, *known, now=clock.now())
    return HTMLResponse(_DONE, headers=_HEADERS)
