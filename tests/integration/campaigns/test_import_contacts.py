"""The import of people: what is taken, what is wrong with which column, and nobody without a lawful basis."""

import pytest

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.people.import_contacts import ImportReport, import_contacts
from agentic_sales.campaigns.people.import_lines import ConsentDefaults
from agentic_sales.campaigns.people.stops import stop_person
from agentic_sales.contracts import CompanyId
from agentic_sales.errors import InvalidRequest
from agentic_sales.local.world.server import WorldServer
from agentic_sales.rules.contact_lines import LineProblem
from agentic_sales.settings import Settings, settings
from agentic_sales.store.companies import company
from agentic_sales.store.contacts import contact, contacts
from agentic_sales.store.database import Database, open_database
from tests.support.small_campaign import NOW

DEFAULTS = ConsentDefaults("legitimate_interest", "trade fair 2026")


async def take_in(database: Database, text: str, *, encoding: str = "utf-8", **options: object) -> ImportReport:
    """Import a file."""
    defaults = options.get("defaults", DEFAULTS)
    assert isinstance(defaults, ConsentDefaults | None)
    return await import_contacts(database, text.encode(encoding), now=NOW, defaults=defaults)


async def test_a_file_is_taken_in_whatever_its_headers_are_called(migrated: Settings) -> None:
    text = (
        "E-Mail;Vorname;Nachname;Job Title;Firma;Website;TimeZone;Lawful Basis;Source;Consent Date;Team size\n"
        "Jo@Acme.example;Jo;Müller;CTO;Acme;https://www.acme.example/us;Europe/Berlin;Contract;order 7;2026-01-31;40\n"
    )
    async with open_database(migrated) as database:
        report = await take_in(database, text)
        async with database.reading() as connection:
            (person,) = await contacts(connection, limit=10)
            assert person.company_id is not None
            employer = await company(connection, CompanyId(person.company_id))
    assert (report.encoding, report.count("added"), report.lines[0].contact_id) == ("utf-8", 1, person.contact_id)
    assert report.columns["E-Mail"] == "email"
    assert (person.email, person.first_name, person.last_name, person.position) == (
        *("Jo@acme.example", "Jo", "Müller", "CTO"),
    )
    assert (person.time_zone, person.consent_basis, person.consent_source) == ("Europe/Berlin", "contract", "order 7")
    assert (person.consent_at.date().isoformat(), person.fields) == ("2026-01-31", {"team_size": "40"})
    assert employer is not None
    assert (employer.name, employer.domain) == ("Acme", "acme.example")


@pytest.mark.parametrize(
    ("encoding", "told", "delimiter"),
    [
        ("utf-8-sig", "utf-8-sig", ";"),
        ("utf-16", "utf-16", "\t"),
        ("cp1252", "cp1252", "|"),
        ("utf-8", "utf-8", ","),
    ],
)
async def test_a_file_is_read_in_every_form_that_spreadsheets_write(
    migrated: Settings, encoding: str, told: str, delimiter: str
) -> None:
    text = delimiter.join(("email", "name")) + "\r\n" + delimiter.join(("jo@example.com", '"Jo  Müßig"')) + "\r\n\r\n"
    async with open_database(migrated) as database:
        report = await take_in(database, text, encoding=encoding)
        async with database.reading() as connection:
            (person,) = await contacts(connection, limit=10)
    assert (report.encoding, person.first_name, person.last_name) == (told, "Jo", "Müßig")


async def test_every_line_says_what_became_of_it_and_what_was_wrong_with_which_column(migrated: Settings) -> None:
    text = (
        "Mail,tz,basis\n"
        "jo@example.com,Mars/Olympus,\n"
        "not an address,,\n"
        ",,\n"
        "Jo+x@example.com,,\n"
        '"bo@example.com",,because\n'
        "mo@example.com,,,surplus\n"
        "lo@example.com\n"
    )
    async with open_database(migrated) as database:
        report = await take_in(database, text)
        again = await take_in(database, "email\njo@example.com\n")
    told = {line.line: (line.status, [problem.column for problem in line.problems]) for line in report.lines}
    assert told == {
        2: ("added", ["tz"]),
        3: ("refused", ["Mail"]),
        5: ("duplicate", [""]),
        6: ("refused", ["basis"]),
        7: ("refused", [""]),
        8: ("added", []),
    }
    assert report.lines[0].problems[0].reason == "`Mars/Olympus` is no time zone; it was left out"
    assert report.lines[2].problems[0].reason == "line 2 has the same person"
    assert (again.lines[0].status, again.lines[0].contact_id) == ("known", report.lines[0].contact_id)


async def test_a_control_character_in_a_name_is_dirt_that_no_header_gets_to_see(migrated: Settings) -> None:
    raw = b"email,first_name,consent_basis,consent_source\njo@x.example,J\x00o\x07\x7f,legitimate_interest,web\n"
    async with open_database(migrated) as database:
        (line,) = (await import_contacts(database, raw, now=NOW)).lines
        assert line.contact_id is not None
        async with database.reading() as connection:
            person = await contact(connection, line.contact_id)
    assert person is not None
    assert person.first_name == "J o"


