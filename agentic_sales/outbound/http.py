"""Name the HTTP library in one place. All other code imports `httpx` from here.

httpx has had no stable release since December 2024. httpx2 is its continuation by Pydantic with the same interface.
LangSmith and the clients of OpenAI and Anthropic use it. Another library is an edit of this file.
"""

import httpx2 as httpx

__all__ = ["httpx"]
