"""Each command of the command line has a name of its own, since the later one of two would hide the other."""

from collections import Counter
from collections.abc import Iterator

import pytest
import typer

from agentic_sales.cli.main import app


def groups(of: typer.Typer, path: str = "agentic-sales") -> Iterator[tuple[str, list[str]]]:
    """Yield each group of commands with all names in it. A group without a name stands in that above it."""
    names, below = list(own_names(of)), list(of.registered_groups)
    while below:
        group = below.pop()
        if group.typer_instance is None:
            continue
        if isinstance(group.name, str) and group.name:
            names.append(group.name)
            yield from groups(group.typer_instance, f"{path} {group.name}")
        else:
            names += own_names(group.typer_instance)
            below += group.typer_instance.registered_groups
    yield path, names


def own_names(of: typer.Typer) -> Iterator[str]:
    """Yield the names of the commands of a group itself."""
    for command in of.registered_commands:
        yield command.name or getattr(command.callback, "__name__", "").replace("_", "-")


def doubled(of: typer.Typer) -> dict[str, list[str]]:
    """Return the names that several commands of a group have, by the group."""
    twice = {path: [name for name, count in Counter(names).items() if count > 1] for path, names in groups(of)}
    return {path: names for path, names in twice.items() if names}


def test_no_two_commands_of_a_group_have_one_name() -> None:
    assert len(dict(groups(app))["agentic-sales campaigns"]) > 30
    assert doubled(app) == {}


@pytest.mark.parametrize("name", [None, "export"])
def test_a_second_command_of_a_name_is_found_in_the_group_beside_it(name: str | None) -> None:
    first, second = typer.Typer(), typer.Typer()
    first.command("export")(lambda: None)
    first.add_typer(second, name=name)
    second.command("export")(lambda: None)
    assert doubled(first) == {"agentic-sales": ["export"]}
