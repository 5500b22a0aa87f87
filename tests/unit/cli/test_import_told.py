"""What the command line tells of an import: lines as they come, progress, and the sum."""

from typing import Any

from agentic_sales.cli.views import campaigns


def event(*statuses: str, first: int = 2, **told: Any) -> dict[str, Any]:
    """Make an event of the facade about lines of these statuses."""
    lines = [
        {
            "line": first + n,
            "status": status,
            "email": "",
            "problems": [{"column": "tz", "reason": "no zone"}] * (n % 2),
        }
        for n, status in enumerate(statuses)
    ]
    return {"event": "lines", "lines": lines, **told}


def counted(**counts: int) -> dict[str, Any]:
    """Make the counts of a report."""
    return {"counts": {"added": 0, "known": 0, "duplicate": 0, "suppressed": 0, "refused": 0, **counts}, "enrolled": 3}


def test_people_are_told_of_the_telling_lines_and_of_the_progress() -> None:
    told: list[str] = []
    events = [
        {"event": "file", "encoding": "utf-8", "columns": {}},
        event("added", "added", "duplicate", **counted(added=2, duplicate=1)),
        event("known", first=5, **counted(added=9_999, duplicate=1)),
        {"event": "end", **counted(added=10_000, known=1)},
    ]
    report = campaigns.import_report(events, tell_line=told.append)
    assert told == ["line 3: added (tz: no zone)", "line 4: duplicate", "line 5: known", "10000 lines so far"]
    assert report == {"lines": [], "encoding": "utf-8", "columns": {}, **counted(added=10_000, known=1)}
    assert campaigns.import_sum(report) == (
        "10001 lines: 10000 added, 1 known, 0 duplicate, 0 refused; 3 people joined the campaign"
    )


def test_one_line_and_one_person_are_told_as_one() -> None:
    report = {**counted(added=1), "enrolled": 1}
    assert (
        campaigns.import_sum(report) == "1 line: 1 added, 0 known, 0 duplicate, 0 refused; 1 person joined the campaign"
    )


def test_programs_are_told_of_every_line() -> None:
    events = [event("added", "added"), event("refused", first=4), {"event": "end", **counted(added=2, refused=1)}]
    report = campaigns.import_report(events, tell_line=None)
    assert [line["status"] for line in report["lines"]] == ["added", "added", "refused"]


def test_only_an_import_whose_every_line_was_refused_has_taken_nobody() -> None:
    assert campaigns.is_nobody_taken(counted(refused=2))
    assert not campaigns.is_nobody_taken(counted(refused=2, suppressed=1))
    assert not campaigns.is_nobody_taken(counted())
