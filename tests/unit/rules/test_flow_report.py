"""The report tells salespeople what was seen, and what changes because of it."""

import json
import shlex
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_sales.rules.arms import ArmPlan, Trial, next_round
from agentic_sales.rules.calibration import CalibratedBand, Calibration, calibrated
from agentic_sales.rules.flow_report import FlowReport, allow_command, counted, flow_report
from agentic_sales.rules.outcome_rewards import ARM_KINDS, COLUMNS
from agentic_sales.rules.shares import share
from tests.support.flow_trials import BANDS, BOUNDED, NAMES, REWARDS, trial, trials

TWO = [
    trial("short", "interested", count=9),
    trial("short", "not_now", count=3),
    trial("short", count=88),
    trial("long", "interested", count=1),
    trial("long", count=99),
]
"""Two templates, one of which does better by 9 to 1 of 100."""


def reported(
    given: list[Trial], contacts: dict[str, int], before: dict[str, int], stopped: dict[str, str] | None = None
) -> FlowReport:
    """Return the report on templates."""
    plan = ArmPlan("template", contacts, stopped or {})
    return flow_report("research", given, [plan], rewards=REWARDS, before={"template": before})


def calibration(*rates: tuple[str, int, float]) -> Calibration:
    """Return a calibration by the name, the outcomes and the rate of each band."""
    return Calibration(tuple(CalibratedBand(band, float(band[:3]), n, n * rate, rate) for band, n, rate in rates))


def told_of_score(given: Calibration, thresholds: tuple[float, float] | None = None) -> tuple[str, ...]:
    """Return the sentences on the score."""
    report = flow_report("research", [], [], rewards=REWARDS, calibration=given, thresholds=thresholds)
    return report.sentences[1:]


def test_each_column_counts_the_leads_that_came_so_far_or_further() -> None:
    given = [
        Trial({}, ("nothing_found",)),
        Trial({}, ("dropped",), count=10),
        Trial({}, ("kept",), count=4),
        Trial({}, ("enrolled", "drafted", "rejected"), count=2),
        Trial({}, ("enrolled",), 3.0, count=20),
        Trial({}, ("enrolled", "bounced"), 3.0),
        Trial({}, ("enrolled", "not_interested"), 3.0, count=3),
        Trial({}, ("enrolled", "interested"), 3.0, count=2),
    ]
    expected = {"found": 42, "kept": 32, "contacted": 26, "answered": 5, "interested": 2}
    assert counted(given, REWARDS) == expected


def test_a_report_begins_with_the_whole_flow() -> None:
    report = reported(TWO, {"short": 90, "long": 10}, {})
    assert report.sentences[0] == ("200 leads found, 200 kept, 200 written to; 13 answered and 10 were interested.")
    assert report.shares["interested"] == share(10, 200)


def test_an_arm_has_its_shares_with_their_intervals_and_its_contacts() -> None:
    short, long = reported(TWO, {"long": 10, "short": 90}, {"short": 50, "long": 50}).arms
    assert (short.name, short.contacts_before, short.contacts_next) == ("short", 50, 90)
    assert short.shares["answered"] == share(12, 100)
    assert short.shares["interested"] == share(9, 100)
    assert (long.counts["interested"], long.stopped) == (1, "")


def test_each_change_is_told_with_the_numbers_that_it_rests_on() -> None:
    sentences = reported(TWO, {"short": 90, "long": 10}, {"short": 50, "long": 50}).sentences
    assert sentences[1] == (
        "Template `short`: 90 of 100 contacts in the next round, 50 in the last one. "
        "9 of 100 people were interested (9.0%, 95% interval 4.8% to 16.2%)."
    )
    assert sentences[2] == (
        "Template `long`: 10 of 100 contacts in the next round, 50 in the last one. "
        "1 of 100 people was interested (1.0%, 95% interval 0.2% to 5.5%)."
    )


def test_what_is_not_sure_yet_is_said() -> None:
    assert reported(TWO, {"short": 90, "long": 10}, {}).sentences[-1] == (
        "It is not sure yet that template `short` is better than template `long`."
    )
    many = [trial("short", "interested", count=90), trial("short", count=910), trial("long", count=1000)]
    assert reported(many, {"short": 90, "long": 10}, {}).sentences[-1] == (
        "Template `short` is better than template `long`: their intervals lie apart."
    )


def test_an_arm_without_contacts_is_tried_because_nothing_is_known_of_it() -> None:
    assert reported([], {"new": 100}, {}).sentences[1] == (
        "Template `new`: 100 of 100 contacts in the next round, 0 in the last one. "
        "Nobody has been written to by it yet, so it is tried."
    )


