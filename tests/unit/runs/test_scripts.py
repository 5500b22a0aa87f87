"""The scripts of the ledger are files, each by its act."""

from importlib.resources import files

from agentic_sales.runs import scripts

LUA = files("agentic_sales.runs").joinpath("lua")


def _names(folder: str) -> set[str]:
    return {file.name.removesuffix(".lua") for file in LUA.joinpath(folder).iterdir() if file.name.endswith(".lua")}


def test_every_lua_file_is_loaded_under_its_own_name() -> None:
    loaded = {name.lower(): text for name, text in vars(scripts).items() if name.isupper() and name[0] != "_"}
    assert set(loaded) == _names("")
    texts = {act: LUA.joinpath(f"{act}.lua").read_text("utf-8") for act in loaded}
    assert [act for act, text in texts.items() if not loaded[act].endswith(text)] == []


def test_every_part_stands_in_a_script_once_and_before_what_needs_it() -> None:
    parts = {name: LUA.joinpath("parts", f"{name}.lua").read_text("utf-8") for name in _names("parts")}
    found = {name: [s for s in (scripts.FINISH, scripts.SPEND) if s.count(text) == 1] for name, text in parts.items()}
    assert [name for name, where in found.items() if not where] == []
    assert scripts.FINISH.index(parts["now"]) < scripts.FINISH.index(parts["turns"])
    assert scripts.FINISH.index(parts["count"]) < scripts.FINISH.index(parts["turns"])
