"""What `langgraph dev`, the peer that ours is held against, is started with.

It has an environment of its own (`make langgraph-dev`): its server holds back libraries that ours uses.
"""

from pathlib import Path

from tests.support.services import missing

OFFLINE = {
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "LANGGRAPH_NO_VERSION_CHECK": "true",
    "LANGSMITH_TRACING": "false",
    "LOG_LEVEL": "WARNING",
}
"""Environment in which it speaks to nobody and writes little."""
_COMMAND = Path(__file__).parents[2] / ".venv-langgraph-dev" / "bin" / "langgraph"


def langgraph_command() -> Path:
    """Return the peer's command; where its environment is missing, skip the test that asks, or fail it in CI."""
    if not _COMMAND.exists():
        missing("there is no environment of `langgraph dev`: run `make langgraph-dev`")
    return _COMMAND
