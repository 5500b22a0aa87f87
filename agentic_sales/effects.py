"""Hold a run to the effect of its row, wherever it would do more.

The context of a run carries its row. A source, a transaction of the store and the send door ask here first. Nothing is
refused outside a run, as in the facade, a command or a tick. A person or a schedule acts there, not a graph.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from agentic_sales.errors import EffectExceeded
from agentic_sales.registry import EFFECTS, Effect, GraphSpec

_acting: ContextVar[GraphSpec | None] = ContextVar("acting_row", default=None)


@contextmanager
def acting_as(row: GraphSpec) -> Iterator[None]:
    """Let everything in the body count as done by a run of this row."""
    token = _acting.set(row)
    try:
        yield
    finally:
        _acting.reset(token)


def require(effect: Effect, act: str) -> None:
    """Refuse an act that needs a stronger effect than the row of the current run has.

    Args:
        effect: The weakest effect that allows the act.
        act: The act in the message, such as "read the store".

    Raises:
        EffectExceeded: A run is current and the effect of its row is weaker.
    """
    row = _acting.get()
    if row is not None and is_stronger(effect, row.effect):
        raise EffectExceeded(row.assistant_id, row.effect, act, needed=effect)


def is_stronger(effect: Effect, other: Effect) -> bool:
    """Tell whether an effect allows more than another."""
    return EFFECTS.index(effect) > EFFECTS.index(other)
