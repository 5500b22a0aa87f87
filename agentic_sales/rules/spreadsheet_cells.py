"""Write cells that no spreadsheet executes.

Excel, LibreOffice and Google Sheets take a cell that begins with one of a few characters for a formula. A formula can
read other cells and send them away. An apostrophe in front makes it a text (OWASP, CSV injection).
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the full-width forms, which some spreadsheets read as the narrow ones."""


def neutral(value: Any) -> str:
    """Return a value as the text of a cell that is not executed. None is an empty cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    text = "; ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_STARTS_FORMULA) else text


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Return rows as CSV in UTF-8, every cell neutral."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([neutral(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")
