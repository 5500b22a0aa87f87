"""Choose the look-ups of the operators' assistant, and write its answer from their results.

Without a model a fixed set of questions is answered. A model chooses look-ups from the same list. It can do nothing
else. Each number of its answer must stand in a result.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.book_questions import book_schema, known_questions, template_for
from agentic_sales.rules.sql_guard import Schema
from agentic_sales.rules.tables import table

AdminTool = Literal["query_book", "show_run", "list_runs", "show_campaign", "list_campaigns", "answer"]
MOST_STEPS = 6
MOST_CELL_CHARS = 200
MOST_RESULT_CHARS = 6_000
_HIDDEN: Mapping[str, frozenset[str]] = {"analyses": frozenset({"content"})}
"""Columns that no answer shows: the documents of workflows, among them whole drafts of mails."""
_TABLE = table("admin_desk")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class AdminStep(BaseModel):
    """The next look-up, or the answer."""

    tool: AdminTool = Field(description="The look-up, or `answer`.")
    argument: str = Field(
        max_length=8_000,
        description="query_book: one SELECT. show_run: a run id. list_runs: words such as `error email_compose`, or "
        "empty. show_campaign: a campaign id. list_campaigns: a state, or empty. answer: empty.",
    )
    answer: str = Field(max_length=4_000, description="The answer to the operator. Empty unless `tool` is `answer`.")


class StepTaken(BaseModel):
    """A look-up and its result."""

    tool: AdminTool = Field(description="The look-up.")
    argument: str = Field(default="", description="Argument of the look-up.")
    outcome: Literal["found", "nothing", "refused", "failed"] = Field(description="How it went.")
    text: str = Field(default="", description="Lines of the result, or the reason that there is none.")
    rows: int = Field(default=0, description="Rows that were found.")


def open_schema() -> Schema:
    """Return the tables and columns that the assistant may read."""
    return {
        name: tuple(column for column in columns if column not in _HIDDEN.get(name, ()))
        for name, columns in book_schema().items()
    }


def known_look_ups() -> list[str]:
    """Return the questions that are answered without a model."""
    return [*(row["asks"] for row in _TABLE["look_up"]), *known_questions()]


def planned(prompt: str) -> AdminStep:
    """Return the look-up for a question by rules, or the answer that names the questions that are known."""
    asked = " ".join(prompt.split())
    for row, pattern in _LOOK_UPS:
        if found := pattern.fullmatch(asked):
            words = [group for group in found.groups() if group]
            argument = " ".join([*row.get("words", []), *words])
            return AdminStep(tool=row["tool"], argument=argument, answer="")
    if (template := template_for(asked)) is not None:
        return AdminStep(tool="query_book", argument=template.sql, answer="")
    listed = "\n".join(f"- {question}" for question in known_look_ups())
    told = f"I do not know this question. Without a model I answer these, and I change and send nothing:\n{listed}"
    return AdminStep(tool="answer", argument="", answer=told)


def next_by_rules(prompt: str, steps: Sequence[StepTaken]) -> AdminStep:
    """Return the next step of the rules: the look-up, and then the answer."""
    if not steps:
        return planned(prompt)
    return AdminStep(tool="answer", argument="", answer=told_by_rules(steps))


def told_by_rules(steps: Sequence[StepTaken]) -> str:
    """Return the results of look-ups as an answer."""
    useful = [step for step in steps if step.outcome == "found"] or steps[-1:]
    return "\n\n".join(step.text for step in useful)[:4_000]


def checked_answer(step: AdminStep, prompt: str, steps: Sequence[StepTaken]) -> tuple[str, bool]:
    """Return the answer of a model, and whether it stands. With a number that nobody found it does not."""
    known = {_plain(number) for text in (prompt, *(step.text for step in steps)) for number in _NUMBER.findall(text)}
    counted = {str(step.rows) for step in steps} | {str(len(steps))}
    invented = [number for number in _NUMBER.findall(step.answer) if _plain(number) not in known | counted]
    if not step.answer.strip() or invented:
        return told_by_rules(steps) if steps else planned(prompt).answer or "Nothing was looked up.", False
    return step.answer, True


def as_lines(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, is_cut: bool, shown: Callable[[str], str]
) -> str:
    """Return rows as lines of text, with every cell cut.

    Args:
        columns: Names of the columns.
        rows: The rows.
        is_cut: There are more rows.
        shown: Takes secrets and personal data out of a text.
    """
    if len(rows) == 1:
        lines = [f"{column}: {_cell(value, shown)}" for column, value in zip(columns, rows[0], strict=True)]
    else:
        lines = [" | ".join(columns), *(" | ".join(_cell(value, shown) for value in row) for row in rows)]
    if is_cut:
        lines.append(f"There are more than these {len(rows)}.")
    return "\n".join(lines)[:MOST_RESULT_CHARS]


def about_steps(steps: Sequence[StepTaken]) -> str:
    """Return look-ups for a prompt."""
    told = (f"{step.tool} {step.argument}\n{step.outcome}: {step.text}" for step in steps)
    return "\n\n".join(told) or "nothing yet"


def _plain(number: str) -> str:
    return number.replace(",", "").strip(".")


def _cell(value: Any, shown: Callable[[str], str]) -> str:
    text = " ".join(shown("" if value is None else str(value)).split())
    return text if len(text) <= MOST_CELL_CHARS else f"{text[:MOST_CELL_CHARS]}…"


def _compiled(row: Mapping[str, Any]) -> re.Pattern[str]:
    return re.compile(rf"(?:please )?{row['pattern']}\s*[?.!]*", re.IGNORECASE)


_LOOK_UPS = tuple((row, _compiled(row)) for row in _TABLE["look_up"])
