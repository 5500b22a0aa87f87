"""A person's additions to the tables of the rules."""

from pathlib import Path

import pytest

from agentic_sales.additions import with_additions
from agentic_sales.errors import ConfigurationError
from agentic_sales.graphs import country_classify
from agentic_sales.rules.place_words import place_words
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
