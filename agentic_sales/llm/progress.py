"""Tell how far a run is, as custom events of its stream: `{"stage", "done", "of", "note"}`."""

from langgraph.config import get_stream_writer


def tell_progress(stage: str, done: int, of: int, note: str = "") -> None:
    """Send one event to the readers of the run's stream. Without a reader, or outside a run, nothing is sent.

    Args:
        stage: Name of the node or of a part of it.
        done: Parts that are done.
        of: Parts in all. 0: nobody knows yet.
        note: A few words on the last part.
    """
    try:
        write = get_stream_writer()
    except RuntimeError:  # outside a graph, as in a test of one node
        return
    write({"stage": stage, "done": done, "of": of, "note": note})
