"""Products come into the store by the command line, checked by the schema of the workflow that reads them."""

import json
import subprocess
import sys
from pathlib import Path

from agentic_sales.settings import child_environment

PRODUCT = {
    "name": "Acme QA",
    "url": "https://acme.example",
    "personas": [{"title": "Head of QA", "pain": "flaky tests"}],
}


def products(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `agentic-sales products …` on a store of its own."""
    program = Path(sys.executable).with_name("agentic-sales")
    environment = child_environment({"AGENTIC_SALES_STATE_DIR": str(folder / "state"), "DATABASE_URL": None})
    return subprocess.run(
        [program, "products", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_product_that_is_imported_twice_keeps_its_number_and_is_listed_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "products.json"
    for url in ("https://old.example", "https://acme.example"):
        file.write_text(json.dumps([{**PRODUCT, "url": url}]))
        told = products(tmp_path, "import", str(file), "--json")
        assert (told.returncode, json.loads(told.stdout)) == (0, {"Acme QA": 1}), told.stderr
    assert json.loads(products(tmp_path, "list", "--json").stdout) == [{"product_id": 1, **PRODUCT}]
    assert "Acme QA" in products(tmp_path, "list").stdout


def test_a_file_with_one_wrong_product_changes_nothing_and_names_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "products.json"
    file.write_text(json.dumps([PRODUCT, {"name": "Bad", "personas": [{"seniority": "VP"}]}]))
    refused = products(tmp_path, "import", str(file))
    assert refused.returncode == 2
    assert "product 1: /personas/0/title: required field is missing" in refused.stderr
    assert json.loads(products(tmp_path, "list", "--json").stdout) == []
