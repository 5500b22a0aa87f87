"""Show the results of all sets in the README, a line a set, between two comments."""

import re
from collections.abc import Iterable, Iterator, Mapping

from agentic_sales.errors import ConfigurationError
from agentic_sales.evaluation.evaluate import SetResult

BEGIN = "<!-- evals: written by `agentic-sales eval --all --readme README.md` -->\n"
END = "<!-- /evals -->\n"
MOST_SHOWN = 6
"""Measures of one set that are shown, those with the lowest values."""
_ROW = re.compile(r"^\| ([\w.]+) \| \d+ \| (.*) \|$", re.MULTILINE)
_VALUE = re.compile(r"(\w+) (\d\.\d{3})")


def eval_table(results: Iterable[SetResult]) -> str:
    """Return the results as a table of Markdown. Only the measures with a threshold are in it."""
    rows = (
        f"| {result.set_name} | {len(result.cases)} | {', '.join(_shown(result))} |\n"
        for result in sorted(results, key=lambda one: one.set_name)
    )
    return "| set | cases | measured by rules (least) |\n|---|---|---|\n" + "".join(rows)


def with_eval_table(readme: str, results: Iterable[SetResult]) -> str:
    """Return the text of a README with these results.

    Raises:
        ConfigurationError: It has no place for them.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ConfigurationError(
            f"the file has no place for the table; add the lines `{BEGIN.strip()}` and `{END.strip()}`"
        )
    return f"{before}{begin}{eval_table(results)}{end}{after}"


def told_values(readme: str) -> Mapping[str, Mapping[str, float]]:
    """Return the values that a README tells, by set and measure."""
    table = readme.partition(BEGIN)[2].partition(END)[0]
    return {name: {one: float(value) for one, value in _VALUE.findall(told)} for name, told in _ROW.findall(table)}


def _shown(result: SetResult) -> Iterator[str]:
    held = sorted((one for one in result.measures if one.measure.least is not None), key=lambda one: one.value)
    for one in held[:MOST_SHOWN]:
        yield f"{one.measure.name} {one.value:.3f} ({one.measure.least:g})"
    if more := held[MOST_SHOWN:]:
        yield f"and {len(more)} more, none lower"
