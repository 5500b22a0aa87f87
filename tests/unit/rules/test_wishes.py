"""Wishes: which columns of which tools say that somebody must not be written to, and by which values."""

import pytest

from agentic_sales.rules.headings import load_headings
from agentic_sales.rules.wishes import load_wishes

WISHES = load_wishes(load_headings())


def outcome(heading: str, cell: str) -> str | None:
    """Return what a cell says; None: nothing."""
    kind = WISHES.kind(heading)
    wish = WISHES.of(kind, cell) if kind else None
    return wish.outcome if wish else None


@pytest.mark.parametrize(
    ("heading", "cell", "told"),
    [
        ("Unsubscribed from all email", "true", "unsubscribed"),
        ("Unsubscribed from all email", "false", None),
        ("Email Opt Out", "1", "unsubscribed"),
        ("HasOptedOutOfEmail", "Yes", "unsubscribed"),
        ("HasOptedOutOfFax", "Yes", None),
        ("SMS Opt Out", "true", None),
        ("Do Not Call", "True", None),
        ("Do not call or email", "True", "unsubscribed"),
        ("Stage", "Do Not Contact", "unsubscribed"),
        ("Stage", "Cold", None),
        ("UNSUB_TIME", "2026-02-02 11:00:00", "unsubscribed"),
        ("UNSUB_REASON", "N/A", None),
        ("CLEAN_TIME", "2026-02-02 11:00:00", "bounced"),
        ("Status", "Unsubscribed - 2026-02-02", "unsubscribed"),
        ("Status", "not unsubscribed", None),
        ("Status", "Bounced", "bounced"),
        ("Status", "Soft bounced", None),
        ("State", "Baja California", None),
        ("Estado", "Baja", "unsubscribed"),
        ("Email Status", "invalid", "left_out"),
        ("Phone Status", "invalid", None),
        ("Email Bounced Reason", "550 5.1.1 unknown user", "bounced"),
        ("Marketing emails bounced", "3", "left_out"),
        ("Marketing emails bounced", "0", None),
        ("Tags", "vip; do-not-email; fair", "unsubscribed"),
        ("Consent", "No", "stopped"),
        ("Consent", "withdrawn", "unsubscribed"),
        ("Consent", "Yes", None),
        ("OPTIN_TIME", "", None),
        ("Newsletter", "nein", "left_out"),
        ("Notes", "Asked us to stop, do not contact!", "left_out"),
        ("Notes", "Contact in May", None),
        ("Unsubscribe link", "https://x.example/u/1", None),
        ("Keine Werbung", "ja", "unsubscribed"),
        ("Abgemeldet am", "12.03.2026", "unsubscribed"),
        ("Désabonné", "non", None),
        ("Отписан", "да", "unsubscribed"),
        ("配信停止", "1", "unsubscribed"),
        ("Spam complaint", "yes", "complained"),
        ("Marked email as spam", "true", "complained"),
        ("ABMELDEZEIT", "2026-01-01 10:00:00", "unsubscribed"),
        ("Se canceló la suscripción a todos los correos", "Sí", "unsubscribed"),
        ("すべてのEメールの登録を解除", "はい", "unsubscribed"),
        ("Do not allow Emails", "Allow", None),
        ("Do not allow Emails", "Do Not Allow", "unsubscribed"),
        ("(Do Not Modify) Contact", "4f1c", None),
    ],
)
def test_a_column_says_so_in_its_own_way(heading: str, cell: str, told: str | None) -> None:
    assert outcome(heading, cell) == told


def test_a_person_can_add_a_heading_and_a_value_of_a_tool_of_their_own() -> None:
    additions = {"state_headings": {"ours": ["Ampel"]}, "unsubscribed_values": {"ours": ["rot"]}}
    extended = load_wishes(load_headings({"email": {"ours": ["Wohin"]}}), additions)
    assert load_headings({"email": {"ours": ["Wohin"]}}).meaning("wohin") == "email"
    kind = extended.kind("Ampel")
    assert kind == "state"
    found = extended.of(kind, "Rot")
    assert found is not None
    assert found.outcome == "unsubscribed"