@pytest.mark.parametrize("column", ["first_name", "company", "position", "likes"])
async def test_a_cell_that_hides_a_header_in_an_encoded_word_is_refused_by_its_column(
    migrated: Settings, column: str
) -> None:
    raw = f"email,{column}\njo@x.example,=?utf-8?q?Jo=0D=0ABcc:_x@evil.example?=\nbo@x.example,a =? b ?= c\n"
    async with open_database(migrated) as database:
        report = await import_contacts(database, raw.encode(), now=NOW, defaults=ConsentDefaults("consent", "a fair"))
    assert [line.status for line in report.lines] == ["refused", "added"]
    assert report.lines[0].problems[0].column == column
    assert "encoded word" in report.lines[0].problems[0].reason


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("jo@example.com,,list,", "consent_basis"),
        ("jo@example.com,consent,,", "consent_source"),
        ("jo@example.com,maybe,list,", "consent_basis"),
        ("jo@example.com,consent,list,yesterday", "consent_at"),
        ("jo@example.com,consent,list,2999-01-01", "consent_at"),
    ],
)
async def test_nobody_is_taken_in_without_a_lawful_basis_its_source_and_a_past_date(
    migrated: Settings, line: str, column: str
) -> None:
    async with open_database(migrated) as database:
        report = await take_in(database, f"email,consent_basis,consent_source,consent_at\n{line}\n", defaults=None)
        async with database.reading() as connection:
            assert await contacts(connection, limit=10) == []
    assert [(told.status, told.problems[0].column) for told in report.lines] == [("refused", column)]


async def test_who_asked_to_be_left_alone_does_not_come_back_by_an_import(migrated: Settings) -> None:
    async with open_database(migrated) as database:
        async with database.writing() as connection:
            await stop_person(connection, email_hash("jo@example.com"), "unsubscribed", source="link", now=NOW)
        report = await take_in(database, "email\nJO+work@example.com\n")
    assert report.lines[0].problems == (LineProblem("", "must not be written to: unsubscribed"),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no column of e-mail addresses"),
        ("name\nJo\n", "no column of e-mail addresses"),
        ('"email\n', "no column of e-mail addresses"),
        ("jo@example.com,Jo\n", "its first line holds an address where the headings"),
        ("email," * 600 + "\njo@example.com\n", "line 1 has 601 columns; a file has at most 500"),
        ("%PDF-1.7\nemail\n", "the file is a PDF, and no CSV"),
    ],
)
async def test_a_file_that_is_none_is_refused_as_a_whole(migrated: Settings, text: str, reason: str) -> None:
    async with open_database(migrated) as database:
        with pytest.raises(InvalidRequest, match=reason):
            await take_in(database, text)


async def test_a_quote_that_is_never_closed_costs_its_own_line_alone(migrated: Settings) -> None:
    async with open_database(migrated) as database:
        report = await take_in(database, 'email,name\njo@example.com,Jo\nbo@example.com,"Bo\nmo@example.com,Mo\n')
    assert [(line.line, line.status) for line in report.lines] == [(2, "added"), (3, "refused"), (4, "added")]
    assert "its quotes are not closed" in report.lines[1].problems[0].reason


# Addresses that take no mail

IN_WORLD = """Email,First Name
nerys.vanterpool@emberloom.example,Nerys
jo@pinecairn.example,Jo
info@emberloom.example,
ann@glassotter.example,Ann
"""


@pytest.fixture
def dns(world: WorldServer, monkeypatch: pytest.MonkeyPatch) -> WorldServer:
    """A world whose DNS the import asks."""
    monkeypatch.setenv("AGENTIC_SALES_DNS", world.environment()["AGENTIC_SALES_DNS"])
    settings.cache_clear()
    return world


@pytest.mark.usefixtures("dns")
async def test_an_address_that_takes_no_mail_is_refused_and_a_doubt_is_told(migrated: Settings) -> None:
    async with open_database(migrated) as database:
        report = await take_in(database, IN_WORLD)
    assert [line.status for line in report.lines] == ["added", "refused", "added", "added"]
    nerys, jo, info, ann = (line.problems for line in report.lines)
    assert nerys == ()
    told = "`jo@pinecairn.example` takes no mail: `pinecairn.example` says that it takes no mail (null MX)"
    assert jo == (LineProblem("Email", told),)
    assert "`info` is a mailbox that several people read" in info[0].reason
    assert ann[0].reason.startswith("`ann@glassotter.example` is risky: ")


async def test_an_import_goes_on_where_the_dns_does_not_answer(
    migrated: Settings, dns: WorldServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentic_sales.sources.mail_servers.LOOKUP_S", 0.2)
    dns.misbehave("slow", "dns")
    async with open_database(migrated) as database:
        report = await take_in(database, IN_WORLD)
    assert [line.status for line in report.lines] == ["added"] * 4
    assert "is unknown: the DNS gave no answer" in report.lines[0].problems[0].reason
