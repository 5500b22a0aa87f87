"""Let a worker's child die at a node of a graph.

`celery worker --include tests.chaos.deaths` brings this into a worker. The file `dies-at` in the state directory names
the assistant, the node and the moment. It is used up by one death. The file `visited` gets a line for each node that a
run enters.
"""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from celery import signals
from langchain_core.runnables import Runnable, RunnableConfig

from agentic_sales.control import control_plane
from agentic_sales.settings import settings
from agentic_sales.workers.carried import carried_assistants
from agentic_sales.workers.loader import load_graph

MOMENTS = ("enters", "leaves")
"""A node that leaves has done its work, and nobody knows it yet."""
_ORDER, _VISITED = "dies-at", "visited"


def order_death(folder: Path, assistant_id: str, node: str, moment: str, *, visits: int = 1) -> None:
    """Let a child that comes to a node die there, at one of the visits from now on."""
    place = _place(assistant_id, node, moment)
    (folder / _ORDER).write_text(f"{place}\n{_visits(folder, place) + visits}", encoding="utf-8")


def is_ordered(folder: Path) -> bool:
    """Tell whether a death has not come yet."""
    return (folder / _ORDER).exists()


def visited(folder: Path, assistant_id: str) -> Sequence[str]:
    """Return the nodes of an assistant that runs have entered, in their order, each once."""
    entered = (folder / _VISITED).read_text(encoding="utf-8").splitlines()
    of_it = (line.split(" ") for line in entered)
    return list(dict.fromkeys(node for name, node, _ in of_it if name == assistant_id))


def _visits(folder: Path, place: str) -> int:
    notes = folder / _VISITED
    return notes.read_text(encoding="utf-8").splitlines().count(place) if notes.exists() else 0


def visits_of(folder: Path, assistant_id: str, node: str, moment: str) -> int:
    """Return how often runs have come to a node at a moment."""
    return _visits(folder, _place(assistant_id, node, moment))


class Mortal(Runnable[Any, Any]):
    """A node that dies before or after its work if it is told so."""

    def __init__(self, inner: Runnable[Any, Any], assistant_id: str, node: str) -> None:
        self._inner, self._assistant_id, self._node = inner, assistant_id, node

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002 - langchain's
        """Do the work of a node that does not wait."""
        self._come("enters")
        output = self._inner.invoke(input, config, **kwargs)
        self._come("leaves")
        return output

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002 - as above
        """Do the work of a node."""
        self._come("enters")
        output = await self._inner.ainvoke(input, config, **kwargs)
        self._come("leaves")
        return output

    def _come(self, moment: str) -> None:
        folder, here = settings().state_dir, _place(self._assistant_id, self._node, moment)
        with (folder / _VISITED).open("a", encoding="utf-8") as notes:
            notes.write(f"{here}\n")
        order = folder / _ORDER
        if order.exists() and _is_meant(order.read_text(encoding="utf-8"), here, _visits(folder, here)):
            order.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


def _is_meant(order: str, here: str, visits: int) -> bool:
    place, _, at = order.partition("\n")
    return place == here and visits >= int(at)


def _place(assistant_id: str, node: str, moment: str) -> str:
    return f"{assistant_id} {node} {moment}"


@signals.worker_process_init.connect
def _make_mortal(**_: object) -> None:
    for assistant_id in carried_assistants():
        row = control_plane().rows[assistant_id]
        if row.resumable:  # A durable run goes on at its checkpoint. Its graph is compiled anew.
            continue
        for name, node in load_graph(row).graph.nodes.items():
            node.bound = Mortal(node.bound, assistant_id, name)
