"""What `langgraph dev`, the peer that ours is held against, is started with."""

OFFLINE = {
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "LANGGRAPH_NO_VERSION_CHECK": "true",
    "LANGSMITH_TRACING": "false",
    "LOG_LEVEL": "WARNING",
}
"""Environment in which it speaks to nobody and writes little."""
