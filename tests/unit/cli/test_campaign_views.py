"""What a person sees of a campaign on a terminal of 80 columns."""

import io
from typing import Any

from rich.console import Console, RenderableType

from agentic_sales.cli.views import campaigns

NAMES = ("replied", "interested", "bounced", "unsubscribed", "complained")


def shown(picture: RenderableType, columns: int = 80) -> str:
    """Draw something as a terminal does."""
    console = Console(file=io.StringIO(), width=columns)
    console.print(picture)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def share(count: int, of: int) -> dict[str, Any]:
    return {"count": count, "of": of, "low_ratio": 0.1, "high_ratio": 0.95}


def test_the_variants_are_readable_at_80_columns() -> None:
    told = {
        "step": 11,
        "variant": "short-and-warm",
        "sent": 1234,
        "decided": 1250,
        "shares": {name: share(1111, 1234) for name in (*NAMES, "edited", "rejected")},
    }
    campaign = {
        "campaign_id": "spring",
        "name": "spring",
        "state": "running",
        "reason": "",
        "people": {"active": 3},
        "steps": [{"sent": 2}],
        "plan": {"steps": [{"delay_days": 0, "counts": "days", "workflow": "email_outreach"}]},
        "variants": [told],
        "reasons": {},
        "undecided": 0,
        "suggested": 0,
        "confidence_ratio": 0.95,
    }
    drawn = shown(campaigns.as_picture(campaign))
    for word in ("short-and-warm", "replied", "interested", "bounced", "opted out", "complained", "edited", "rejected"):
        assert word in drawn, drawn
    assert "…" not in drawn
    assert drawn.count("10%-95%") == 7


def test_a_message_is_listed_with_the_begin_of_its_id_however_narrow_the_terminal_is() -> None:
    touch = {
        "touch_id": "0123456789abcdef0123456789abcdef",
        "to_email": "a.person.with.a.long.name@example.com",
        "step": 0,
        "state": "deferred",
        "sent_at": None,
        "not_before_at": "2026-03-02T10:00:00+00:00",
        "detail": "the mailbox is held, because its server refused it: 535 5.7.8 authentication failed",
        "subject": "Your forecasts",
    }
    assert "0123456789ab " in shown(campaigns.touches_as_table([touch]))
