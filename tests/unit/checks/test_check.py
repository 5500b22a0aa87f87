"""Every wrong row is found, named with its field and value, and the others are still checked."""

import json
from pathlib import Path

import pytest

from agentic_sales.checks.check import check_fleet, check_registry
from agentic_sales.checks.generate import generate_beside
from agentic_sales.checks.langgraph_json import write_langgraph_json
from agentic_sales.control import OWN_REGISTRY
from agentic_sales.settings import Settings
from tests.support.team import GRAPH, ROW, Team, team

__all__ = ["team"]  # pytest finds the fixture here


def problems(team: Team, **environment: str) -> list[str]:
    """Return what `check --registry` says, without what the missing schemas would add."""
    found = check_registry(team.registry, Settings.model_validate(environment))
    return [str(problem) for problem in found if problem.field not in {"file", "schema"}]


def test_a_right_row_has_no_problem(team: Team) -> None:
    generate_beside(team.registry)
    assert check_registry(team.registry, Settings()) == []


def test_a_module_that_is_not_there_is_named(team: Team) -> None:
    team.write(row='GraphSpec("greet", "{package}.gone")')
    (problem,) = problems(team)
    assert problem.startswith(f"`greet`: module={team.package}.gone: ")
    assert f"No module named '{team.package}.gone'" in problem


def test_a_module_that_fails_to_import_is_told_with_the_reason(team: Team) -> None:
    team.change_graph('EXAMPLE = {"name": "Ada"}', "raise KeyError('lost')")
    (problem,) = problems(team)
    assert problem.startswith(f"`greet`: module={team.package}.greet: ")
    assert "raised KeyError: 'lost'" in problem


@pytest.mark.parametrize("field", ["compiled_attr", "builder_attr"])
def test_a_name_that_the_module_lacks_is_told_with_its_field(team: Team, field: str) -> None:
    team.write(row=f'GraphSpec("greet", "{{package}}.greet", {field}="typo")')
    (problem,) = problems(team)
    assert problem.startswith(f"`greet`: {field}=typo: in `{team.package}.greet` it is missing")


def test_a_compiled_attr_that_is_no_graph_is_told(team: Team) -> None:
    team.write(row='GraphSpec("greet", "{package}.greet", compiled_attr="EXAMPLE")')
    (problem,) = problems(team)
    assert problem.startswith("`greet`: compiled_attr=EXAMPLE: ")
    assert "a dict, not a compiled graph" in problem


@pytest.mark.parametrize("signature", ["build_graph()", "build_graph(saver, store)", "build_graph(saver=None)"])
def test_a_builder_that_does_not_take_a_checkpointer_is_told_with_its_signature(team: Team, signature: str) -> None:
    arguments = {"build_graph()": "", "build_graph(saver, store)": "None, None", "build_graph(saver=None)": ""}[
        signature
    ]
    body = f"def {signature}:\n    checkpointer = None"
    code = team.folder.joinpath("greet.py").read_text().replace("def build_graph(checkpointer=None):", body)
    team.write(graph=code.replace("graph = build_graph()", f"graph = build_graph({arguments})"))
    (problem,) = problems(team)
    assert problem.startswith("`greet`: builder_attr=build_graph: its signature is (")
    assert problem.endswith("make it (checkpointer=None)")


def test_a_builder_that_ignores_its_checkpointer_is_told(team: Team) -> None:
    team.change_graph("compile(checkpointer=checkpointer)", "compile()")
    (problem,) = problems(team)
    assert problem.startswith("`greet`: builder_attr=build_graph: it ignores its checkpointer")


def test_a_builder_that_raises_is_told_with_the_reason(team: Team) -> None:
    team.change_graph("    builder = ", "    assert checkpointer is None, 'no saver wanted'\n    builder = ")
    (problem,) = problems(team)
    assert problem.startswith("`greet`: builder_attr=build_graph: it raised AssertionError: no saver wanted")


def test_a_precompiled_graph_needs_no_builder(team: Team) -> None:
    team.write(row='GraphSpec("greet", "{package}.greet", builder_attr=None, effect="pure")')
    team.change_graph("build_graph", "_build")
    assert problems(team) == []


def test_a_section_without_a_node_is_told_with_the_nodes(team: Team) -> None:
    team.write(prompts="# say\n\nHello $name.\n\n# sya\n\nHello.\n")
    (problem,) = problems(team)
    assert problem.startswith("`greet`: prompts=sya: `greet.md` has this section")
    assert "(it has say)" in problem


def test_a_section_that_the_module_asks_for_and_the_file_lacks_is_told(team: Team) -> None:
    team.change_graph('PROMPTS["say"]', 'PROMPTS["polish"]')
    (problem,) = problems(team)
    assert problem.startswith("`greet`: prompts=polish: the module asks for this section")


