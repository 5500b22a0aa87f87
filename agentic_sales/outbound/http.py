"""Name the HTTP library of this code base in one place: everything else imports `httpx` from here.

Why httpx2: httpx has had no stable release since December 2024. httpx2 is its continuation by Pydantic with the same
interface, and LangSmith and the clients of OpenAI and Anthropic stand on it. Another library is an edit of this file.
"""

import httpx2 as httpx

__all__ = ["httpx"]
