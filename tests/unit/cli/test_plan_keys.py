"""The command line explains what a campaign's plan can say."""

import json

from typer.testing import CliRunner

from agentic_sales.cli.main import app


def explained() -> dict[str, tuple[str, str]]:
    """Return the default and the meaning of each key, as the command prints them."""
    printed = CliRunner().invoke(app, ["campaigns", "plan"], env={"COLUMNS": "400"})
    assert printed.exit_code == 0, printed.output
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.stdout.splitlines() if "│" in line]
    return {key: (default, meaning) for key, default, meaning in rows}


def test_every_key_of_a_plan_is_explained_with_its_meaning() -> None:
    schema = json.loads(CliRunner().invoke(app, ["campaigns", "plan", "--json"]).stdout)
    known = {
        name: key["description"]
        for model in (schema, *schema["$defs"].values())
        for name, key in model["properties"].items()
    }
    assert {key.removesuffix("[]").rpartition(".")[2]: told for key, (_, told) in explained().items()} == known


def test_a_key_stands_beside_what_holds_when_a_plan_does_not_say_it() -> None:
    defaults = {key: default for key, (default, _) in explained().items()}
    assert (defaults["mailboxes"], defaults["steps[].variants[].weight"]) == ("needed", "1")
    assert (defaults["window.days"], defaults["window.holidays"]) == ("[1, 2, 3, 4, 5]", "[]")
