"""The README lists every workflow, by the rows, the routes and the docstrings of the graphs."""

from pathlib import Path

from agentic_sales.checks.check import check_fleet
from agentic_sales.checks.workflow_list import FILE_NAME, with_workflow_list, workflow_list, write_workflow_list
from agentic_sales.registry import BY_ID
from agentic_sales.settings import Settings

PROJECT = Path(__file__).parents[2]
README = (PROJECT / FILE_NAME).read_text(encoding="utf-8")


def test_the_readme_lists_the_workflows_as_they_are() -> None:
    assert workflow_list() in README, "the list has drifted; run `agentic-sales gen`"


def test_every_workflow_has_one_line_with_its_pool_and_a_whole_sentence() -> None:
    _, _, *lines = workflow_list().splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines]
    assert {name.strip("`") for _, name, _, _ in cells} == BY_ID.keys()
    assert len(cells) == len(BY_ID)
    assert ["discovery", "`company_discovery`", "write", "Find companies that the book does not have."] in cells
    assert all(purpose.endswith(".") and "START" not in purpose for *_, purpose in cells)


def test_a_list_that_has_drifted_is_named_and_written_anew(tmp_path: Path) -> None:
    readme = tmp_path / FILE_NAME
    readme.write_text(README.replace("`company_discovery`", "`another`"), encoding="utf-8")
    assert FILE_NAME in {problem.row for problem in check_fleet(Settings(), tmp_path)}
    assert write_workflow_list(tmp_path) == [readme]
    assert readme.read_text(encoding="utf-8") == README


def test_a_readme_without_the_list_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("# Of a team\n", encoding="utf-8")
    assert write_workflow_list(tmp_path) == []
    assert with_workflow_list("# Of a team\n") == "# Of a team\n"
