"""Files of companies as tools export them, and cells that a spreadsheet must not execute."""

import io
from typing import Any

import pytest

from agentic_sales.rules.company_lines import CompanyLine, CompanyReader
from agentic_sales.rules.contact_files import COMPANIES, NotAContactFile, open_contact_file
from agentic_sales.rules.headings import load_headings
from agentic_sales.rules.spreadsheet_cells import csv_lines, neutral

HEADINGS = load_headings()


def lines_of(text: str) -> tuple[CompanyReader, list[CompanyLine]]:
    file = open_contact_file(io.BytesIO(text.encode()), HEADINGS, COMPANIES)
    reader = CompanyReader(file)
    return reader, [reader.read(record) for record in file.records]


@pytest.mark.parametrize(
    ("heading", "line"),
    [
        (
            "Record ID,Company name,Company Domain Name,Country/Region,Number of Employees,Industry",  # HubSpot
            '17,Acme GmbH,acme.de,Germany,"1,200",Software',
        ),
        (
            "Account Name,Website,Billing Country,Employees,Industry,Account Owner",  # Salesforce
            "Acme GmbH,http://www.acme.de,Germany,1200,Software,Bob",
        ),
        (
            "Company Name,# Employees,Industry,Website,Company Linkedin Url,Company Country",  # Apollo
            "Acme GmbH,1200,Software,https://acme.de/,,Germany",
        ),
        ("Organization Name,Website 1 - Value,Country,Employees,Industry", "Acme GmbH,acme.de,Germany,1200,Software"),
        ("Firma;Webseite;Land;Mitarbeiter;Branche", "Acme GmbH;www.acme.de;Germany;1.200;Software"),
        ("Name\tURL\tCountry\tHeadcount\tIndustry", "Acme GmbH\tacme.de\tGermany\t1200\tSoftware"),
    ],
)
def test_the_export_of_a_tool_is_read_by_its_headings(heading: str, line: str) -> None:
    _, [read] = lines_of(f"{heading}\n{line}\n")
    assert (read.firm.name, read.firm.site, read.refusals) == ("Acme GmbH", "acme.de", ())
    assert dict(read.facts) == {"country": "Germany", "employees": 1200, "industry": "Software"}


def test_the_report_tells_the_meaning_of_every_heading() -> None:
    reader, _ = lines_of("Account Name,Website,Billing Country,Account Owner\nAcme,acme.de,Germany,Bob\n")
    assert reader.meanings() == {
        "Account Name": "name",
        "Website": "domain",
        "Billing Country": "country",
        "Account Owner": "",
    }


def test_a_line_without_name_and_site_is_refused_and_a_page_of_everybody_is_no_site() -> None:
    _, [empty, page, broken] = lines_of("Company,Website,Country\n,,Spain\nAcme,linkedin.com/company/acme,\na,b,c,d\n")
    assert empty.refusals[0].reason.startswith("it names no company")
    assert (page.firm.key, page.problems[0].column) == ("acme", "Website")
    assert broken.refusals[0].reason == "it has 4 cells, the header has 3"


def test_an_address_in_a_column_of_facts_does_not_become_a_fact() -> None:
    _, [read] = lines_of("Company,City,Phone\nAcme,Berlin,jo@acme.de\n")
    assert dict(read.facts) == {"city": "Berlin"}


def test_a_file_without_names_and_sites_is_refused_with_its_columns() -> None:
    with pytest.raises(NotAContactFile, match="no column of company names or web sites; its columns are Country, Size"):
        lines_of("Country,Size\nSpain,3\n")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        (" +49 30 1", "' +49 30 1"),
        ("-1+1|cmd", "'-1+1|cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\uff1d1", "'\uff1d1"),
        ("Acme - Tools", "Acme - Tools"),
        (-3, "-3"),
        (True, "yes"),
        (None, ""),
        (["=a", "b"], "'=a; b"),
    ],
)
def test_a_cell_that_a_spreadsheet_would_execute_is_a_text(value: Any, cell: str) -> None:
    assert neutral(value) == cell


def test_rows_are_written_as_csv_with_quotes_where_needed() -> None:
    assert csv_lines([["a", 'b"c', "d,e"], ["=1", "", "ü"]]) == 'a,"b""c","d,e"\r\n\'=1,,ü\r\n'.encode()
