"""Trials of a flow's arms, made by hand or by hypothesis."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from agentic_sales.rules.arms import Trial
from agentic_sales.rules.outcome_rewards import ARM_KINDS, rewards_of_outcomes

BOUNDED = settings(
    max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
"""Properties are checked by the same examples each time, so a gate is red for a change alone."""
REWARDS = rewards_of_outcomes()
NAMES = ("a", "b", "c", "d")
BANDS = ("0.5-0.6", "0.6-0.7", "0.7-0.8", "0.8-0.9", "0.9-1.0")
OUTCOMES = sorted({*REWARDS.outcomes, *REWARDS.columns, "edited", "somewhere_else"})


def trial(name: str, *outcomes: str, count: int = 1, days: float | None = 30.0, rounds_ago: int = 0) -> Trial:
    """Return trials of a template whose message was sent long ago."""
    return Trial({"template": name}, ("sent", *outcomes), days, rounds_ago, count)


def trials() -> st.SearchStrategy[list[Trial]]:
    """Any trials of arms of every kind."""
    arms = st.fixed_dictionaries(
        {}, optional={kind: st.sampled_from(BANDS if kind == "score_band" else NAMES) for kind in ARM_KINDS}
    )
    one = st.builds(
        Trial,
        arms,
        st.lists(st.sampled_from(OUTCOMES), max_size=4, unique=True).map(tuple),
        st.none() | st.floats(0, 60),
        st.integers(0, 40),
        st.integers(1, 50),
    )
    return st.lists(one, max_size=12)
