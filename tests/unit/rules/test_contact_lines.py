"""Lines of contact files: what is kept of them, and that nobody is taken in for whom nothing can be written."""

import io
import json
from importlib.resources import files

import pytest

from agentic_sales.rules.contact_files import open_contact_file
from agentic_sales.rules.contact_lines import LONGEST_COMPANY_CHARS, LONGEST_ROLE_CHARS, ContactLine, LineReader
from agentic_sales.rules.headings import load_headings
from agentic_sales.rules.names import LONGEST_NAME_CHARS
from agentic_sales.rules.wishes import load_wishes

HEADINGS = load_headings()


def line(header: str, row: str) -> ContactLine:
    """Read the one line of a file."""
    file = open_contact_file(io.BytesIO(f"{header}\n{row}\n".encode()), HEADINGS)
    (record,) = file.records
    return LineReader(file, load_wishes(HEADINGS)).read(record)


@pytest.mark.parametrize(
    ("field", "longest"),
    [
        ("recipient_name", LONGEST_NAME_CHARS),
        ("recipient_role", LONGEST_ROLE_CHARS),
        ("company_name", LONGEST_COMPANY_CHARS),
    ],
)
def test_an_import_takes_what_every_writing_workflow_takes_and_no_more(field: str, longest: int) -> None:
    schemas = json.loads(files("agentic_sales").joinpath("schemas.json").read_text("utf-8"))
    inputs = [schema["input"].get("properties", {}) for schema in schemas.values()]
    limits = {found[field]["maxLength"] for found in inputs if field in found and "recipient_name" in found}
    assert limits == {longest}


def test_a_value_that_no_workflow_takes_is_left_out_and_told() -> None:
    found = line("Email,First Name,Title,Company,Note", f"a@x.example,{'J' * 150},{'t' * 301},{'c' * 301},{'n' * 2001}")
    assert [found.values.get(name, "") for name in ("first_name", "position", "company")] == ["", "", ""]
    assert [problem.column for problem in found.problems] == ["First Name", "Title", "Company", "Note"]
    assert all("it was left out" in problem.reason for problem in found.problems)


def test_an_encoded_word_in_any_cell_refuses_its_line() -> None:
    for column in ("First Name", "Company", "Plan"):
        found = line(f"Email,{column}", "a@x.example,=?utf-8?q?Jo=0D=0ABcc:_x@evil.example?=")
        assert [problem.column for problem in found.refusals] == [column]


@pytest.mark.parametrize(
    ("header", "row", "first", "last"),
    [
        ("Email,Nombre,Apellidos", "a@x.example,Ana,Ruiz", "Ana", "Ruiz"),
        ("Email,Nombre", "a@x.example,Ana Ruiz", "Ana", "Ruiz"),
        ("Email,Prénom,Nom", "a@x.example,Ana,Ruiz", "Ana", "Ruiz"),
        ("Email,Nom", "a@x.example,Ana Ruiz", "Ana", "Ruiz"),
        ("Email,First Name,Name", "a@x.example,Ana,Ana Ruiz", "Ana", "Ruiz"),
        ("Email", "Ana Ruiz <a@x.example>", "Ana", "Ruiz"),
        ("Email,First Name,Last Name", "a@x.example,{{first}},Guest", "", "Guest"),
    ],
)
def test_a_name_is_read_by_what_stands_beside_it(header: str, row: str, first: str, last: str) -> None:
    found = line(header, row)
    assert (found.values["first_name"], found.values["last_name"]) == (first, last)


def test_a_title_is_a_salutation_beside_a_job_title_and_a_post_without_one() -> None:
    assert line("Email,Title,Job Title", "a@x.example,Mr.,Buyer").values["position"] == "Buyer"
    assert line("Email,Title", "a@x.example,Buyer").values["position"] == "Buyer"
    assert line("Email,Title", "a@x.example,Dr.").values["position"] == ""


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.acme.example/us?x=1", "acme.example"),
        ("acme.example", "acme.example"),
        ("https://www.linkedin.com/in/jo", ""),
        ("https://uk.linkedin.com/in/jo", ""),
        ("jo@acme.example", ""),
        ("not a site", ""),
    ],
)
def test_a_page_that_everybody_has_is_nobodys_employer(url: str, domain: str) -> None:
    assert line("Email,URL", f"a@x.example,{url}").values["domain"] == domain


def test_what_no_column_is_known_for_is_kept_as_a_field_of_its_own_name() -> None:
    found = line("Email,Work Email,Team size,Team size", "a@x.example,b@x.example,40,50")
    assert (found.addresses, found.email) == (("a@x.example", "b@x.example"), "a@x.example")
    assert found.fields == {"work_email": "b@x.example", "team_size": "40", "team_size_2": "50"}