def test_a_stopped_arm_is_told_with_its_reason_and_with_what_is_to_be_done() -> None:
    given = [*TWO, trial("short", "complained")]
    plan = next_round(given, "template", ["short", "long"], 100, rewards=REWARDS, seed="s")
    report = flow_report("research", given, [plan], rewards=REWARDS)
    assert report.sentences[1] == (
        "Template `short` is stopped: 1 of 101 people complained of the mail. "
        "Nobody is written to by it until somebody has looked at it and lets it go on by "
        "`agentic-sales flows allow research template short`."
    )
    assert {arm.name: (arm.contacts_next, bool(arm.stopped)) for arm in report.arms} == {
        "long": (100, False),
        "short": (0, True),
    }


def test_a_flow_without_an_arm_left_says_so() -> None:
    report = reported([trial("a", "complained")], {}, {"a": 1}, {"a": "1 of 1 people complained of the mail"})
    assert (
        "Every template is stopped, so the next round writes to nobody, and kept leads wait until one of them goes on."
    ) in report.sentences


def test_the_command_that_lets_an_arm_go_on_can_be_pasted_whatever_its_name_is() -> None:
    command = allow_command("topic", "query", "it's sales; rm -rf /")
    assert shlex.split(command)[-1] == "it's sales; rm -rf /"


def test_nothing_is_told_of_an_arm_that_stays_as_it_is() -> None:
    assert len(reported(TWO[:3], {"short": 100}, {"short": 100}).sentences) == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            calibration(("0.6-0.7", 12, 0.1)),
            "The score is left as it is: 12 outcomes are too few to judge it by, 30 are needed.",
        ),
        (
            calibration(("0.6-0.7", 40, 0.01), ("0.8-0.9", 50, 0.06)),
            (
                "A higher score brings more: 100 people of 0.8-0.9 bring as much as 6.0 interested answers, "
                "100 of 0.6-0.7 as much as 1.0 interested answers, by 90 outcomes."
            ),
        ),
        (
            calibration(("0.6-0.7", 40, 0.03), ("0.8-0.9", 50, 0.03)),
            (
                "The score does not tell who answers: 100 people of any band bring as much as 3.0 interested answers, "
                "by 90 outcomes."
            ),
        ),
    ],
)
def test_the_worth_of_the_score_is_told(given: Calibration, told: str) -> None:
    assert told_of_score(given) == (told,)


def test_a_threshold_that_rises_is_told() -> None:
    given = calibration(("0.6-0.7", 400, 0.0), ("0.8-0.9", 50, 0.06))
    assert told_of_score(given, (0.6, given.threshold(0.6, 0.02)))[-1] == (
        "Leads are kept from a score of 0.8 on, 0.6 before, because those below bring too little."
    )
    assert len(told_of_score(given, (0.6, 0.6))) == 1


@BOUNDED
@given(trials(), st.integers(0, 60), st.dictionaries(st.sampled_from(NAMES), st.integers(0, 60)))
def test_whatever_came_of_a_flow_its_report_adds_up(given: list[Trial], contacts: int, before: dict[str, int]) -> None:
    names = {kind: BANDS if kind == "score_band" else NAMES for kind in ARM_KINDS}
    plans = [next_round(given, kind, names[kind], contacts, rewards=REWARDS, seed="s") for kind in ARM_KINDS]
    known = dict.fromkeys(ARM_KINDS, before)
    told = flow_report("f", given, plans, rewards=REWARDS, before=known, calibration=calibrated(given, REWARDS))
    for counts, shares in [(told.counts, told.shares), *((arm.counts, arm.shares) for arm in told.arms)]:
        assert [counts[name] for name in COLUMNS] == sorted(counts.values(), reverse=True)
        for seen in shares.values():
            assert (seen.low_ratio is None) == (seen.of == 0)
            assert seen.low_ratio is None or seen.low_ratio - 1e-4 <= seen.count / seen.of
            assert seen.high_ratio is None or seen.count / seen.of <= seen.high_ratio + 1e-4
    for plan in plans:
        mine = [arm for arm in told.arms if arm.kind == plan.kind]
        of_kind = [one for one in given if plan.kind in one.arms]
        assert len({arm.name for arm in mine}) == len(mine)
        assert sum(arm.contacts_next for arm in mine) == sum(plan.contacts.values())
        assert sum(arm.counts["found"] for arm in mine) == counted(of_kind, REWARDS)["found"]
        assert all(arm.contacts_next == 0 for arm in mine if arm.stopped)
    assert len(set(told.sentences)) == len(told.sentences)
    assert all(sentence.endswith(".") for sentence in told.sentences)
    json.dumps(asdict(told))
