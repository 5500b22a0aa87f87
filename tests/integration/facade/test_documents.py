"""Documents are added, shown, searched and removed over HTTP. What cannot be read is refused with the reason."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.settings import Settings

KEY = {"authorization": "Bearer key"}
CONTRACT = (
    b"# Contract\n\n## Term\n\nEither party may end it with a notice of 90 days.\n\n"
    b"Its lawyer is Wilhelmina Kunigundis."
)


@pytest.fixture
def client(migrated: Settings, redis_url: str) -> Iterator[TestClient]:
    """A caller with the key."""
    told = {"redis_url": redis_url, "auth_token": SecretStr("key")}
    with TestClient(create_app(migrated.model_copy(update=told), control_plane()), headers=KEY) as client:
        yield client


def add(client: TestClient, raw: bytes, name: str) -> Any:
    return client.post("/documents", params={"name": name}, content=raw).json()


def test_a_document_is_added_once_found_shown_and_removed(client: TestClient) -> None:
    added = add(client, CONTRACT, "contract.md")
    assert (added["status"], added["title"], added["passages"]) == ("added", "Contract", 1)
    assert add(client, CONTRACT, "contract.md")["status"] == "known"
    assert [each["title"] for each in client.get("/documents").json()] == ["Contract"]
    found = client.get("/documents/search", params={"question": "How long is the notice period?"}).json()
    assert [each["sentence"] for each in found["supports"]] == ["Either party may end it with a notice of 90 days."]
    path = f"/documents/{added['document_id']}"
    assert client.get(path).json()["passages"][0]["heading_path"] == ["Contract", "Term"]
    assert client.delete(path).status_code == 200
    assert client.get(path).status_code == 404
    assert client.get("/documents/search", params={"question": "notice"}).json()["passages"] == []


def test_html_and_pdf_are_read(client: TestClient) -> None:
    page = b"<title>Terms</title><h1>Terms</h1><p>The fee is 48,000 euros.</p><script>fee = 1</script>"
    assert add(client, page, "terms.html")["title"] == "Terms"
    assert add(client, pdf("The warranty lasts 24 months."), "warranty.pdf")["passages"] == 1
    found = client.get("/documents/search", params={"question": "How long is the warranty?"}).json()
    assert found["passages"][0]["heading_path"] == ["Page 1"]
    assert [each["sentence"] for each in found["supports"]] == ["The warranty lasts 24 months."]


@pytest.mark.parametrize(
    ("raw", "name", "why"),
    [
        (b"\x89PNG\r\n", "logo.png", "the format `.png` is not known; expected one of .md"),
        (b"%PDF-1.7 broken", "broken.pdf", "the PDF cannot be read"),
        (b"  \n", "empty.md", "there is no text in it"),
        (b"\0\1\2 data", "data.txt", "it is no text"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_its_name_with_the_reason(
    client: TestClient, raw: bytes, name: str, why: str
) -> None:
    told = add(client, raw, name)
    assert told["code"] == "document_unreadable"
    assert told["detail"].startswith(f"`{name}` cannot be added: {why}")


def test_who_is_forgotten_is_no_longer_in_a_document(client: TestClient) -> None:
    add(client, CONTRACT + b"\n\n# Fees\n\n48,000 euros.", "contract.md")
    client.post("/companies/import", content="name,domain\nAcme,acme.de\n")
    client.post("/people/import", content="name,company,profile\nWilhelmina Kunigundis,acme.de,github.com/wilma\n")
    whom = {"profile": "https://github.com/wilma"}
    held = client.post("/people/disclose", json=whom).json()["held"]
    assert [each["document"] for each in held["passages"]] == ["Contract"]
    assert client.post("/people/forget", json=whom).json()["erased"]["passages"] == 1
    assert client.get("/documents/search", params={"question": "Wilhelmina Kunigundis"}).json()["passages"] == []
    assert client.get("/documents/search", params={"question": "euros fees"}).json()["passages"] != []


def pdf(text: str) -> bytes:
    """Return a PDF of one page."""
    content = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Font << /F1 5 0 R >> >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"xref\n0 7\n0000000000 65535 f \n%strailer << /Size 7 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(out),
    )
