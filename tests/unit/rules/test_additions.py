"""A person's additions to the tables of the rules."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.answers.signs import bounce_signs
from agentic_sales.campaigns.people.import_contacts import file_rules
from agentic_sales.errors import ConfigurationError
from agentic_sales.graphs import classify_reply, country_classify, email_reply
from agentic_sales.rules.bounces import ends_address
from agentic_sales.rules.contact_files import open_contact_file
from agentic_sales.rules.contact_lines import LineReader
from agentic_sales.rules.place_words import place_words
from agentic_sales.settings import settings
from agentic_sales.sources.site_pages import pricing_among
from tests.support.graph_runs import run_by_rules


def test_without_a_directory_or_a_file_a_rule_has_its_own_table(tmp_path: Path) -> None:
    assert with_additions("places", place_words, None) is place_words()
    assert with_additions("places", place_words, tmp_path) is place_words()


async def test_a_name_that_a_person_added_is_read_by_the_workflow(tmp_path: Path) -> None:
    (tmp_path / "places.toml").write_text('[names]\nPT = ["Qwertz Valley"]\n')
    given = {"location": "Qwertz Valley"}
    final = await run_by_rules(country_classify.graph, given, AGENTIC_SALES_RULES_DIR=str(tmp_path))
    assert final["country"] == "PT"
    assert (await run_by_rules(country_classify.graph, given))["country"] is None


@pytest.mark.parametrize("content", ["names = [", "names = 5", "[shared]\nspringfield = 7"])
def test_additions_that_do_not_fit_name_the_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "places.toml").write_text(content)
    with pytest.raises(ConfigurationError, match=r"places\.toml` does not fit the table `places`"):
        with_additions("places", place_words, tmp_path)


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory of a person's additions, as the settings name it."""
    monkeypatch.setenv("AGENTIC_SALES_RULES_DIR", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_a_heading_and_a_value_that_a_person_added_are_read_in_a_file(added: Path) -> None:
    (added / "headings.toml").write_text('[email]\nours = ["Wohin damit"]\n')
    (added / "wishes.toml").write_text('[state_headings]\nours = ["Ampel"]\n[unsubscribed_values]\nours = ["rot"]\n')
    headings, _ = file_rules()
    file = open_contact_file(io.BytesIO(b"Wohin damit,Ampel\nada@example.com,rot\n"), headings)
    lines = LineReader(file, file_rules()[1])
    [line] = [lines.read(record) for record in file.records]
    assert line.addresses == ("ada@example.com",)
    assert line.wish is not None


def test_words_of_a_mail_server_that_a_person_added_tell_a_bounce(added: Path) -> None:
    told = "550 qwertz uiop"
    (added / "bounces.toml").write_text('[unknown]\nwords = ["qwertz uiop"]\n')
    assert not ends_address(told)
    assert ends_address(told, bounce_signs())


def test_a_path_that_a_person_added_is_a_pricing_page(added: Path) -> None:
    (added / "sites.toml").write_text('[paths]\npricing = ["tarifwerk"]\n')
    urls = ("https://harbor.example/tarifwerk",)
    assert pricing_among(urls, "https://harbor.example/") == urls[0]


async def test_an_opt_out_that_a_person_added_is_understood_in_replies(tmp_path: Path) -> None:
    (tmp_path / "optouts.toml").write_text('[plain]\nours = ["qwertz uiop"]\n')
    folder = {"AGENTIC_SALES_RULES_DIR": str(tmp_path)}
    answer, email = {"body": "Qwertz uiop!"}, {"original_email": "Subject: x\n\nQwertz uiop!"}
    assert (await run_by_rules(classify_reply.graph, answer, **folder))["reply_class"] == "unsubscribe"
    assert (await run_by_rules(classify_reply.graph, answer))["reply_class"] != "unsubscribe"
    assert (await run_by_rules(email_reply.graph, email, **folder))["skip_reason"]
    assert not (await run_by_rules(email_reply.graph, email))["skip_reason"]


async def test_additions_of_several_tables_that_do_not_fit_are_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "replies.toml").write_text("refused = 5")
    with pytest.raises(ConfigurationError, match="AGENTIC_SALES_RULES_DIR"):
        await run_by_rules(classify_reply.graph, {"body": "Hello"}, AGENTIC_SALES_RULES_DIR=str(tmp_path))
