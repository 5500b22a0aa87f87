"""Score one answer against its label, from 0 (wrong) to 1 (right). Every metric is a pure function of plain values.

A label is a plain value, or `{"accept": [...]}` where several are right. `is` then names the one that counts for the
classes: `{"is": "not_now", "accept": ["not_now", "other"]}`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from rapidfuzz.fuzz import token_sort_ratio

from agentic_sales.rules.company_signs import find_quote

Metric = Callable[[Any, Any], float]
"""Takes the output and the label."""


def accepted(label: Any) -> list[Any]:
    """Return the right answers of a label."""
    return list(label["accept"]) if _has_several(label) else [label]


def class_of(label: Any) -> Any:
    """Return the class that a label counts for."""
    return label.get("is", label["accept"][0]) if _has_several(label) else label


def exact(found: Any, label: Any) -> float:
    """Score an answer that must be one of the right ones."""
    return float(
        any(found == right and isinstance(found, bool) == isinstance(right, bool) for right in accepted(label))
    )


def set_f1(found: Iterable[Any] | None, label: Iterable[Any]) -> float:
    """Score a set by the harmonic mean of precision and recall. Order and repetition do not count."""
    have, want = {_key(one) for one in found or ()}, {_key(one) for one in label}
    return 1.0 if not have and not want else 2 * len(have & want) / (len(have) + len(want))


def includes(found: Iterable[Any] | None, label: Collection[Any]) -> float:
    """Score by the share of the labelled members that were found. Further ones do no harm."""
    have = {_key(one) for one in found or ()}
    return sum(_key(one) in have for one in label) / len(label) if label else 1.0


def in_range(found: float | None, label: tuple[float, float]) -> float:
    """Score a number that must lie between two others, both of them allowed."""
    least, most = label
    return float(found is not None and least <= found <= most)


def in_closed_list(found: Any, label: Collection[Any]) -> float:
    """Score the share of values that a closed list has. A single value is a list of one."""
    values = found if isinstance(found, list) else [found]
    return sum(value in label for value in values) / len(values) if values else 1.0


def quotes_found(found: Iterable[str] | None, label: str | Iterable[str]) -> float:
    """Score the share of quotes that stand in a text, or in one of some texts. Case and spacing do not count."""
    texts = [label] if isinstance(label, str) else list(label)
    quotes = [quote for quote in found or () if quote]
    return sum(any(find_quote(quote, text) for text in texts) for quote in quotes) / len(quotes) if quotes else 1.0


def length(found: str | None, label: tuple[int, int]) -> float:
    """Score a text with a length between two numbers of characters."""
    return in_range(len(found or ""), label)


def count(found: Collection[Any] | None, label: int) -> float:
    """Score a list that must have so many members."""
    return float(len(found or ()) == label)


def is_filled(found: Any, label: bool) -> float:  # noqa: FBT001 - every metric takes what was found and the label
    """Score whether something is there. Nothing, an empty text and an empty list are not."""
    return float(bool(found) is label)


def words_at_most(found: str | None, label: int) -> float:
    """Score a text that may have so many words."""
    return float(0 < len((found or "").split()) <= label)


def without_phrases(found: str | None, label: Iterable[str]) -> float:
    """Score a text that must hold none of some phrases, in any case."""
    text = " ".join((found or "").casefold().split())
    return float(not any(" ".join(phrase.casefold().split()) in text for phrase in label))


def with_phrases(found: str | None, label: Collection[str]) -> float:
    """Score the share of phrases that a text holds, in any case."""
    text = " ".join((found or "").casefold().split())
    return sum(" ".join(phrase.casefold().split()) in text for phrase in label) / len(label) if label else 1.0


def similarity(found: str | None, label: str) -> float:
    """Score how alike two texts are, in any order of their words."""
    return token_sort_ratio((found or "").casefold(), label.casefold()) / 100


METRICS: Mapping[str, Metric] = {
    "exact": exact,
    "macro_f1": exact,
    "set_f1": set_f1,
    "includes": includes,
    "range": in_range,
    "closed_list": in_closed_list,
    "quotes_found": quotes_found,
    "length": length,
    "count": count,
    "is_filled": is_filled,
    "words_at_most": words_at_most,
    "without_phrases": without_phrases,
    "with_phrases": with_phrases,
    "similarity": similarity,
}
"""Every metric by its name in `evals/measures.toml`. Macro-F1 scores a case as exact does, and a set by its classes."""


def confusion(pairs: Iterable[tuple[Any, Any]]) -> dict[str, dict[str, int]]:
    """Count the pairs of a label and an output, by the label's class, then by the output's class.

    An accepted answer counts as the class of its label.
    """
    counts: dict[str, dict[str, int]] = {}
    for label, found in pairs:
        told = class_of(label) if exact(found, label) else found
        row = counts.setdefault(_name(class_of(label)), {})
        row[_name(told)] = row.get(_name(told), 0) + 1
    return counts


def recalls(counts: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
    """Return the share of each labelled class that was found, from a confusion matrix."""
    return {name: row.get(name, 0) / sum(row.values()) for name, row in counts.items()}


def macro_f1(counts: Mapping[str, Mapping[str, int]]) -> float:
    """Return the mean F1 of the labelled classes, from a confusion matrix."""
    if not counts:
        return 0.0
    return sum(_f1(name, counts) for name in counts) / len(counts)


def _f1(name: str, counts: Mapping[str, Mapping[str, int]]) -> float:
    right, wanted = counts[name].get(name, 0), sum(counts[name].values())
    told = sum(row.get(name, 0) for row in counts.values())
    return 2 * right / (wanted + told)


def _name(value: Any) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _key(value: Any) -> str:
    """Return a member in the form in which members are compared. `19` and `19.0` are one number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:g}" if is_number else str(value).strip().casefold()


def _has_several(label: Any) -> bool:
    return isinstance(label, Mapping) and "accept" in label
