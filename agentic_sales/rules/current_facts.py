"""Decide which of several facts about one field of one subject is current, and which of the others are kept.

This is the only place that decides it. The store marks the facts of its answers.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol, TypeVar, get_args

Method = Literal["api", "rules", "llm", "import", "person"]
"""Way in which a fact was found. `import`: a file that a person gave. `person`: a person's own word."""
METHODS: tuple[str, ...] = get_args(Method)
MOST_KEPT = 20
"""Facts of one field of one subject, the current one among them."""
_TRUST = {"person": 3, "api": 2, "import": 1, "rules": 0, "llm": 0}
_JUDGED = frozenset({"rules", "llm"})
"""Methods with facts that are compared by confidence before age."""


class ComparedFact(Protocol):
    """One fact, as far as it is compared with others of its field."""

    @property
    def fact_id(self) -> str:
        """Its id. A later fact has a larger one."""

    @property
    def method(self) -> str:
        """One of `METHODS`."""

    @property
    def workflow(self) -> str:
        """Workflow that found it. Empty if none did."""

    @property
    def confidence(self) -> float:
        """From 0 to 1."""

    @property
    def observed_at(self) -> datetime:
        """When it was seen last."""


C = TypeVar("C", bound=ComparedFact)


def current(claims: Sequence[C]) -> C | None:
    """Return the current fact of a field. None without any.

    The method decides first: a person, an API, an imported file, then a judgement by rules or by a model. Among
    judgements the more certain one wins, and else the newer one. A workflow takes its own earlier judgement back: of
    one method and one workflow only the newest fact counts.
    """
    newest: dict[tuple[str, str], C] = {}
    for claim in sorted(claims, key=_age):
        newest[claim.method, claim.workflow] = claim
    return max(newest.values(), key=_weight, default=None)


def kept(claims: Sequence[C], *, most: int = MOST_KEPT) -> list[C]:
    """Return the facts of a field that stay: the current one, then the newest ones."""
    chosen = current(claims)
    others = sorted((claim for claim in claims if claim is not chosen), key=_age, reverse=True)
    return [] if chosen is None else [chosen, *others[: most - 1]]


def _weight(claim: ComparedFact) -> tuple[int, float, datetime, str]:
    certainty = claim.confidence if claim.method in _JUDGED else 1.0
    return (_TRUST.get(claim.method, 0), certainty, *_age(claim))


def _age(claim: ComparedFact) -> tuple[datetime, str]:
    return claim.observed_at, claim.fact_id
