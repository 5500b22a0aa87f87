"""Contact files: where their headings are, how they are encoded, and that a damaged line costs itself alone."""

import io

import pytest

from agentic_sales.rules.contact_files import ContactFile, NotAContactFile, open_contact_file
from agentic_sales.rules.csv_lines import LONGEST_LINE_CHARS
from agentic_sales.rules.headings import load_headings

HEADINGS = load_headings()


def opened(text: str, encoding: str = "utf-8") -> ContactFile:
    return open_contact_file(io.BytesIO(text.encode(encoding)), HEADINGS)


def cells(text: str, encoding: str = "utf-8") -> list[list[str]]:
    return [record.cells for record in opened(text, encoding).records]


@pytest.mark.parametrize(
    "notes",
    [
        "",
        "Contacts\n",
        "Exported by Sam, on Monday\n\nNotes: 2 records\n",
        "sep=,\n",
        '"Notes: some of the email addresses\nare missing, sorry"\n',
        ",,,\n",
    ],
)
def test_the_headings_are_found_below_notes(notes: str) -> None:
    text = f"{notes}Email,First Name,Company\njo@x.example,Jo,Acme\n"
    file = opened(text)
    assert [column.heading for column in file.columns] == ["Email", "First Name", "Company"]
    assert [record.cells for record in file.records] == [["jo@x.example", "Jo", "Acme"]]


def test_a_heading_that_nobody_knows_is_known_by_the_addresses_below_it() -> None:
    file = opened("Wohin;Wer;Owner\njo@x.example;Jo;sam@us.example\nbo@x.example;Bo;sam@us.example\n")
    assert [(column.heading, column.meaning) for column in file.columns] == [
        ("Wohin", "email"),
        ("Wer", None),
        ("Owner", None),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("jo@x.example,Jo\n", "its first line holds an address"),
        ("Name,City\nJo,Bern\n", "its columns are Name, City"),
        ("Wohin,Woher\na@x.example,b@x.example\n", "no column of e-mail addresses"),
        ("PK\x03\x04", "a spreadsheet of Excel"),
        ("\n <!DOCTYPE html><p>Email,\n", "a page"),
        ("", "its columns are none"),
        ("a," * 40_000, "line 1 has 40001 columns; a file has at most 500"),
    ],
)
def test_what_is_no_contact_file_says_what_it_is(text: str, told: str) -> None:
    with pytest.raises(NotAContactFile, match=told):
        opened(text)


@pytest.mark.parametrize(
    ("encoding", "heading", "told"),
    [
        ("cp932", "メールアドレス", "cp932"),
        ("cp1251", "Почта", "cp1251"),
        ("cp1252", "Adresse électronique", "cp1252"),
        ("utf-16-le", "Email", "utf-16-le"),
        ("utf-8-sig", "Email", "utf-8-sig"),
    ],
)
def test_an_encoding_is_told_by_the_headings_that_it_makes_readable(encoding: str, heading: str, told: str) -> None:
    file = opened(f"{heading},City\njo@x.example,Bern\n", encoding)
    assert (file.encoding, file.columns[0].heading, file.columns[0].meaning) == (told, heading, "email")


def test_western_names_below_english_headings_are_not_taken_for_another_script() -> None:
    assert cells("Email,Name\njo@x.example,Jörg Müßig-Gärtner\n", "cp1252") == [["jo@x.example", "Jörg Müßig-Gärtner"]]
    assert cells("Email,Name\njo@x.example,Иван Петров\n" * 9, "cp1251")[0] == ["jo@x.example", "Иван Петров"]


@pytest.mark.parametrize(
    ("damaged", "fault"),
    [
        ('b@x.example,"Acme,Bo', "quotes"),
        ('b@x.example,"Acme "Best" Ltd",Bo', "quotes"),
        ("b@x.example," + "x" * LONGEST_LINE_CHARS, "longer than"),
    ],
)
@pytest.mark.parametrize("behind", ["c@x.example,Best,Cy", 'c@x.example,"Best, Inc.",Cy', 'c@x.example,Best",Cy'])
def test_a_damaged_line_costs_itself_and_no_other(damaged: str, fault: str, behind: str) -> None:
    text = f"Email,Company,First Name\na@x.example,Acme,Al\n{damaged}\n{behind}\nd@x.example,Cool,Di\n"
    records = list(opened(text).records)
    assert [record.number for record in records] == [2, 3, 4, 5]
    assert [fault in record.fault for record in records] == [False, True, False, False]
    assert [record.cells[0] for record in records if record.cells] == ["a@x.example", "c@x.example", "d@x.example"]


def test_a_cell_of_several_lines_is_one_cell_wherever_it_stands() -> None:
    text = 'Notes,Email,Name\n"one, b@x.example\ntwo ""too""\n",a@x.example,Al\nplain,c@x.example,"C\ny"\n'
    assert cells(text) == [
        ['one, b@x.example\ntwo "too"\n', "a@x.example", "Al"],
        ["plain", "c@x.example", "C\ny"],
    ]


def test_headings_that_joined_files_repeat_are_nobody() -> None:
    assert len(cells("Email,Name\na@x.example,Al\nEmail,Name\nb@x.example,Bo\n")) == 2