def test_a_prompt_file_that_nothing_reads_is_told(team: Team) -> None:
    team.change_graph("PROMPTS = load_prompts(__file__)", "")
    assert any(problem.startswith("`greet`: prompts=greet.md: nothing reads it") for problem in problems(team))


def test_a_graph_that_asks_no_model_needs_no_prompt_file(team: Team) -> None:
    code = team.folder.joinpath("greet.py").read_text().replace("PROMPTS = load_prompts(__file__)", "")
    team.write(graph=code.replace('PROMPTS["say"].render(name=state.name)', "state.name"))
    (team.folder / "greet.md").unlink()
    assert problems(team) == []


def test_sections_may_belong_to_any_row_of_the_module(team: Team) -> None:
    second = 'GraphSpec("wave", "{package}.greet", compiled_attr="second", builder_attr=None, effect="pure")'
    team.write(row=f"{ROW}, {second}", prompts="# say\n\nHello $name.\n\n# wave\n\nHello.\n")
    team.change_graph(
        "graph = build_graph()",
        """graph = build_graph()

async def wave(state: State) -> dict[str, Any]:
    return {"greeting": PROMPTS["wave"].render()}

second = StateGraph(State, input_schema=Input).add_node(wave).add_edge(START, "wave").compile()
""",
    )
    assert problems(team) == []


def test_an_input_that_swallows_unknown_fields_is_told(team: Team) -> None:
    team.change_graph('model_config = ConfigDict(extra="forbid")', "")
    (problem,) = problems(team)
    assert problem.startswith("`greet`: Input.extra=None: ")


def test_fields_without_a_description_are_told_one_by_one(team: Team) -> None:
    team.change_graph('name: str = Field(description="Who is greeted.")', 'name: str\n    title: str = ""')
    assert [problem.partition(": give")[0] for problem in problems(team)] == [
        "`greet`: Input.name=undescribed",
        "`greet`: Input.title=undescribed",
    ]


def test_an_example_that_does_not_fit_is_told_with_the_field_and_the_value(team: Team) -> None:
    team.change_graph('EXAMPLE = {"name": "Ada"}', 'EXAMPLE = {"name": 5, "nmae": "Ada"}')
    told = problems(team)
    assert [problem.split(": ")[1] for problem in told] == ["EXAMPLE.name=5", "EXAMPLE.nmae='Ada'"]


def test_a_missing_example_is_told(team: Team) -> None:
    team.change_graph('EXAMPLE = {"name": "Ada"}', "")
    (problem,) = problems(team)
    assert problem.startswith("`greet`: EXAMPLE=None: define EXAMPLE")


def test_an_output_that_no_run_can_return_is_told(team: Team) -> None:
    team.change_graph("class State(Input, Output):\n    pass", "class State(Input):\n    pass")
    (problem,) = problems(team)
    assert problem.startswith("`greet`: Output.greeting=undeclared: no run can return it")


def test_an_output_without_a_default_is_told(team: Team) -> None:
    team.change_graph('Field("", description="What is said.")', 'Field(description="What is said.")')
    (problem,) = problems(team)
    assert problem.startswith("`greet`: Output.greeting=required: ")


def test_a_pure_row_that_reads_the_outside_world_is_told(team: Team) -> None:
    team.change_graph("from typing import Any", "from typing import Any\n\nfrom agentic_sales.sources import web")
    (problem,) = problems(team)
    assert problem.startswith("`greet`: effect=pure: its module imports `agentic_sales.sources.web`")


def test_a_pure_row_that_writes_to_the_store_is_told(team: Team) -> None:
    team.change_graph("    return {", "    database.writing()\n    return {")
    (problem,) = problems(team)
    assert problem.startswith("`greet`: effect=pure: its module opens a transaction that writes")


@pytest.mark.parametrize("package", ["store.contacts", "campaigns.people.addresses", "outbound.connections"])
def test_a_pure_row_that_imports_what_reaches_the_world_is_told(team: Team, package: str) -> None:
    team.change_graph("from typing import Any", f"from typing import Any\n\nimport agentic_sales.{package}")
    (problem,) = problems(team)
    assert problem.startswith(f"`greet`: effect=pure: its module imports `agentic_sales.{package}`")


def test_a_graph_that_is_compiled_under_another_name_is_told(team: Team) -> None:
    team.change_graph("compile(checkpointer=checkpointer)", 'compile(checkpointer=checkpointer, name="hello")')
    (problem,) = problems(team)
    assert problem.startswith("`greet`: name=hello: traces would show two names")


