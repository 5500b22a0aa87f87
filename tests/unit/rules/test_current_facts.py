"""Which of several facts about one field counts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, permutations

from agentic_sales.rules.current_facts import current, kept

START = datetime(2026, 11, 30, tzinfo=UTC)
_numbers = count()


@dataclass(frozen=True)
class Said:
    """A fact of a test."""

    method: str
    day: int
    confidence: float = 1.0
    workflow: str = "company_enrichment"
    fact_id: str = field(default_factory=lambda: f"{next(_numbers):04}")

    @property
    def observed_at(self) -> datetime:
        return START + timedelta(days=self.day)


def test_without_facts_nothing_is_current() -> None:
    assert current([]) is None
    assert kept(list[Said]()) == []


def test_the_more_trusted_method_wins_over_newer_and_more_certain_facts_in_any_order() -> None:
    person, api, listed = Said("person", 0, 0.1), Said("api", 1, 0.2), Said("import", 2, 0.3)
    model = Said("llm", 3, 0.9)
    for order in permutations([person, api, listed, model]):
        assert current(order) is person
    assert current([api, listed, model]) is api
    assert current([listed, model]) is listed


def test_of_two_facts_of_an_api_the_newer_one_wins() -> None:
    old, new = Said("api", 1, 0.9), Said("api", 2, 0.5)
    assert current([new, old]) is new


def test_of_rules_and_a_model_the_more_certain_one_wins_and_else_the_newer_one() -> None:
    rules, model = Said("rules", 2, 0.6), Said("llm", 1, 0.9)
    assert current([rules, model]) is model
    newer = Said("rules", 3, 0.9)
    assert current([newer, model]) is newer


def test_a_workflow_takes_its_own_earlier_judgement_back() -> None:
    before, after = Said("llm", 1, 0.9), Said("llm", 2, 0.7)
    assert current([before, after]) is after
    other = Said("llm", 1, 0.8, workflow="gh_ai_repos")
    assert current([before, after, other]) is other


def test_history_is_bounded_and_never_loses_the_current_fact() -> None:
    person = Said("person", 0)
    models = [Said("llm", day) for day in range(1, 40)]
    stays = kept([*models, person], most=5)
    assert stays == [person, *models[:-5:-1]]