ASKING = """answer = await ask(PROMPTS["say"], Output, temperature=0.0, {values})
    return {{"greeting": answer.value.greeting}}"""


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ("name=state.name", []),
        ("", ["`greet`: prompts.say=$name: the call gives no value for it"]),
        ("name=state.name, mood=''", ["`greet`: prompts.say=mood: the call gives this value, but"]),
    ],
)
def test_values_that_do_not_fit_the_placeholders_of_a_prompt_are_told(
    team: Team, values: str, found: list[str]
) -> None:
    asking = ASKING.format(values=values)
    code = GRAPH.replace('return {"greeting": PROMPTS["say"].render(name=state.name)}', asking)
    team.write(
        graph=code.replace(
            "from agentic_sales.llm.prompts", "from agentic_sales.llm.ask import ask\nfrom agentic_sales.llm.prompts"
        )
    )
    told = problems(team)
    assert len(told) == len(found)
    assert all(problem.startswith(beginning) for problem, beginning in zip(told, found, strict=True))


def test_every_problem_of_every_row_is_told_at_once(team: Team) -> None:
    rows = 'GraphSpec("lost", "{package}.gone"), GraphSpec("greet", "{package}.greet", compiled_attr="typo")'
    team.write(row=rows)
    team.change_graph('EXAMPLE = {"name": "Ada"}', "")
    assert [problem.split("=")[0] for problem in problems(team)] == ["`lost`: module", "`greet`: compiled_attr"]


def test_a_row_whose_field_cannot_be_is_told_with_the_row_the_field_and_the_value(team: Team) -> None:
    team.write(row='GraphSpec("greet", "{package}.greet", time_limit_s=-1)')
    (problem,) = problems(team)
    assert "registry row `greet`: time_limit_s is -1; expected a positive, finite number of seconds" in problem


def test_an_id_that_is_taken_is_told_with_both_rows(team: Team) -> None:
    team.write(row='GraphSpec("email_compose", "{package}.greet")')
    (problem,) = problems(team)
    assert "assistant_id `email_compose` has two registry rows" in problem
    assert f"{team.package}.greet" in problem


def test_a_registry_that_is_not_there_is_told() -> None:
    (problem,) = check_registry("no.such.registry", Settings())
    assert problem.row == "registries"
    assert "`no.such.registry` cannot be imported" in problem.advice


def test_a_route_to_an_id_that_no_registry_has_is_told_with_the_override(team: Team) -> None:
    (problem,) = problems(team, EMAIL_WORKER_ASSISTANTS="+greet,+nobody")
    assert problem.startswith("`routing`: routes=EMAIL_WORKER_ASSISTANTS='+greet,+nobody': ")
    assert "lists `nobody`, which no registry has" in problem


def test_a_schema_that_is_missing_out_of_step_or_left_over_is_told(team: Team) -> None:
    team.schemas.write_text(json.dumps({"greet": {}, "gone": {}}))
    assert [(p.row, p.value) for p in check_registry(team.registry, Settings())] == [
        ("greet", "out of step"),
        ("gone", "left over"),
    ]
    team.schemas.write_text("{}")
    assert [(p.row, p.value) for p in check_registry(team.registry, Settings())] == [("greet", "missing")]


@pytest.mark.parametrize("content", [None, "not JSON", "[]"])
def test_a_schemas_file_that_cannot_be_read_is_told(team: Team, content: str | None) -> None:
    if content is not None:
        team.schemas.write_text(content)
    (problem,) = check_registry(team.registry, Settings())
    assert (problem.row, problem.value) == ("schemas.json", str(team.schemas))
    assert "run `agentic-sales gen`" in problem.advice


def test_a_langgraph_json_out_of_step_is_told_with_the_assistants(tmp_path: Path) -> None:
    path = write_langgraph_json(tmp_path, ())
    content = json.loads(path.read_text())
    content["graphs"]["email_reply"] = "./elsewhere.py:graph"
    del content["graphs"]["pipeline"]
    path.write_text(json.dumps(content))
    (problem,) = [p for p in check_fleet(Settings(), tmp_path) if p.row == "langgraph.json"]
    assert (problem.field, problem.value) == ("graphs", "email_reply, pipeline")


def test_a_missing_langgraph_json_is_told_in_a_repository(tmp_path: Path) -> None:
    (tmp_path / "agentic_sales").mkdir()
    (problem,) = [p for p in check_fleet(Settings(), tmp_path) if p.row == "langgraph.json"]
    assert problem.value == str(tmp_path / "langgraph.json")


def test_an_installed_fleet_needs_no_langgraph_json(tmp_path: Path) -> None:
    assert [p for p in check_fleet(Settings(), tmp_path) if p.row == "langgraph.json"] == []


def test_the_own_registry_may_be_named_too() -> None:
    assert [p for p in check_registry(OWN_REGISTRY, Settings()) if p.row in {"registries", "routing"}] == []
